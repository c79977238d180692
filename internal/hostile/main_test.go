package hostile_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"

	"github.com/hpplink/hpplink/internal/api"
	"github.com/hpplink/hpplink/internal/app"
	"github.com/hpplink/hpplink/internal/cli"
	"github.com/hpplink/hpplink/internal/config"
	"github.com/hpplink/hpplink/internal/ledger"
	"github.com/hpplink/hpplink/internal/merchant"
	"github.com/hpplink/hpplink/internal/order"
	"github.com/hpplink/hpplink/internal/redistest"
	"github.com/hpplink/hpplink/internal/results"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(redistest.M{M: m}) }

const patience = time.Minute

var (
	ctx  = context.Background()
	keys = ledger.NamespaceKeys("hpp")
)

// oddMerchant has a profile, as M1 has.
const oddMerchant = `M/2 {ü}:%41 🎎 \`

// wellMerchant has a profile too. A test that has the gateway fail for others leaves this one well, so that its breaker stays closed.
const wellMerchant = "M3"

const settings = `merchants:
  - {id: M1, gateway_url: %[1]q, api_key: {inline: planted-api-key-1}, x_api_key: {inline: planted-x-api-key-1}, timeout: 20s}
  - {id: M3, gateway_url: %[1]q, api_key: {inline: planted-api-key-1}, x_api_key: {inline: planted-x-api-key-1}, timeout: 20s}
  - {id: %[2]q, gateway_url: %[1]q, api_key: {inline: planted-second-key-2}, api_key_encoding: user, x_api_key: {inline: planted-second-x-key-2}, timeout: 20s}
tokens:
  - {name: shop, token: {inline: planted-token-0123456789}}
