package tracing_test

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
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/hpplink/hpplink/internal/api"
	"github.com/hpplink/hpplink/internal/app"
	"github.com/hpplink/hpplink/internal/gateway/sandbox"
	"github.com/hpplink/hpplink/internal/mail"
	"github.com/hpplink/hpplink/internal/merchant"
	"github.com/hpplink/hpplink/internal/postbox"
	"github.com/hpplink/hpplink/internal/redistest"
	"github.com/hpplink/hpplink/internal/results"
	"github.com/hpplink/hpplink/internal/worker"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(redistest.M{M: m}) }

const (
	patience = 30 * time.Second
	token    = "a-token-for-the-api-that-nobody-knows"
)

var (
	ctx   = context.Background()
	quiet = slog.New(slog.DiscardHandler)
)

// secrets are what no span may hold: of the profile, of the order, and of what the gateway and the mail server say.
var secrets = []string{
	"api-key-8Jx", "x-api-key-3Kp", token, "taro.yamada", "Taro Yamada", "090-1234-5678", "1-2-3 Nishi-Shinjuku", "secret-cart-77",
	"shop@shop.example", "checkout",
}

func orderEvent(ref string) []byte {
	data, _ := json.Marshal(map[string]any{
		"merchant_id": "M1", "merchant_txn_ref": ref, "amount": 1000, "currency": "JPY", "merchant_email": "shop@shop.example",
		"return_url": map[string]any{"success_url": "https://shop.example/ok"}, "payment_method": map[string]any{"type": "scheme"},
		"billing_address": map[string]any{"country": "JP", "email": "taro.yamada@customer.example", "phone_number": "090-1234-5678", "address1": "1-2-3 Nishi-Shinjuku"},
		"delivery":        map[string]any{"email": map[string]any{"to": "taro.yamada@customer.example", "name": "Taro Yamada"}},
		"metadata":        map[string]any{"cart": "secret-cart-77"},
	})
	return data
}

// system is all of the program.
type system struct {
	*app.Base
	service   *app.Service
	merchants *merchant.Directory
	stop      func()
}

// gatewayThatStumbles fails an order's first call, unless its ref begins with "smooth", and repeats in its answer all that it was
// told.
func gatewayThatStumbles(t *testing.T) *url.URL {
	t.Helper()
	s, err := sandbox.New(sandbox.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var seen sync.Map
	h := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		r.Body = io.NopCloser(bytes.NewReader(body))
		if r.Header.Get("Traceparent") != "" {
			t.Error("the gateway is told of the trace")
		}
		var o struct {
			Ref string `json:"merchant_txn_ref"`
		}
		if err := json.Unmarshal(body, &o); err != nil {
			t.Error(err)
		}
		if _, again := seen.LoadOrStore(o.Ref, true); again || strings.HasPrefix(o.Ref, "smooth") {
			s.Handler().ServeHTTP(w, r)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusInternalServerError)
		fmt.Fprintf(w, `{"message":%q}`, r.Header.Get("Authorization")+string(body))
	}))
	t.Cleanup(h.Close)
	t.Cleanup(s.Close)
	u, err := url.Parse(h.URL)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func startSystem(t *testing.T, addr string) *system {
	t.Helper()
	box, err := postbox.Open(false, func(postbox.Stage, string) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { box.Close() })
	sender, err := mail.NewSender(mail.Config{URL: "smtp://" + box.Addr()})
	if err != nil {
		t.Fatal(err)
	}
	tokens, err := api.NewTokens(map[string]string{"test": token})
	if err != nil {
		t.Fatal(err)
	}
	base, err := app.Open(ctx, "redis://"+addr, "hpp", 0, quiet)
	if err != nil {
		t.Fatal(err)
	}
	if err := base.Trace(ctx, "v0"); err != nil {
		t.Fatal(err)
	}
	m := merchant.NewDirectory(merchant.Profile{
		ID: "M1", GatewayURL: gatewayThatStumbles(t), Timeout: 5 * time.Second,
		APIKey: merchant.NewSecret("api-key-8Jx"), XAPIKey: merchant.NewSecret("x-api-key-3Kp"),
	})
	service, err := base.Start(ctx, app.ServiceConfig{
		Merchants: m, Stream: true, Listen: "127.0.0.1:0", Tokens: tokens,
		Worker: &app.WorkerConfig{Merchants: m, Concurrency: 4, Mail: sender, Templates: worker.NewShelf()},
	})
	if err != nil {
		t.Fatal(err)
	}
	s := &system{Base: base, service: service, merchants: m}
	s.stop = sync.OnceFunc(func() {
		if err := errors.Join(service.Stop(), base.Close()); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(s.stop)
	return s
}

// finish waits until an event about an order is published, and stops all: then all spans are exported.
func (s *system) finish(t *testing.T, event, ref string) {
	t.Helper()
	s.await(t, event, ref)
	s.stop()
}

func (s *system) await(t *testing.T, event, ref string) {
	t.Helper()
	following, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	there := errors.New("there")
	err := s.Results.Follow(following, results.Start, func(e results.Event) error {
		if e.Type == event && e.Ref == ref {
			return there
		}
		return nil
	})
	if !errors.Is(err, there) {
		t.Fatalf("no %s about %s: %v", event, ref, err)
	}
}

// post hands an order in by HTTP.
func (s *system) post(t *testing.T, path, body string, headers ...string) int {
	t.Helper()
	r, err := http.NewRequest(http.MethodPost, "http://"+s.service.Addr()+path, bytes.NewReader([]byte(body)))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	if path == "/v1/orders/batch" {
		r.Header.Set("Content-Type", "application/x-ndjson")
	}
	r.Header.Set("Authorization", "Bearer "+token)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	answer, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if _, err := io.Copy(io.Discard, answer.Body); err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode
}
