package tracing_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hpplink/hpplink/internal/cli"
	"github.com/hpplink/hpplink/internal/ledger"
	"github.com/hpplink/hpplink/internal/redistest"
	"github.com/hpplink/hpplink/internal/results"
)

// command runs one of the program's, and returns what it says.
func command(t *testing.T, ctx context.Context, wantCode int, args ...string) string {
	t.Helper()
	var out, said bytes.Buffer
	if code := cli.Run(ctx, args, cli.Streams{In: strings.NewReader(""), Out: &out, Err: &said}); code != wantCode {
		t.Errorf("%q: exit code %d: %s%s", args, code, out.String(), said.String())
	}
	return out.String() + said.String()
}

func file(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestCommands hands orders in from the shell and from a spreadsheet, and has another process work them.
func TestCommands(t *testing.T) {
	addr := redistest.Server(t)
	c := collect(t)
	for name, value := range map[string]string{
		"HPPLINK_REDIS": "redis://" + addr, "HPPLINK_GATEWAY_URL": gatewayThatStumbles(t).String(), "HPPLINK_API_KEY": "api-key-8Jx",
		"HPPLINK_X_API_KEY": "x-api-key-3Kp", "HPPLINK_MERCHANT_ID": "M1", "HPPLINK_MERCHANT_EMAIL": "shop@shop.example", "HPPLINK_ROLES": "worker",
	} {
		t.Setenv(name, value)
	}
	one := `{"merchant_txn_ref":"smooth-1","amount":1,"currency":"JPY","return_url":{"success_url":"https://shop.example/ok"},
		"payment_method":{"type":"scheme"},"billing_address":{"country":"JP"}}`
	table := "merchant_txn_ref,amount,currency,success_url,payment_method,country\nsmooth-2,5,JPY,https://shop.example/ok,scheme,JP\n"
	command(t, ctx, 0, "enqueue", file(t, "order.json", one))
	command(t, ctx, 0, "bulk", "--yes", "--detach", file(t, "orders.csv", table))
	// It finds fault with the Redis of tests, which keeps nothing.
	if said := command(t, ctx, 1, "check"); !strings.Contains(said, "ok    traces       to "+c.url) {
		t.Errorf("check says\n%s", said)
	}

	working, stop := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		command(t, working, 0, "run")
	}()
	awaitLinks(t, addr, 2)
	stop()
	<-ended
	for _, intake := range c.named("intake") {
		drawn, _ := c.tree(intake)
		if want := "intake producer\n  queue wait internal\n  attempt consumer\n    gateway POST client\n  publish producer\n"; drawn != want {
			t.Errorf("%s: got\n%swant\n%s", attr(intake, "hpplink.way"), drawn, want)
		}
		if way := attr(intake, "hpplink.way"); (way == "bulk") != (attr(intake, "hpplink.batch") != "") {
			t.Errorf("%s with batch %q", way, attr(intake, "hpplink.batch"))
		}
	}
	if n := len(c.all()); n != 10 {
		t.Errorf("%d spans", n)
	}
	c.wantPlaced(t)
	c.wantNoSecrets(t)
}

func awaitLinks(t *testing.T, addr string, n int) {
	t.Helper()
	following, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	reader := results.NewReader(redistest.Client(t, addr), ledger.NamespaceKeys("hpp").Results())
	_ = reader.Follow(following, results.Start, func(e results.Event) error {
		if e.Type == results.LinkIssued {
			n--
		}
		if n == 0 {
			cancel()
		}
		return nil
	})
	if n != 0 {
		t.Errorf("%d links are missing", n)
	}
}

// TestCommandsWithWrongSettings end before they begin.
func TestCommandsWithWrongSettings(t *testing.T) {
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4318")
	t.Setenv("HPPLINK_REDIS", "redis://"+redistest.Server(t))
	t.Setenv("HPPLINK_MERCHANT_ID", "M1")
	for _, args := range [][]string{{"enqueue", file(t, "order.json", "{}")}, {"bulk", "--yes", file(t, "orders.csv", "a\n1\n")}} {
		if said := command(t, ctx, 2, args...); !strings.Contains(said, "OTEL_EXPORTER_OTLP_ENDPOINT: it is no URL") {
			t.Errorf("%q says %s", args, said)
		}
	}
}
