package pages

import (
	"bytes"
	"context"
	"embed"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"time"

	"github.com/hpplink/hpplink/internal/lookup"
	"github.com/hpplink/hpplink/internal/redisconn"
)

//go:embed templates
var templateFiles embed.FS

// frame is what every page has around what it shows.
type frame struct {
	Title  string
	Nav    string // the entry of the navigation that it belongs to
	Live   string // where its changing part is fetched from; "" for a page that stands still
	Every  int    // seconds between two fetches
	Now    time.Time
	Write  bool
	Find   string // what was looked for
	Answer string // in a few words, how things stand: the browser's title, and what is read aloud when it changes
	Body   any
}

// templates are parsed once for each page, since they all define the same blocks.
var templates = map[string]*template.Template{}

func init() {
	for _, page := range []string{"overview", "minutes", "failed", "confirm", "replayed", "order", "found", "batches", "batch", "surplus", "message"} {
		templates[page] = template.Must(template.New(page).Funcs(functions).ParseFS(templateFiles, "templates/parts.html", "templates/layout.html", "templates/"+page+".html"))
	}
}

var functions = template.FuncMap{
	"number": number, "counted": counted, "clock": clock, "ago": age, "span": span, "visible": lookup.Visible, "order": orderPath, "path": at, "batchpath": batchPath,
	"utc":   func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
	"asof":  func(now time.Time, of any) timed { return timed{now, of} },
	"add":   func(a, b int) int { return a + b },
	"isNow": func(part any) bool { _, is := part.(time.Time); return is },
	"isRef": func(part any) bool { _, is := part.(link); return is },
	"isCode": func(part any) bool {
		_, is := part.(code)
		return is
	},
}

// timed is something that is shown as of a time.
type timed struct {
	Now time.Time
	Of  any
}

// isPart reports whether only the changing part of a page is asked for.
func isPart(r *http.Request) bool { return r.URL.Query().Get("part") == "live" }

// show writes a page, or the changing part of one.
func (p *Pages) show(w http.ResponseWriter, r *http.Request, status int, page string, f frame) {
	f.Write = p.Write
	if f.Now.IsZero() {
		f.Now = time.Now()
	}
	block := "layout"
	if isPart(r) && f.Live != "" {
		block = "part"
		w.Header().Set("X-Part", "live") // a login page, say, has none
	}
	var b bytes.Buffer
	if err := templates[page].ExecuteTemplate(&b, block, f); err != nil {
		p.Log.Error("a page could not be written", "page", page, "error", err)
		http.Error(w, "This page could not be written; the log says why.", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes()) // the browser has gone
}

// notice is a page of a few words.
type notice struct {
	Title string
	Tone  tone
	Says  []sentence
}

func (p *Pages) tell(w http.ResponseWriter, r *http.Request, status int, n notice) {
	p.show(w, r, status, "message", frame{Title: n.Title, Answer: n.Title, Live: liveOf(r), Every: 3, Body: n})
}

// liveOf lets a page of bad news go by itself once the news are better: where something was only looked at.
func liveOf(r *http.Request) string {
	if r.Method != http.MethodGet {
		return ""
	}
	return partOf(r)
}

// partOf is where the changing part of the page that was asked for is.
func partOf(r *http.Request) string {
	u := *r.URL
	q := u.Query()
	q.Set("part", "live")
	u.RawQuery = q.Encode()
	return u.RequestURI()
}

// fault tells of what went wrong while a page was made.
func (p *Pages) fault(w http.ResponseWriter, r *http.Request, err error) {
	if errors.Is(r.Context().Err(), context.Canceled) {
		return // nobody waits for it
	}
	away, isAway := errors.AsType[*redisconn.UnreachableError](err)
	if !isAway {
		p.Log.Error("a page could not be made", "path", r.URL.Path, "error", err)
		p.tell(w, r, http.StatusInternalServerError, notice{"This page could not be made", stopped, []sentence{
			say("What Redis answered was not as expected. The log of this process says more."),
		}})
		return
	}
	p.tell(w, r, http.StatusServiceUnavailable, notice{"Redis does not answer", stopped, []sentence{
		say(fmt.Sprintf("Redis at %s does not answer: %s. Without it no order is taken in and none is worked.", away.Addr, away.Reason)),
		say("Start it, or see what is wrong on the way to it; if it has moved, set ", code("HPPLINK_REDIS"), " and start the processes again."),
		say("Whoever hands orders in is told to send them again. Work goes on by itself once Redis answers, and this page is back then too."),
	}})
}

// nowhere answers for paths that lead to no page.
func (p *Pages) nowhere(w http.ResponseWriter, r *http.Request) {
	p.show(w, r, http.StatusNotFound, "message", frame{Title: "No such page", Body: notice{"No such page", look, []sentence{
		say("There is nothing at this address. The ", link{"overview", "/orders"}, " leads to all pages."),
	}}})
}
