package worker

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hpplink/hpplink/internal/gateway"
	"github.com/hpplink/hpplink/internal/ledger"
	"github.com/hpplink/hpplink/internal/merchant"
	"github.com/hpplink/hpplink/internal/order"
	"github.com/hpplink/hpplink/internal/pacing"
)

var errTest = errors.New("test")

const anOrder = `{"merchant_id":"M1","merchant_txn_ref":"r","amount":"10","currency":"EUR","merchant_email":"shop@shop.example",
	"return_url":{"cancel_url":"https://shop.example/no"},"payment_method":{"type":"scheme"},"billing_address":{"country":"JP"}}`

// asker is a worker with nothing but a gateway client, and a profile for a gateway there.
func asker(t *testing.T, base string) (*Worker, merchant.Profile) {
	t.Helper()
	u, err := url.Parse(base)
	if err != nil {
		t.Fatal(err)
	}
	client := gateway.New(gateway.Options{})
	t.Cleanup(client.CloseIdle)
	return New(nil, client, nil, nil, pacing.New(nil, nil, 10), 0, slog.New(slog.DiscardHandler)), merchant.Profile{
		ID: "M1", GatewayURL: u, APIKey: merchant.NewSecret("k"), XAPIKey: merchant.NewSecret("x"), Timeout: 5 * time.Second,
	}
}

func attempt(body string, lease time.Duration) ledger.Attempt {
	return ledger.Attempt{Order: []byte(body), Now: time.Now(), LeaseEnds: time.Now().Add(lease)}
}

// counting is a gateway that counts what reaches it and knows nothing.
func counting(t *testing.T) (*atomic.Int32, string) {
	t.Helper()
	var posts atomic.Int32
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		posts.Add(1)
		w.WriteHeader(http.StatusServiceUnavailable)
	}))
	t.Cleanup(s.Close)
	return &posts, s.URL
}

func TestGatewayIsNotAsked(t *testing.T) {
	posts, gatewayURL := counting(t)
	w, p := asker(t, gatewayURL)
	expired := anOrder[:len(anOrder)-1] + `,"expires_at":"2020-01-01T00:00:00Z"}`
	for name, test := range map[string]struct {
		attempt ledger.Attempt
		known   bool
		want    string
	}{
		"the ledger holds no order":                       {attempt("\x00", time.Minute), true, CodeUnreadable},
		"no profile":                                      {attempt(anOrder, time.Minute), false, codeNoProfile},
		"expires_at has passed":                           {attempt(expired, time.Minute), true, CodeExpired},
		"expired, and the worker was held up too":         {attempt(expired, 0), true, CodeExpired},
		"held up until the lease is a call long, or less": {attempt(anOrder, p.Timeout), true, codeNoLease},
		"held up until the lease is over":                 {attempt(anOrder, -time.Second), true, codeNoLease},
	} {
		answer, o := asking(context.Background(), w, test.attempt, p, test.known)
		if answer.Code != test.want || answer.Asked || o == nil {
			t.Errorf("%s: got %+v, want the code %s", name, answer, test.want)
		}
	}
	if n := posts.Load(); n != 0 {
		t.Errorf("%d POSTs", n)
	}
}

// asking asks for an attempt.
func asking(ctx context.Context, w *Worker, a ledger.Attempt, p merchant.Profile, known bool) (gateway.Answer, *order.Order) {
	t := Attempted{Attempt: a}
	o := w.ask(ctx, &t, p, known, pacing.Pass{Mine: true})
	return t.Answer, o
}

func TestGatewayIsAskedOnceWhenItAnswers(t *testing.T) {
	posts, gatewayURL := counting(t)
	w, p := asker(t, gatewayURL)
	answer, o := asking(context.Background(), w, attempt(anOrder, time.Minute), p, true)
	if answer.Outcome != gateway.Unavailable || !answer.Asked || o.Ref != "r" || posts.Load() != 1 {
		t.Errorf("%+v after %d POSTs of %v", answer, posts.Load(), o)
	}
}

// TestUnreachableGatewayIsTriedAgainAtOnce counts connections that end before anything of a request is written: the
// other side hangs up instead of setting up TLS.
func TestUnreachableGatewayIsTriedAgainAtOnce(t *testing.T) {
	dials, gatewayURL := hangingUp(t)
	w, p := asker(t, gatewayURL)

	answer, _ := asking(context.Background(), w, attempt(anOrder, time.Minute), p, true)
	if answer.Outcome != gateway.Unavailable || answer.Asked || dials.Load() != 4 {
		t.Errorf("%+v after %d connections, want 4", answer, dials.Load())
	}

	dials.Store(0)
	answer, _ = asking(context.Background(), w, attempt(anOrder, p.Timeout+20*time.Millisecond), p, true)
	if dials.Load() > 1 || answer.Asked {
		t.Errorf("%+v after %d connections, though the lease holds for one call only", answer, dials.Load())
	}

	dials.Store(0)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if answer, _ = asking(ctx, w, attempt(anOrder, time.Minute), p, true); answer.Asked || dials.Load() > 1 {
		t.Errorf("%+v after %d connections, though nobody waits any more", answer, dials.Load())
	}
}

// hangingUp is an https address where every connection is closed at once, and counted.
func hangingUp(t *testing.T) (*atomic.Int32, string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var dials atomic.Int32
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			dials.Add(1)
			conn.Close()
		}
	}()
	t.Cleanup(func() {
		l.Close()
		<-done
	})
	return &dials, "https://" + l.Addr().String()
}
