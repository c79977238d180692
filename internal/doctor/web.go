package doctor

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
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
	switch w.there(ctx) {
	case nobody:
		return []Finding{s.fine("%s, %s; nothing listens there now", w.Address, who)}
	case ours:
		return []Finding{s.fine("%s, %s; hpplink serves there now", w.Address, who)}
	}
	return []Finding{s.mend("set --listen / HPPLINK_LISTEN to another address, or stop it", "%s: another program listens there", w.Address)}
}

type listener int

const (
	nobody listener = iota
	ours
	another
)

const listening = 3 * time.Second // for who listens to answer

// there asks who listens.
func (w Web) there(ctx context.Context) listener {
	host, port, err := net.SplitHostPort(w.Address)
	if err != nil || port == "0" {
		return nobody
	}
	if host == "" || host == "0.0.0.0" || host == "::" {
		host = "localhost"
	}
	ctx, cancel := context.WithTimeout(ctx, listening)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+net.JoinHostPort(host, port)+"/healthz", nil)
	if err != nil {
		return nobody
	}
	transport := &http.Transport{DisableKeepAlives: true} // and no proxy: it is this machine
	res, err := transport.RoundTrip(req)
	if network, ok := errors.AsType[*net.OpError](err); ok && network.Op == "dial" {
		return nobody // or it is an address that only a container has
	}
	if err != nil {
		return another
	}
	defer res.Body.Close()
	var health struct{ OK *bool }
	text, err := io.ReadAll(io.LimitReader(res.Body, 4<<10))
	if err != nil || json.Unmarshal(text, &health) != nil || health.OK == nil {
		return another
	}
	return ours
}
