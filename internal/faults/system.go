//go:build faults

package faults

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/hpplink/hpplink/internal/app"
	"github.com/hpplink/hpplink/internal/postbox"
	"github.com/hpplink/hpplink/internal/redistest"
)

const (
	merchantID     = "M-1001"
	gatewayTimeout = 2 * time.Second
	// exitBound is the limit of a worker's orderly end: the longest call there can be, and what publishing may take.
	exitBound = 40 * time.Second
)

// system is everything that one row runs on. Producer and consumer reach Redis directly, each worker over a
// wire of its own, and both workers the gateway over another.
type system struct {
	t   *testing.T
	row row
	rnd *rand.Rand

	redis     *redistest.Process
	dir       string // of Redis' files
	rdb       *redis.Client
	base      *app.Base
	gateway   string // the sandbox' own address
	sandbox   *process
	toGateway *wire
	workers   []*seat

	intercepted []*interceptor // in place of wires, in some rows

	kills     int    // of workers while they sent emails
	note      string // for the table, ahead of what must hold
	deadline  time.Time
	safeUntil time.Time     // what Redis held then survived its power cut
	produced  chan struct{} // closed once every order is accepted
	results   *consumer
	box       *postbox.Box // a mail server, for rows with emails
}

// seat is a worker's place for a process, which is filled again after its end.
type seat struct {
	*process
	number  int
	toRedis *wire
	viaAddr string // instead of toRedis, if set
}

func startSystem(t *testing.T, r row, rnd *rand.Rand) *system {
	t.Helper()
	s := &system{t: t, row: r, rnd: rnd, dir: t.TempDir(), deadline: time.Now().Add(r.bound()), produced: make(chan struct{})}
	s.redis = redistest.StartServer(t, "--dir", s.dir, "--appendonly", "yes", "--appendfsync", "everysec",
		"--auto-aof-rewrite-percentage", "0")
	s.rdb = redistest.Client(t, s.redis.Addr)
	s.startSandbox()
	s.toGateway = newWire(t, "gateway", s.gateway)
	s.base = s.open()
	s.openBox()
	for n := range workers {
		w := &seat{number: n, toRedis: newWire(t, fmt.Sprint("redis-", n), s.redis.Addr)}
		if r.via != nil {
			w.viaAddr = r.via(s)
		}
		s.workers = append(s.workers, w)
		s.run(w, r.env(s, n)...)
	}
	s.awaitWorkers(len(s.workers))
	s.awaitMailers()
	s.results = follow(s)
	return s
}

func (s *system) startSandbox() {
	s.gateway = freeAddress(s.t)
	s.sandbox = spawn(s.t, "sandbox", nil, "sandbox", "--listen", s.gateway, "--latency", s.row.latency.String(),
		"--jitter", (s.row.latency / 2).String(), "--seed", fmt.Sprint(s.rnd.Uint32()|1), "--faults", s.row.faults)
	s.await("the sandbox", func() error { _, err := s.summary(); return err })
}

// run fills a worker's place. More environment may ask for a kill point.
func (s *system) run(w *seat, env ...string) {
	s.t.Helper()
	redisAddr := w.toRedis.addr()
	if w.viaAddr != "" {
		redisAddr = w.viaAddr
	}
	w.process = spawn(s.t, fmt.Sprint("worker-", w.number), append([]string{
		"HPPLINK_LISTEN=127.0.0.1:0", "HPPLINK_REDIS=redis://" + redisAddr + "/0", "HPPLINK_GATEWAY_URL=http://" + s.toGateway.addr() + "/api/v1",
		"HPPLINK_MERCHANT_ID=" + merchantID, "HPPLINK_API_KEY=k", "HPPLINK_X_API_KEY=k",
		"HPPLINK_GATEWAY_TIMEOUT=" + gatewayTimeout.String(), "HPPLINK_CONCURRENCY=20", "HPPLINK_LISTEN=127.0.0.1:0",
	}, append(s.mailEnv(), env...)...), "run")
}

// awaitWorkers waits until so many processes serve both lanes.
func (s *system) awaitWorkers(n int) {
	s.t.Helper()
	s.await("the workers", func() error {
		for _, w := range s.workers {
			select {
			case <-w.exited:
				if !w.killed() { // a kill point may have struck already
					return fmt.Errorf("worker %d ended: %v\n%s", w.number, w.err, tail(w.log))
				}
			default:
			}
		}
		servers, err := s.rdb.ZCard(context.Background(), "asynq:servers").Result()
		if err == nil && servers < int64(n) {
			err = fmt.Errorf("%d servers so far", servers)
		}
		return err
	})
}

// open connects past all wires.
func (s *system) open() *app.Base {
	s.t.Helper()
	base, err := app.Open(context.Background(), "redis://"+s.redis.Addr+"/0", "hpp", 0, slog.New(slog.DiscardHandler))
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { base.Close() })
	return base
}

// await asks again and again until f is content, or the row's time is up.
func (s *system) await(what string, f func() error) {
	s.t.Helper()
	if err := s.eventually(time.Until(s.deadline), f); err != nil {
		s.t.Fatalf("waited in vain for %s: %v", what, err)
	}
}

func (s *system) eventually(most time.Duration, f func() error) (err error) {
	for end := time.Now().Add(most); ; time.Sleep(50 * time.Millisecond) {
		if err = f(); err == nil || time.Now().After(end) {
			return err
		}
	}
}

// every does f again and again, about so often, while orders are produced.
func (s *system) every(d time.Duration, f func()) {
	for {
		select {
		case <-s.produced:
			return
		case <-time.After(s.around(d)):
			f()
		}
	}
}

// around is d, give or take a quarter.
func (s *system) around(d time.Duration) time.Duration {
	return d*3/4 + time.Duration(s.rnd.Int64N(int64(d/2)))
}

// setFaults changes what the gateway does.
func (s *system) setFaults(list string) {
	s.t.Helper()
	res, err := http.Post("http://"+s.gateway+"/_sandbox/faults", "text/plain", strings.NewReader(list))
	if err != nil {
		s.t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusOK {
		s.t.Fatalf("setting faults %q: %s", list, res.Status)
	}
}

// restartRedis starts Redis again, at its old address, with what its files hold.
func (s *system) restartRedis() {
	s.t.Helper()
	s.redis.Restart(s.t)
}

func (s *system) appendOnlyFile() string {
	found, err := filepath.Glob(filepath.Join(s.dir, "appendonlydir", "*.incr.aof"))
	if err != nil || len(found) != 1 {
		s.t.Fatalf("append-only files: %v, %v", found, err)
	}
	return found[0]
}

func freeAddress(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().String()
}
