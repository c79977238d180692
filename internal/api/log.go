package api

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/hpplink/hpplink/internal/order"
)

// note is what handlers tell the log about a request: ids, never what an order holds.
type note struct {
	token string
	order order.Key
	err   error // why something was not done
	attrs []slog.Attr
}

type noteKey struct{}

func withNote(r *http.Request) (*http.Request, *note) {
	n := &note{}
	return r.WithContext(context.WithValue(r.Context(), noteKey{}, n)), n
}

func noteOf(ctx context.Context) *note { return ctx.Value(noteKey{}).(*note) }

// logRequest writes the one line about a request. Probes come every few seconds, so those that find all well are for debugging.
func (a *API) logRequest(r *http.Request, w *statusWriter, n *note, took time.Duration) {
	level := slog.LevelInfo
	if n.err != nil {
		level = slog.LevelWarn
	} else if probes[r.Pattern] && w.code() == http.StatusOK {
		level = slog.LevelDebug
	}
	attrs := []slog.Attr{slog.String("method", r.Method), slog.String("route", r.Pattern), slog.Int("status", w.code()), slog.Duration("took", took)}
	add := func(name, value string) {
		if value != "" {
			attrs = append(attrs, slog.String(name, value))
		}
	}
	add("token", n.token)
	named := n.order.Brief()
	add("merchant", named.MerchantID)
	add("ref", named.Ref)
	if attrs = append(attrs, n.attrs...); n.err != nil {
		add("error", n.err.Error())
	}
	if r.Context().Err() != nil {
		attrs = append(attrs, slog.Bool("client_gone", true))
	}
	a.Log.LogAttrs(context.WithoutCancel(r.Context()), level, "request", attrs...)
}

var probes = map[string]bool{"GET /healthz": true, "GET /readyz": true, "GET /metrics": true}

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
