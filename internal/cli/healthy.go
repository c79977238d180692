package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/hpplink/hpplink/internal/config"
)

type healthyCommand struct {
	Listen string `env:"HPPLINK_LISTEN" placeholder:"ADDRESS" help:"Where the process listens, as it was told; 127.0.0.1:8080 if it is left out."`
	Ready  bool   `help:"Ask whether all of its parts work (/readyz), not only whether it lives (/healthz)."`
	URL    string `name:"url" placeholder:"URL" help:"Ask this instead; any answer from 200 to 299 will do."`
}

// Help says what it is for.
func (healthyCommand) Help() string {
	return `Examples:
  hpplink healthy
  hpplink healthy --ready --listen 0.0.0.0:8080

It asks a process on this machine, from the place where that runs, and answers within two seconds: it is for the
health checks of containers, which have no other program to ask with.
Exit code 0: it is; 1: it is not, or does not answer; 2: it can not be asked there.`
}

// healthyWithin is less than the shortest time-out that a health check usually has, of two seconds.
const healthyWithin = 1500 * time.Millisecond

// Run asks, and says nothing if all is well.
func (c *healthyCommand) Run(ctx context.Context) error {
	urls, err := c.urls()
	if err != nil {
		return config.Errors{err}
	}
	ctx, cancel := context.WithTimeout(ctx, healthyWithin)
	defer cancel()
	var errs []error
	for _, u := range urls {
		refusal := refused{}
		err := askHealth(ctx, u)
		if err == nil || errors.As(err, &refusal) {
			return err
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// urls are where the process may answer, the likeliest first.
func (c *healthyCommand) urls() ([]string, error) {
	if c.URL != "" {
		u, err := url.Parse(c.URL)
		if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			return nil, errors.New("--url: it is no URL: write it like http://127.0.0.1:8080/healthz")
		}
		return []string{c.URL}, nil
	}
	path := "/healthz"
	if c.Ready {
		path = "/readyz"
	}
	host, port, err := net.SplitHostPort(cmp.Or(c.Listen, config.DefaultListen))
	if err != nil {
		return nil, errors.New("--listen / HPPLINK_LISTEN: it is no address: write it like 127.0.0.1:8080 or [::1]:8080")
	}
	if strings.Trim(port, "0") == "" {
		return nil, errors.New("--listen / HPPLINK_LISTEN: port 0 stands for any free one, which only the process itself knows: give it a fixed port")
	}
	var urls []string
	for _, h := range reachedAt(host) {
		urls = append(urls, "http://"+net.JoinHostPort(h, port)+path)
	}
	return urls, nil
}

// reachedAt are the hosts by which a process that listens on one is reached from its own machine. One that listens everywhere is
// asked at loopback, where there may be IPv4, IPv6 or both.
func reachedAt(host string) []string {
	addr, err := netip.ParseAddr(host)
	if host == "" || err == nil && addr.IsUnspecified() {
		return []string{"127.0.0.1", "::1"}
	}
	return []string{host}
}

// refused is an answer that says no.
type refused struct{ text string }

func (r refused) Error() string { return r.text }

// askHealth returns refused if the process is there and not well, and any other error if it can not be asked.
func askHealth(ctx context.Context, u string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, u, nil)
	if err != nil {
		return err
	}
	client := http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true}, // and no proxy
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	answer, err := client.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode/100 == 2 {
		return nil
	}
	body, _ := io.ReadAll(io.LimitReader(answer.Body, 1<<10)) // which says what is not ready
	return refused{fmt.Sprintf("%s answers %s: %s", u, answer.Status, visible(strings.TrimSpace(string(body))))}
}
