package doctor

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
)

// Web is where HTTP is served.
type Web struct {
	Address string   // as "127.0.0.1:8080"
	Tokens  []string // their names
}

// Examine looks who is at the address now.
func (w Web) Examine(ctx context.Context) []Finding {
	s := about(settingsGroup, "HTTP")
	who := "for this machine only, without a token"
	if len(w.Tokens) > 0 {
		who = "tokens: " + strings.Join(w.Tokens, ", ")
	}
	switch there, err := w.there(ctx); {
	case errors.Is(err, syscall.ECONNREFUSED), err == nil && there == nobody:
		return []Finding{s.fine("%s, %s; nothing listens there now", w.Address, who)}
	case err == nil && there == ours:
		return []Finding{s.fine("%s, %s; hpplink serves there now", w.Address, who)}
	case err != nil && ctx.Err() == nil && !answers(err):
		return []Finding{s.fine("%s, %s", w.Address, who)} // an address of another machine, as containers have
	}
	return []Finding{s.mend("set --listen / HPPLINK_LISTEN to another address, or stop it", "%s: another program listens there", w.Address)}
}

type listener int

const (
	nobody listener = iota
	ours
	another
)

// there asks who listens.
func (w Web) there(ctx context.Context) (listener, error) {
	host, port, err := net.SplitHostPort(w.Address)
	if err != nil || port == "0" {
		return nobody, err
	}
	if host == "" || host == "0.0.0.0" || host == "::" {
		host = "localhost"
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+net.JoinHostPort(host, port)+"/healthz", nil)
	if err != nil {
		return nobody, err
	}
	transport := &http.Transport{DisableKeepAlives: true} // and no proxy: it is this machine
	res, err := transport.RoundTrip(req)
	if err != nil {
		return nobody, err
	}
	defer res.Body.Close()
	var health struct{ OK *bool }
	text, _ := io.ReadAll(io.LimitReader(res.Body, 4<<10))
	if json.Unmarshal(text, &health) != nil || health.OK == nil {
		return another, nil
	}
	return ours, nil
}

// answers reports whether an error came from somebody who listens, and speaks no HTTP.
func answers(err error) bool {
	_, dialed := errors.AsType[*net.OpError](err)
	return !dialed
}
