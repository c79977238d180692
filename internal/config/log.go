package config

import (
	"io"
	"log/slog"
)

// Log says how the program talks to whoever runs it.
type Log struct {
	Log      string     `env:"HPPLINK_LOG" default:"text" enum:"text,json" help:"Form of the log: text or json."`
	LogLevel slog.Level `env:"HPPLINK_LOG_LEVEL" default:"info" placeholder:"LEVEL" help:"Least level that is logged: debug, info, warn or error."`
}

// Logger returns the logger that writes to w.
func (l Log) Logger(w io.Writer) *slog.Logger {
	options := &slog.HandlerOptions{Level: l.LogLevel}
	if l.Log == "json" {
		return slog.New(slog.NewJSONHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}
