package demo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/hpplink/hpplink/internal/gateway/sandbox"
	"github.com/hpplink/hpplink/internal/postbox"
)

// The simulated gateway answers about as fast as one in the same city.
const (
	latency = 20 * time.Millisecond
	jitter  = 10 * time.Millisecond

	closeBound = time.Second // for pages that a browser is loading
)

// localGateway is a sandbox that is served on a loopback port, and the inbox beside it.
type localGateway struct {
	*sandbox.Server
	inbox  *inbox
	http   http.Server
	base   string // http://host:port
	served chan error
}

func serveGateway(o sandbox.Options) (*localGateway, error) {
	s, err := sandbox.New(o)
	if err != nil {
		return nil, err
	}
	box, err := postbox.Open(false, nil)
	if err != nil {
		return nil, fmt.Errorf("the mail server: %w", err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, errors.Join(fmt.Errorf("the simulated gateway: %w", err), box.Close())
	}
	g := &localGateway{Server: s, inbox: &inbox{box}, base: "http://" + listener.Addr().String(), served: make(chan error, 1)}
	pages := http.NewServeMux()
	pages.Handle("/", s.Handler())
	g.inbox.serve(pages)
	g.http = http.Server{Handler: pages, ReadHeaderTimeout: 10 * time.Second}
	go func() { g.served <- g.http.Serve(listener) }()
	return g, nil
}

// url is the gateway's URL as a merchant's profile has it.
func (g *localGateway) url() *url.URL {
	u, err := url.Parse(g.base + "/api/v1")
	if err != nil {
		panic(err) // the address of a listener always parses
	}
	return u
}

// stop ends the server, after a moment also where a browser keeps it busy.
func (g *localGateway) stop() {
	g.Close()
	bound, cancel := context.WithTimeout(context.Background(), closeBound)
	defer cancel()
	if g.http.Shutdown(bound) != nil {
		g.http.Close()
	}
	<-g.served
	g.inbox.Close()
}

// journal returns the gateway's own book: every POST that it was sent.
func (g *localGateway) journal(ctx context.Context) ([]sandbox.Entry, error) {
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	for {
		var book struct {
			Posts   int             `json:"posts"`
			Entries []sandbox.Entry `json:"entries"`
		}
		if err := getJSON(ctx, &http.Client{Transport: transport}, g.base+"/_sandbox/journal?limit=10000", &book); err != nil {
			return nil, fmt.Errorf("the gateway's journal: %w", err)
		}
		if len(book.Entries) == book.Posts {
			return book.Entries, nil
		}
		select { // a POST is booked when it ends, a moment after its answer is there
		case <-ctx.Done():
			return nil, errors.New("the gateway's journal does not hold every POST")
		case <-time.After(10 * time.Millisecond):
		}
	}
}

func getJSON(ctx context.Context, c *http.Client, from string, v any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, from, nil)
	if err != nil {
		return err
	}
	res, err := c.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("status %d", res.StatusCode)
	}
	return json.NewDecoder(res.Body).Decode(v)
}
