package api

import (
	"log/slog"
	"net/http"
	"time"
)

// NewServer returns a server for h, which has the API in it. Its limits hold for every handler: 10 seconds for a request's head,
// of 16 KiB at most, 30 for all of a request, and two minutes for the answer; the API sets closer or wider ones where it has to.
// At Shutdown those who wait are answered with the state so far, so that it takes a moment only.
func NewServer(h http.Handler, a *API) *http.Server {
	s := &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       30 * time.Second,
		WriteTimeout:      2 * time.Minute,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          slog.NewLogLogger(a.Log.Handler(), slog.LevelDebug), // mostly clients that break off
	}
	s.RegisterOnShutdown(a.Drain)
	return s
}
