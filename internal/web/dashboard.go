package web

import (
	"bytes"
	"cmp"
	"crypto/rand"
	"net/http"
	"net/url"
	"path"
	"strings"

	"github.com/hibiken/asynqmon"
)

// dashboardRoot is where the dashboard is.
const dashboardRoot = "/dashboard"

// dashboardPolicy is pagePolicy with what asynqmon's page has written into it: two scripts, and the styles that material-ui puts
// there. Both carry the page's nonce, so that nothing else of that kind is taken.
const dashboardPolicy = "default-src 'none'; script-src 'self' 'nonce-NONCE'; style-src 'self' 'nonce-NONCE'; img-src 'self' data:; " +
	"font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// dashboard is asynqmon, with a page that needs nothing from elsewhere.
type dashboard struct {
	*asynqmon.HTTPHandler
	raw  []byte // its page as asynqmon has it
	page string // and as it is served, with NONCE for the nonce
}

func newDashboard(c Config) *dashboard {
	d := &dashboard{HTTPHandler: asynqmon.New(asynqmon.Options{
		RootPath: dashboardRoot, RedisConnOpt: c.Asynq, ReadOnly: !c.Write,
		PayloadFormatter: asynqmon.PayloadFormatterFunc(payloadText), ResultFormatter: asynqmon.ResultFormatterFunc(resultText),
	})}
	kept := keep(d.HTTPHandler, &http.Request{Method: http.MethodGet, URL: &url.URL{Path: dashboardRoot + "/"}})
	d.raw, d.page = kept.body.Bytes(), rewritePage(kept.body.String())
	return d
}

func (s *Site) serveDashboard() {
	s.dashboard = newDashboard(s.Config)
	s.open("GET "+dashboardRoot, http.RedirectHandler(dashboardRoot+"/", http.StatusSeeOther).ServeHTTP)
	s.page(dashboardRoot+"/", s.dashboard.serveFile)
	s.page(dashboardRoot+"/api/", s.dashboard.serveData)
	s.page(dashboardRoot+"/api/metrics", http.NotFound) // it asks a Prometheus, and there is none
	s.page(dashboardRoot+"/api/redis_info", s.dashboard.serveRedisInfo)
}

// serveData answers the page's questions.
func (d *dashboard) serveData(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", kinds[".json"]) // unless it is an error, asynqmon leaves it to be guessed
	d.ServeHTTP(w, withTaskID(r))
}

// serveRedisInfo leaves out what an embedded Redis says of itself, which is next to nothing: asynqmon's page would show that it has
// been up for "undefined days".
func (d *dashboard) serveRedisInfo(w http.ResponseWriter, r *http.Request) {
	answer := keep(d.HTTPHandler, r)
	tells := bytes.Contains(answer.body.Bytes(), []byte(`"redis_version"`)) || bytes.Contains(answer.body.Bytes(), []byte(`"cluster_state"`))
	if answer.status == http.StatusOK && !tells {
		http.Error(w, "this Redis tells nothing about itself", http.StatusNotImplemented)
		return
	}
	w.Header().Set("Content-Type", cmp.Or(answer.header.Get("Content-Type"), kinds[".json"]))
	w.WriteHeader(answer.status)
	_, _ = w.Write(answer.body.Bytes()) // the browser has gone
}

// serveFile serves the page, and what it loads. asynqmon answers with the page wherever it has no file.
func (d *dashboard) serveFile(w http.ResponseWriter, r *http.Request) {
	kept := keep(d.HTTPHandler, r)
	switch {
	case kept.status == http.StatusOK && bytes.Equal(kept.body.Bytes(), d.raw):
		d.servePage(w)
	case kept.status == http.StatusOK:
		serveFile(path.Base(r.URL.Path), kept.body.Bytes())(w, r)
	default:
		http.Error(w, http.StatusText(kept.status), kept.status)
	}
}

func (d *dashboard) servePage(w http.ResponseWriter) {
	nonce := strings.NewReplacer("NONCE", rand.Text())
	w.Header().Set("Content-Security-Policy", nonce.Replace(dashboardPolicy))
	w.Header().Set("Content-Type", kinds[".html"])
	_, _ = nonce.WriteString(w, d.page) // the browser has gone
}

// rewritePage has asynqmon's page load its fonts from here, gives the nonce to its scripts and to material-ui, which looks for it in
// a meta element, and adds the way to our other pages. Its manifest, for installing the page like a program, names icons where
// there are none.
var rewritePage = strings.NewReplacer(
	`<link rel="stylesheet" href="https://fonts.googleapis.com/css?family=Roboto:300,400,500,700&display=swap"/>`, `<link rel="stylesheet" href="/assets/roboto/roboto.css"/>`,
	`<link rel="stylesheet" href="https://fonts.googleapis.com/icon?family=Material+Icons"/>`, ``, // no element of the page uses it
	`<link rel="manifest" href="`+dashboardRoot+`/manifest.json"/>`, ``,
	`<script>`, `<script nonce="NONCE">`,
	`</head>`, `<meta property="csp-nonce" content="NONCE"/><link rel="stylesheet" href="/assets/dashboard/dashboard.css"/><script src="/assets/dashboard/dashboard.js"></script></head>`,
	`<div id="root">`, `<nav class="hpplink" aria-label="hpplink"><a href="/orders">Orders</a><form method="post" action="/logout"><button>Log out</button></form></nav><div id="root">`,
).Replace

// kept is an answer that is looked at before it is sent.
type kept struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func keep(h http.Handler, r *http.Request) *kept {
	k := &kept{header: http.Header{}, status: http.StatusOK}
	h.ServeHTTP(k, r)
	return k
}

// Header implements http.ResponseWriter.
func (k *kept) Header() http.Header { return k.header }

// WriteHeader implements http.ResponseWriter.
func (k *kept) WriteHeader(status int) { k.status = status }

// Write implements http.ResponseWriter.
func (k *kept) Write(b []byte) (int, error) { return k.body.Write(b) }
