package doctor_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"

	"github.com/hpplink/hpplink/internal/cli"
	"github.com/hpplink/hpplink/internal/doctor"
	"github.com/hpplink/hpplink/internal/postbox"
	"github.com/hpplink/hpplink/internal/redistest"
)

const webToken = "planted-token-of-16"

// TestRightsSuffice: a user with the rights that are looked for can do all that hpplink does: orders by every way in, results,
// replays, emails, bulk files, pages.
func TestRightsSuffice(t *testing.T) {
	s := newHouse(t).scene(t)
	user(t, s, doctor.Rights("hpp")...)
	box, err := postbox.Open(false, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer box.Close()
	listen := freeAddress(t)
	s.env["LISTEN"], s.env["TOKEN"], s.env["SMTP"], s.env["LINK_HOSTS"] = listen, webToken, "smtp://"+box.Addr(), "127.0.0.1"
	delete(s.env, "SMTP_PASSWORD_FILE")
	if code, all := s.check(t, t.Context()); code != 0 {
		t.Errorf("exit code %d: %v", code, all)
	}
	stop := running(t)
	defer stop()
	await(t, "the server", func() bool { return visit(t, http.MethodGet, "http://"+listen+"/readyz", "") == 200 })

	if _, all := s.check(t, t.Context()); !slices.ContainsFunc(all, func(f finding) bool {
		return f.String() == "ok HTTP: "+listen+", tokens: HPPLINK_TOKEN; hpplink serves there now"
	}) || !slices.ContainsFunc(all, func(f finding) bool { return f.String() == "ok workers: 1 alive, all of version "+cli.Version() }) {
		t.Errorf("of a process that runs: %v", all)
	}
	admin := redistest.Client(t, s.redis)
	command(t, orderOf("M-1001", "shell", `,"delivery":{"email":{"to":"taro@sakura.co.jp","locale":"en"}}`), "enqueue", "-")
	admin.XAdd(ctx, &redis.XAddArgs{Stream: "{hpp}:orders", Values: []string{"order", orderOf("M-1001", "stream", "")}})
	admin.XAdd(ctx, &redis.XAddArgs{Stream: "{hpp}:orders", Values: []string{"order", "{}"}})
	byTask(t, s, orderOf("M-1001", "task", ""))
	if code := visit(t, http.MethodPost, "http://"+listen+"/v1/orders?wait=10s", orderOf("M-1001", "http", "")); code != 200 {
		t.Errorf("HTTP: %d", code)
	}
	visit(t, http.MethodPost, "http://"+listen+"/v1/orders", orderOf("M-1001", "bad~400x1", ""))
	table := "merchant_id,merchant_txn_ref,amount,currency,success_url,payment_method,country\nM-1001,row-1,5,JPY,https://sakura.co.jp/ok,scheme,JP\n"
	command(t, "", "bulk", "--yes", "--detach", file(t, "orders.csv", table))
	await(t, "all results", func() bool { return admin.XLen(ctx, "{hpp}:results").Val() >= 9 })
	command(t, "", "failed", "replay", "--merchant-id", "M-1001", "bad~400x1", "--yes")
	await(t, "the replayed one", func() bool { return admin.XLen(ctx, "{hpp}:results").Val() >= 10 })
	for _, line := range []string{"status", "status http --merchant-id M-1001", "results --group g", "failed list", "surplus list", "bulk status"} {
		command(t, "", strings.Fields(line)...)
	}
	for _, page := range []string{"/orders", "/orders/failed", "/dashboard/api/queues", "/dashboard/api/servers", "/dashboard/api/redis_info", "/metrics"} {
		visit(t, http.MethodGet, "http://"+listen+page, "")
	}
	stop()
	for _, denied := range admin.ACLLog(ctx, 100).Val() {
		if denied.Object != "config|get" { // which it does without
			t.Errorf("refused: %s %s (%s)", denied.Reason, denied.Object, denied.Context)
		}
	}
}

func freeAddress(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// running runs the program until the function that it returns is called.
func running(t *testing.T) (stop func()) {
	work, end := context.WithCancel(context.Background())
	ended := make(chan struct{})
	var log bytes.Buffer
	go func() {
		defer close(ended)
		if code := cli.Run(work, []string{"run"}, cli.Streams{Out: io.Discard, Err: &log}); code != 0 {
			t.Errorf("run: exit code %d", code)
		}
	}()
	return sync.OnceFunc(func() {
		end()
		<-ended
		if strings.Contains(log.String(), "NOPERM") {
			t.Error(log.String())
		}
	})
}

func command(t *testing.T, in string, args ...string) {
	t.Helper()
	var said bytes.Buffer
	if code := cli.Run(ctx, args, cli.Streams{In: strings.NewReader(in), Out: &said, Err: &said}); code != 0 {
		t.Errorf("%q: exit code %d: %s", args, code, said.String())
	}
}

// visit returns the status of an answer, 0 for none.
func visit(t *testing.T, method, url, body string) int {
	t.Helper()
	req, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+webToken)
	req.Header.Set("Content-Type", "application/json")
	transport := &http.Transport{DisableKeepAlives: true}
	res, err := transport.RoundTrip(req)
	if err != nil {
		return 0
	}
	defer res.Body.Close()
	var answer struct{ Detail string }
	text, _ := io.ReadAll(res.Body)
	if json.Unmarshal(text, &answer) == nil && strings.Contains(answer.Detail, "NOPERM") {
		t.Error(answer.Detail)
	}
	return res.StatusCode
}

// byTask hands an order in as a task, by a user of its own: whoever does that has his own rights.
func byTask(t *testing.T, s *scene, order string) {
	t.Helper()
	client := asynq.NewClient(asynq.RedisClientOpt{Addr: s.redis})
	defer client.Close()
	if _, err := client.Enqueue(asynq.NewTask("link:generate", []byte(order)), asynq.Queue("hpp-interactive")); err != nil {
		t.Fatal(fmt.Errorf("by asynq: %w", err))
	}
}
