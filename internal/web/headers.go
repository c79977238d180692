package web

import (
	"log/slog"
	"net/http"
	"time"
)

// pagePolicy lets a page load what is served here, and nothing else: no script of another host, none written into the page, no
// frame. The dashboard's page has a policy of its own.
const pagePolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; " +
	"manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// setHeaders sets what holds for every answer. Referrer-Policy is not no-referrer: under that one browsers send forms with
// "Origin: null", which can not be told from a foreign page's.
func setHeaders(h http.Header) {
	h.Set("Content-Security-Policy", pagePolicy)
	h.Set("X-Frame-Options", "DENY")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
}

// logRequest writes one line: about what changes something for everybody, about the rest for debugging, since the dashboard asks
// every few seconds. It has no query, which may hold what somebody looks for.
func (s *Site) logRequest(r *http.Request, w *statusWriter, n *note, took time.Duration) {
	level := slog.LevelDebug
	if !reads(r) {
		level = slog.LevelInfo
	}
	attrs := []slog.Attr{slog.String("method", r.Method), slog.String("path", r.URL.Path), slog.Int("status", w.code()), slog.Duration("took", took)}
	if n.who != "" {
		attrs = append(attrs, slog.String("by", n.who))
	}
	s.Log.LogAttrs(r.Context(), level, "page", attrs...)
}

// statusWriter remembers the status. http.ResponseController finds what it wraps.
type statusWriter struct {
	http.ResponseWriter
	status int
}

// Unwrap is for http.ResponseController.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// WriteHeader remembers the status.
func (w *statusWriter) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *statusWriter) code() int {
	if w.status == 0 {
		return http.StatusOK
	}
	return w.status
}