`

const token = "planted-token-0123456789"

// system is a whole process, its Redis, and a gateway.
type system struct {
	redis   string // its URL
	asynq   asynq.RedisClientOpt
	rdb     *redis.Client
	base    *app.Base
	url     string
	config  string
	gateway *gateway
	log     *lockedBuffer
	sent    *lockedBuffer     // what was asked for over HTTP, with all headers
	context map[string]string // that goes along with every order
	stop    func()
}

func newSystem(t *testing.T, addr string, answer func(body map[string]any, raw string) (int, string)) *system {
	t.Helper()
	s := &system{
		redis: "redis://" + addr, asynq: asynq.RedisClientOpt{Addr: addr}, rdb: redistest.Client(t, addr), gateway: newGateway(t, answer),
		log: &lockedBuffer{}, sent: &lockedBuffer{},
	}
	s.start(t, slog.NewJSONHandler(s.log, &slog.HandlerOptions{Level: slog.LevelDebug}), func(*app.Base, *app.ServiceConfig) error { return nil })
	return s
}

// start begins with everything. prepare may have the process do more.
func (s *system) start(t *testing.T, log slog.Handler, prepare func(*app.Base, *app.ServiceConfig) error) {
	t.Helper()
	s.config = filepath.Join(t.TempDir(), "settings.yaml")
	if err := os.WriteFile(s.config, fmt.Appendf(nil, settings, s.gateway.URL, oddMerchant), 0o600); err != nil {
		t.Fatal(err)
	}
	loaded, err := config.LoadFile(s.config)
	if err != nil {
		t.Fatal(err)
	}
	tokens, err := api.NewTokens(map[string]string{"shop": token})
	if err != nil {
		t.Fatal(err)
	}
	if s.base, err = app.Open(ctx, s.redis, "hpp", 0, slog.New(log)); err != nil {
		t.Fatal(err)
	}
	m := merchant.NewDirectory(loaded.Merchants...)
	c := app.ServiceConfig{Merchants: m, Worker: &app.WorkerConfig{Merchants: m}, Stream: true, Listen: "127.0.0.1:0", Tokens: tokens}
	if err := prepare(s.base, &c); err != nil {
		t.Fatal(err)
	}
	service, err := s.base.Start(ctx, c)
	if err != nil {
		t.Fatal(err)
	}
	s.url = "http://" + service.Addr()
	s.stop = sync.OnceFunc(func() {
		http.DefaultClient.CloseIdleConnections()
		if err := errors.Join(service.Stop(), s.base.Close()); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(s.stop)
}

// gateway mints a link for whatever it is asked, unless it is told to answer otherwise.
type gateway struct {
	*httptest.Server
	mu    sync.Mutex
	posts map[order.Key]int
	heard lockedBuffer // all that it was sent
}

func newGateway(t *testing.T, answer func(body map[string]any, raw string) (int, string)) *gateway {
	g := &gateway{posts: map[order.Key]int{}}
	g.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		raw, _ := io.ReadAll(r.Body)
		fmt.Fprintln(&g.heard, r.Header, string(raw))
		var body map[string]any
		dec := json.NewDecoder(bytes.NewReader(raw))
		dec.UseNumber()
		if err := dec.Decode(&body); err != nil {
			t.Errorf("the gateway was sent no JSON: %v", err)
		}
		ref, _ := body["merchant_txn_ref"].(string)
		merchantID, _ := body["merchant_id"].(string)
		g.mu.Lock()
		g.posts[order.Key{MerchantID: merchantID, Ref: ref}]++
		n := len(g.posts)
		g.mu.Unlock()
		if answer != nil {
			if status, text := answer(body, string(raw)+" "+r.Header.Get("Authorization")+" "+r.Header.Get("X-Api-Key")); status != 0 {
				w.WriteHeader(status)
				io.WriteString(w, text)
				return
			}
		}
		fmt.Fprintf(w, `{"id":"link-%d","url":"%s/pay/%d"}`, n, g.URL, n)
	}))
	t.Cleanup(g.Close)
	return g
}

func (g *gateway) asked(k order.Key) int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.posts[k]
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// request returns status and body of an answer over HTTP.
func (s *system) request(t *testing.T, method, path, kind, body string) (int, string) {
	t.Helper()
	r, err := http.NewRequest(method, s.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("Content-Type", kind)
	for name, value := range s.context {
		r.Header.Set(name, value)
	}
	fmt.Fprintln(s.sent, r.Method, r.URL, r.Header, body)
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(text)
}

// command runs hpplink, and returns what it wrote.
func (s *system) command(in string, args ...string) (code int, out, errs string) {
	return s.run(in, append([]string{args[0], "--redis", s.redis}, args[1:]...)...)
}

func (s *system) run(in string, args ...string) (code int, out, errs string) {
	var o, e bytes.Buffer
	code = cli.Run(ctx, args, cli.Streams{In: strings.NewReader(in), Out: &o, Err: &e})
	return code, o.String(), e.String()
}

func (s *system) results(t *testing.T) (all []results.Event) {
	t.Helper()
	_, err := s.base.Results.Read(ctx, results.Start, func(e results.Event) error {
		all = append(all, e)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func eventually(t *testing.T, what string, reached func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !reached(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited in vain: %s", what)
		}
	}
}

// idle waits until nothing is open, no task is left and every entry is handled.
func (s *system) idle(t *testing.T) {
	t.Helper()
	eventually(t, "all is done", func() bool { return s.handled() && s.tasks() == 0 && s.open(t) == 0 })
}

func (s *system) open(t *testing.T) int64 {
	c, err := s.base.Ledger.Counts(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return int64(c.Open())
}

func (s *system) tasks() (n int64) {
	for _, queue := range []string{"hpp-interactive", "hpp-bulk"} {
		for _, list := range []string{"pending", "active"} {
			n += s.rdb.LLen(ctx, "asynq:{"+queue+"}:"+list).Val()
		}
	}
	return n
}

func (s *system) handled() bool {
	groups, err := s.rdb.XInfoGroups(ctx, keys.Orders()).Result()
	if err != nil || len(groups) != 1 || groups[0].Pending > 0 {
		return false
	}
	left, err := s.rdb.XRangeN(ctx, keys.Orders(), "("+groups[0].LastDeliveredID, "+", 1).Result()
	return err == nil && len(left) == 0
}
