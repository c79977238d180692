//go:build alerts

package deploytest

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/hpplink/hpplink/internal/ledger"
	"github.com/hpplink/hpplink/internal/postbox"
	"github.com/hpplink/hpplink/internal/redistest"
)

const token = "a-token-for-the-recorded-run"

var (
	ctx  = context.Background()
	keys = ledger.NamespaceKeys("hpp")
)

// system is an installation: a door (HTTP and the stream), two workers, Redis, the simulated gateway, a mail server, and the
// Prometheus that watches it.
type system struct {
	t          *testing.T
	dir        string
	program    string
	redis      *redistest.Process
	rdb        *redis.Client
	box        *postbox.Box
	gateway    string // its address
	sandbox    *process
	doorAddr   string
	door       *process
	workers    []*process
	targets    []string // of Prometheus
	prometheus *process
	api        string // its address
	refs       atomic.Int64
	timeline   timeline
}

func startSystem(t *testing.T) *system {
	t.Helper()
	s := &system{t: t, dir: t.TempDir(), gateway: freeAddress(t), doorAddr: freeAddress(t)}
	s.program = filepath.Join(s.dir, "hpplink")
	if out, err := exec.Command("go", "build", "-o", s.program, "../../cmd/hpplink").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if err := os.WriteFile(filepath.Join(s.dir, "hpplink.yml"), []byte(strings.ReplaceAll(settings, "GATEWAY", s.gateway)), 0o600); err != nil {
		t.Fatal(err)
	}
	s.redis = redistest.StartServer(t, "--appendonly", "yes", "--maxmemory", "1gb", "--maxmemory-policy", "noeviction")
	s.rdb = redistest.Client(t, s.redis.Addr)
	box, err := postbox.Open(true, nil)
	if err != nil {
		t.Fatal(err)
	}
	s.box = box
	t.Cleanup(func() { box.Close() })
	s.sandbox = spawn(t, s.dir, "sandbox", nil, s.program, "sandbox", "--listen", s.gateway, "--latency", "200ms", "--jitter", "100ms")
	s.door = spawn(t, s.dir, "door", s.env("web,stream", s.doorAddr), s.program, "run")
	s.targets = []string{s.doorAddr}
	for n := range 2 {
		addr := freeAddress(t)
		s.targets = append(s.targets, addr)
		s.workers = append(s.workers, spawn(t, s.dir, fmt.Sprint("worker-", n), append(s.env("worker", addr), s.smtp()...), s.program, "run"))
	}
	return s
}

func (s *system) env(roles, listen string) []string {
	return []string{
		"HPPLINK_ROLES=" + roles, "HPPLINK_LISTEN=" + listen, "HPPLINK_TOKEN=" + token, "HPPLINK_REDIS=redis://" + s.redis.Addr + "/0",
		"HPPLINK_CONFIG=" + filepath.Join(s.dir, "hpplink.yml"),
	}
}

// settings are those of a merchant, and of another one that has a rate limit and nothing to do.
const settings = `
merchants:
  - {id: M-1001, gateway_url: "http://GATEWAY/api/v1", api_key: {inline: k}, x_api_key: {inline: k}, max_open: 300}
  - {id: M-2002, gateway_url: "http://GATEWAY/api/v1", api_key: {inline: k}, x_api_key: {inline: k}, rate: 20}
`

func (s *system) smtp() []string {
	return []string{"HPPLINK_SMTP=smtp://user@" + s.box.Addr(), "HPPLINK_SMTP_PASSWORD=p"}
}

// faults sets what the gateway does wrong; nothing by "".
func (s *system) faults(list string) {
	s.t.Helper()
	method := http.MethodPost
	if list == "" {
		method = http.MethodDelete
	}
	req, err := http.NewRequest(method, "http://"+s.gateway+"/_sandbox/faults", strings.NewReader(list))
	if err != nil {
		s.t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode >= 300 {
		s.t.Fatalf("faults %q: %s", list, res.Status)
	}
}

// orderText is an order of its own; each tenth asks for an email.
func (s *system) orderText() string {
	n := s.refs.Add(1)
	delivery := ""
	if n%10 == 0 {
		delivery = fmt.Sprintf(`,"delivery":{"email":{"to":"c%d@customer.example"}}`, n)
	}
	return fmt.Sprintf(`{"merchant_id":"M-1001","merchant_txn_ref":"R%d","amount":1000,"currency":"JPY","merchant_email":"a@shop.example",`+
		`"return_url":{"cancel_url":"https://shop.example/no"},"payment_method":{"type":"scheme"},"billing_address":{"country":"JP"}%s}`, n, delivery)
}

// produce hands in 20 interactive and 5 bulk orders a second, until the context ends. Some are not taken: it is bad weather.
func (s *system) produce(ctx context.Context) {
	client := &http.Client{Timeout: 2 * time.Second}
	ticker := time.NewTicker(40 * time.Millisecond)
	defer ticker.Stop()
	for n := 0; ; n++ {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		lane := "interactive"
		if n%5 == 0 {
			lane = "bulk"
		}
		go func(text string) {
			req, _ := http.NewRequest("POST", "http://"+s.doorAddr+"/v1/orders?lane="+lane, strings.NewReader(text))
			req.Header.Set("Content-Type", "application/json")
			req.Header.Set("Authorization", "Bearer "+token)
			if res, err := client.Do(req); err == nil {
				res.Body.Close()
			}
		}(s.orderText())
	}
}

// startPrometheus starts one with the example of its configuration, but for times and targets, and with the rules, scaled. It
// waits until links come out: the first orders take longest, and would be all that the long windows know.
func (s *system) startPrometheus() {
	s.t.Helper()
	s.await("links", func() error {
		n, err := s.rdb.XLen(ctx, keys.Results()).Result()
		if err == nil && n < 200 {
			err = fmt.Errorf("%d so far", n)
		}
		return err
	})
	text := func(name string) string {
		b, err := os.ReadFile(filepath.Join(deploy, "prometheus", name))
		if err != nil {
			s.t.Fatal(err)
		}
		return string(b)
	}
	config := strings.NewReplacer(": 15s ", ": 1s ", ": 15s\n", ": 1s\n", `["127.0.0.1:8080"]`, `["`+strings.Join(s.targets, `","`)+`"]`).Replace(text("prometheus.yml"))
	for name, content := range map[string]string{
		"prometheus.yml": config, "hpplink.rules.yml": scaled(text("hpplink.rules.yml")), "hpplink-token": token,
	} {
		if err := os.WriteFile(filepath.Join(s.dir, name), []byte(content), 0o600); err != nil {
			s.t.Fatal(err)
		}
	}
	if _, err := installed(); err != nil {
		s.t.Fatal(err)
	}
	addr := freeAddress(s.t)
	s.api = "http://" + addr + "/api/v1"
	s.prometheus = spawn(s.t, s.dir, "prometheus", nil, "prometheus", "--config.file="+filepath.Join(s.dir, "prometheus.yml"),
		"--storage.tsdb.path="+filepath.Join(s.dir, "data"), "--web.listen-address="+addr, "--log.level=warn")
}
