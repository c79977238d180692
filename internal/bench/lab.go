package bench

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"

	"github.com/hpplink/hpplink/internal/bench/stub"
)

// lab is what one run has for itself: an empty Redis and a gateway, each a process.
type lab struct {
	bench      *Bench
	redis      *server
	gateway    *process
	gatewayURL string
	counts     string // URL
	listen     string // where hpplink is to serve HTTP
	workers    []*process
}

func (b *Bench) newLab(ctx context.Context, latency time.Duration) (*lab, error) {
	l := &lab{bench: b}
	var err error
	if l.redis, err = startRedis(ctx, b.dir); err != nil {
		return nil, err
	}
	if err = l.startGateway(latency); err == nil {
		l.listen, err = freeAddr()
	}
	if err != nil {
		l.close()
		return nil, err
	}
	return l, nil
}

// startGateway starts a gateway, which says where it listens.
func (l *lab) startGateway(latency time.Duration) error {
	said, said2, err := os.Pipe()
	if err != nil {
		return err
	}
	defer said.Close()
	l.gateway, err = start(l.bench.dir, "gateway", command{path: l.bench.self, args: []string{"gateway", "--latency", latency.String()}}, nil, said2)
	said2.Close()
	if err != nil {
		return err
	}
	var addr string
	if _, err := fmt.Fscanln(bufio.NewReader(said), &addr); err != nil {
		return fmt.Errorf("the gateway did not start: %s", tail(l.gateway.log))
	}
	l.gatewayURL, l.counts = "http://"+addr+"/api/v1", "http://"+addr+stub.CountsPath
	return nil
}

// close ends all processes of the run, those that were not stopped by a kill.
func (l *lab) close() {
	for _, w := range l.workers {
		w.kill()
	}
	if l.gateway != nil {
		l.gateway.kill()
	}
	l.redis.close()
}

// work starts a worker. Its standard output goes to out if that is not nil.
func (l *lab) work(name string, c command, out io.Writer) (*process, error) {
	p, err := start(l.bench.dir, "worker", c, nil, out)
	if err != nil {
		return nil, err
	}
	p.name = name
	l.workers = append(l.workers, p)
	return p, nil
}

// enqueue hands n orders in, and returns how long that took, the start of the process included.
func (l *lab) enqueue(name string, c command, n int) (time.Duration, error) {
	path, err := l.bench.ordersFile(n)
	if err != nil {
		return 0, err
	}
	in, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer in.Close()
	begun := time.Now()
	p, err := start(l.bench.dir, "enqueue", c, in, nil)
	if err != nil {
		return 0, err
	}
	p.name = name + ", enqueueing"
	err = p.wait()
	return time.Since(begun), err
}

// gatewayCounts asks the gateway what it saw.
func (l *lab) gatewayCounts(ctx context.Context) (c stub.Counts, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, l.counts, nil)
	if err != nil {
		return c, err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return c, err
	}
	defer res.Body.Close()
	return c, json.NewDecoder(res.Body).Decode(&c)
}
