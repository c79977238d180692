// Package web is what people look at: asynqmon's dashboard of the queues, the pages about orders, and the door before both. It
// knows sessions, login, what a browser may load and do, and how the ledger's facts look on a page.
//
// It knows no rule of an order: it reads from the ledger, and what a page changes goes through the intake's door, as from anywhere
// else. Programs have package api.
package web

import (
	"html/template"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"

	"github.com/hpplink/hpplink/internal/api"
	"github.com/hpplink/hpplink/internal/intake"
	"github.com/hpplink/hpplink/internal/merchant"
	"github.com/hpplink/hpplink/internal/partition"
)

// Config is what the pages work with.
type Config struct {
	Redis     redis.UniversalClient
	Asynq     asynq.RedisConnOpt // for the dashboard, which makes clients of its own
	Ledger    *partition.Ledger
	Door      *intake.Door // for replays
	Merchants *merchant.Directory
	Tokens    api.Tokens // whom the login lets in; none: who has a one-time link
	Write     bool       // pages and dashboard may change something; otherwise they are to look at
	Log       *slog.Logger
}

// Site is the handler of the pages. Close it.
type Site struct {
	Config
	mux       *http.ServeMux
	dashboard *dashboard
	login     *template.Template
	sealer    atomic.Pointer[sealer]
	once      onceLinks
	guesses   guesses
}

// New makes a site. It connects to Redis only when somebody looks.
func New(c Config) *Site {
	s := &Site{Config: c, mux: http.NewServeMux(), login: loginTemplate()}
	s.SetTokens(c.Tokens)
	s.serveAssets()
	s.serveLogin()
	s.serveDashboard()
	s.servePages()
	return s
}

// SetTokens puts other tokens in force, for requests that come from now on: sessions of those that are gone end.
func (s *Site) SetTokens(t api.Tokens) { s.sealer.Store(newSealer(t)) }

// Mount adds the site's paths to those of a process.
func (s *Site) Mount(mux *http.ServeMux) {
	for _, path := range []string{"/{$}", "/login", "/logout", "/assets/", "/dashboard", "/dashboard/", "/orders", "/orders/"} {
		mux.Handle(path, s)
	}
}

// ServeHTTP answers a request.
func (s *Site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	seen := &statusWriter{ResponseWriter: w}
	r, n := withNote(r)
	begun := time.Now()
	defer func() { s.logRequest(r, seen, n, time.Since(begun)) }()
	setHeaders(w.Header())
	s.refuseForeign(s.mux).ServeHTTP(seen, r)
}

// Close closes the dashboard's connections.
func (s *Site) Close() error { return s.dashboard.Close() }

// open serves a path to everybody.
func (s *Site) open(pattern string, h http.HandlerFunc) { s.mux.Handle(pattern, h) }

// page serves a path to who is logged in. Unless the site may write, methods other than GET and HEAD are refused, and h is not
// called.
func (s *Site) page(pattern string, h http.HandlerFunc) {
	s.mux.Handle(pattern, s.guard(s.readOnly(h)))
}
