package cli

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"time"

	"github.com/hpplink/hpplink/internal/config"
	"github.com/hpplink/hpplink/internal/gateway/sandbox"
)

type sandboxCommand struct {
	config.Log
	Listen  string        `default:"127.0.0.1:8090" placeholder:"HOST:PORT" help:"Address to serve on."`
	Latency time.Duration `default:"50ms" help:"How long an answer takes."`
	Jitter  time.Duration `default:"20ms" help:"How much longer it may take, at random."`
	Faults  string        `placeholder:"LIST" help:"What goes wrong, such as '500=0.05x1,hang=0.01:20s'. The page at / explains it."`
	Seed    uint64        `help:"Repeats a run: the same orders meet the same faults. Default: a fixed one."`
	Public  string        `placeholder:"URL" help:"Base of the links. Default: what the request named."`

	Certificate string `placeholder:"DIR" help:"Serve HTTPS, with a certificate for this host that is made in this folder, or is there from before. Clients trust it by DIR/sandbox.pem, such as with SSL_CERT_DIR."`

	Idempotent bool `help:"Answer a ref that has a link with that link, instead of minting another."`
	Conflict   bool `help:"Answer a ref that has a link with 409."`
}

// Help gives examples.
func (sandboxCommand) Help() string {
	return `Examples:
  hpplink sandbox
  hpplink sandbox --faults '500=0.05x1,429=0.1:2s,hang=0.01'
  HPPLINK_GATEWAY_URL=http://127.0.0.1:8090/api/v1 HPPLINK_API_KEY=any HPPLINK_X_API_KEY=any hpplink run …

What was asked and minted: GET /_sandbox/journal and /_sandbox/journal/summary.
To try a failure with one order, end its ref in ~ and the fault: INV-1~500x2 fails twice, then works.`
}

// Run serves until the context ends.
func (c *sandboxCommand) Run(ctx context.Context, s Streams) error {
	faults, err := sandbox.ParseFaults(c.Faults)
	if err != nil {
		return config.Errors{fmt.Errorf("--faults: %w", err)}
	}
	gw, err := sandbox.New(sandbox.Options{
		Seed: c.Seed, Latency: c.Latency, Jitter: c.Jitter, PublicURL: c.Public, Faults: faults,
		Idempotent: c.Idempotent, DuplicateConflict: c.Conflict, Logger: c.Logger(s.Err),
	})
	if err != nil {
		return config.Errors{err}
	}
	defer gw.Close()
	ln, err := net.Listen("tcp", c.Listen)
	if err != nil {
		return config.Errors{fmt.Errorf("--listen: %w", err)}
	}
	scheme := "http"
	if c.Certificate != "" {
		pair, err := sandbox.Certificate(c.Certificate, c.names(), time.Now())
		if err != nil {
			ln.Close()
			return config.Errors{fmt.Errorf("--certificate: %w", err)}
		}
		scheme, ln = "https", tls.NewListener(ln, &tls.Config{Certificates: []tls.Certificate{pair}})
	}
	fmt.Fprintf(s.Out, "sandbox gateway on %[1]s://%[2]s/\nset HPPLINK_GATEWAY_URL=%[1]s://%[2]s/api/v1 and any keys\n", scheme, ln.Addr())
	return serve(ctx, ln, gw.Handler(), gw.Close)
}

// names are those by which clients may ask for this host.
func (c *sandboxCommand) names() []string {
	names := []string{"localhost", "127.0.0.1", "::1"}
	if host, err := os.Hostname(); err == nil && host != "" {
		names = append(names, host)
	}
	if u, err := url.Parse(c.Public); err == nil && u.Hostname() != "" {
		names = append(names, u.Hostname())
	}
	return names
}

// serve serves until the context ends, and then lets requests finish for a little while.
func serve(ctx context.Context, ln net.Listener, h http.Handler, closing func()) error {
	server := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}
	stopped := make(chan error, 1)
	stop := context.AfterFunc(ctx, func() {
		closing()
		bound, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		stopped <- server.Shutdown(bound)
	})
	err := server.Serve(ln)
	if stop() || !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return <-stopped
}
