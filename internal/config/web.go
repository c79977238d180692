package config

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/hpplink/hpplink/internal/merchant"
)

// Web says where the HTTP interface listens, and whom it lets in.
type Web struct {
	Listen    string `env:"HPPLINK_LISTEN" placeholder:"ADDRESS" help:"Where the HTTP interface listens: HOST:PORT; 127.0.0.1:8080 if it is left out. Another address than this machine's own needs a token. A process without the role web serves /metrics, /healthz and /readyz there, if it is set."`
	Token     string `env:"HPPLINK_TOKEN" placeholder:"TOKEN" help:"Bearer token of the HTTP interface: at least 16 characters. The settings file may have more."`
	TokenFile string `env:"HPPLINK_TOKEN_FILE" placeholder:"FILE" help:"File that holds it."`

	DashboardWrite bool `env:"HPPLINK_DASHBOARD_WRITE" help:"The pages (/orders, /dashboard/) may change something: replay orders, delete or pause what is in queues. Without it they are to look at."`
}

// DefaultListen is where HTTP is served unless something else is set.
const DefaultListen = "127.0.0.1:8080"

// Address is where to listen.
func (w Web) Address() string { return cmp.Or(w.Listen, DefaultListen) }

// EnvironmentToken is the name of the token that a flag or a variable gives.
const EnvironmentToken = "HPPLINK_TOKEN"

// Check returns all tokens in force: those of the settings file, and that of flag or variable. The error is Errors. It
// refuses an address that others than this machine can reach while there is no token.
func (w Web) Check(fromFile []Token) ([]Token, error) {
	var errs Errors
	tokens := slices.Clone(fromFile)
	value, err := secret("token", w.Token, w.TokenFile)
	token := merchant.NewSecret(value)
	switch {
	case err != nil:
		errs = append(errs, err)
	case w.Token == "" && w.TokenFile == "":
	case checkToken(token) != nil:
		errs = append(errs, fmt.Errorf("--token / HPPLINK_TOKEN or …_FILE %w", checkToken(token)))
	default:
		tokens = append(tokens, Token{Name: EnvironmentToken, Value: token})
	}
	local, err := isLocal(w.Address())
	if err != nil {
		errs = append(errs, err)
	} else if !local && len(tokens) == 0 && len(errs) == 0 {
		errs = append(errs, errors.New("--listen / HPPLINK_LISTEN: others than this machine could reach that address, and there is no token: "+
			"set --token / HPPLINK_TOKEN or …_FILE, or tokens in the settings file, or listen on 127.0.0.1"))
	}
	if len(errs) > 0 {
		return nil, errs
	}
	return tokens, nil
}

// isLocal reports whether only this machine can reach an address. A host name other than localhost could be anything.
func isLocal(listen string) (bool, error) {
	host, port, err := net.SplitHostPort(listen)
	if n, bad := strconv.Atoi(port); err != nil || bad != nil || n < 0 || n > 65535 {
		return false, errors.New("--listen / HPPLINK_LISTEN: it is no address: write it like 127.0.0.1:8080 or [::1]:8080")
	}
	if addr, err := netip.ParseAddr(host); err == nil {
		return addr.Unmap().IsLoopback(), nil
	}
	return strings.EqualFold(host, "localhost"), nil
}

// Roles are what one process does.
type Roles struct {
	Roles []string `env:"HPPLINK_ROLES" default:"worker,stream,web" enum:"worker,stream,web" placeholder:"ROLE" help:"What this process does: worker (asks the gateway), stream (takes orders from the stream), web (serves HTTP)."`
}

// The roles.
const (
	RoleWorker = "worker"
	RoleStream = "stream"
	RoleWeb    = "web"
)

// Has reports whether the process has a role.
func (r Roles) Has(role string) bool { return slices.Contains(r.Roles, role) }

// Check refuses a process that would do nothing.
func (r Roles) Check() error {
	if len(r.Roles) == 0 {
		return Errors{errors.New("--roles / HPPLINK_ROLES: it names no role: use worker, stream and web, or leave it out for all")}
	}
	return nil
}
