package api

import (
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
)

// open marks operations that need no token.
var open = []map[string][]string{{}}

// guard lets through who may use an operation.
func (a *API) guard(ctx huma.Context, next func(huma.Context)) {
	r, w := humago.Unwrap(ctx)
	if ctx.Operation().Security == nil {
		if p := a.admit(r); p != nil {
			p.write(w)
			return
		}
	}
	next(ctx)
}

// Guard lets through who may use the API, for a handler beside it, and logs one line about each request.
func (a *API) Guard(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen := &statusWriter{ResponseWriter: w}
		r, n := withNote(r)
		begun := time.Now()
		defer func() { a.logRequest(r, seen, n, time.Since(begun)) }()
		if p := a.admit(r); p != nil {
			p.write(seen)
			return
		}
		h.ServeHTTP(seen, r)
	})
}

func (a *API) admit(r *http.Request) *Problem {
	tokens := a.tokens.Load()
	if tokens.None() {
		return fromThisMachine(r)
	}
	scheme, secret, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if strings.EqualFold(scheme, "Bearer") {
		if name, found := tokens.NameOf(strings.TrimSpace(secret)); found {
			noteOf(r.Context()).token = name
			return nil
		}
	}
	return newProblem(http.StatusUnauthorized, "no token that is known here came with the request: send \"Authorization: Bearer …\"").
		with("WWW-Authenticate", `Bearer realm="hpplink"`)
}

// fromThisMachine keeps web pages out where no token is asked for. A browser on this machine carries any page's requests here:
// from another origin, or, if the page's own name is made to point here (DNS rebinding), under that name.
func fromThisMachine(r *http.Request) *Problem {
	if !loopback(r.Host) {
		return newProblem(http.StatusForbidden, "without tokens this answers to localhost only, not to the name that the request was sent to: use http://127.0.0.1, or set a token")
	}
	if err := http.NewCrossOriginProtection().Check(r); err != nil {
		return newProblem(http.StatusForbidden, "without tokens no web page may send requests here from another origin: set a token")
	}
	return nil
}

func loopback(hostport string) bool {
	host, _, err := net.SplitHostPort(hostport)
	if err != nil {
		host = strings.TrimSuffix(strings.TrimPrefix(hostport, "["), "]")
	}
	addr, err := netip.ParseAddr(host)
	return strings.EqualFold(host, "localhost") || err == nil && addr.Unmap().IsLoopback()
}
