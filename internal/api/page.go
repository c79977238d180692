package api

import (
	_ "embed"
	"net/http"
)

//go:embed page/index.html
var pageHTML []byte

//go:embed page/page.js
var pageJS []byte

//go:embed page/page.css
var pageCSS []byte

// pagePolicy lets the page load what is served here, and nothing else.
const pagePolicy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// servePage serves a page to try the API on, which needs nothing from the network.
func (a *API) servePage() {
	a.serve("GET /docs", "text/html; charset=utf-8", pageHTML)
	a.serve("GET /docs/page.js", "text/javascript; charset=utf-8", pageJS)
	a.serve("GET /docs/page.css", "text/css; charset=utf-8", pageCSS)
	a.mux.Handle("GET /docs/{$}", http.RedirectHandler("/docs", http.StatusPermanentRedirect))
}
