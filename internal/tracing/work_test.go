package tracing_test

import (
	"errors"
	"fmt"
	"net/url"
	"testing"
	"time"

	otlp "go.opentelemetry.io/proto/otlp/trace/v1"

	"github.com/hpplink/hpplink/internal/gateway"
	"github.com/hpplink/hpplink/internal/ledger"
	"github.com/hpplink/hpplink/internal/mail"
	"github.com/hpplink/hpplink/internal/merchant"
	"github.com/hpplink/hpplink/internal/order"
	"github.com/hpplink/hpplink/internal/redistest"
	"github.com/hpplink/hpplink/internal/worker"
)

var (
	noon  = time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
	shops = merchant.NewDirectory(merchant.Profile{ID: "M1", GatewayURL: &url.URL{Scheme: "https", Host: "gateway.example:8443", User: url.UserPassword("u", "api-key-8Jx")}})

	exampleKey     = order.Key{MerchantID: "M1", Ref: "R1"}
	exampleAttempt = worker.Attempted{
		Attempt: ledger.Attempt{
			Key: exampleKey, Generation: 1, Number: 1, Attempts: 1, Lane: order.Interactive, Trace: callers,
			Accepted: noon, Now: noon.Add(3 * time.Second), Order: orderEvent("R1"),
		},
		Answer:  gateway.Answer{Outcome: gateway.Issued, Status: 200, Asked: true, Link: gateway.Link{ID: "l", URL: "https://checkout.example/l"}},
		Settled: ledger.SettledIssued,
		Begun:   noon.Add(2990 * time.Millisecond), Claimed: noon.Add(3 * time.Second), Asked: noon.Add(3100 * time.Millisecond),
		Answered: noon.Add(4 * time.Second), Reported: noon.Add(4050 * time.Millisecond),
	}
	exampleEmail = worker.EmailAttempted{
		Attempt: ledger.EmailAttempt{
			Key: exampleKey, Generation: 1, Number: 1, Trace: callers, Order: orderEvent("R1"),
			Accepted: noon, Issued: noon.Add(4 * time.Second), Now: noon.Add(5 * time.Second),
		},
		Answer: mail.Answer{Outcome: mail.Sent, Status: 250}, Settled: ledger.EmailSettledSent,
		Begun: noon.Add(5 * time.Second), Claimed: noon.Add(5 * time.Second), Asked: noon.Add(5 * time.Second),
		Answered: noon.Add(5100 * time.Millisecond), Reported: noon.Add(5200 * time.Millisecond),
	}
)

// observe has an observer told of attempts, and returns their spans by name.
func observe(t *testing.T, attempts []worker.Attempted, emails ...worker.EmailAttempted) (*collector, map[string]*otlp.Span) {
	t.Helper()
	c, traces := collect(t), setup(t)
	o := traces.Observers(shops)[0]
	for _, a := range attempts {
		o.Attempted(ctx, a)
	}
	for _, e := range emails {
		o.EmailAttempted(ctx, e)
	}
	o.Recovered(order.Bulk, 1)
	traces.Shutdown()
	spans := map[string]*otlp.Span{}
	for _, s := range c.all() {
		spans[s.Name] = s
	}
	c.wantPlaced(t)
	c.wantNoSecrets(t)
	return c, spans
}

// TestClocksThatDiffer: lengths are those of one clock each, and all lies where this process' clock has it.
func TestClocksThatDiffer(t *testing.T) {
	for _, shift := range []time.Duration{0, 3 * time.Hour, -3 * time.Hour} {
		t.Run(fmt.Sprint(shift), func(t *testing.T) {
			a := exampleAttempt
			a.Attempt.Accepted, a.Attempt.Now = a.Attempt.Accepted.Add(shift), a.Attempt.Now.Add(shift)
			_, spans := observe(t, []worker.Attempted{a}, exampleEmail)
			for name, want := range map[string]struct{ from, to time.Duration }{
				"queue wait":   {time.Millisecond, 3 * time.Second}, // the ledger's tick less
				"attempt":      {3 * time.Second, 4 * time.Second},
				"gateway POST": {3100 * time.Millisecond, 4 * time.Second},
				"publish":      {4 * time.Second, 4050 * time.Millisecond},
				"email":        {5 * time.Second, 5200 * time.Millisecond},
			} {
				s := spans[name]
				if s == nil {
					t.Fatalf("no %s", name)
				}
				from, to := time.Unix(0, int64(s.StartTimeUnixNano)).Sub(noon), time.Unix(0, int64(s.EndTimeUnixNano)).Sub(noon)
				if from != want.from || to != want.to {
					t.Errorf("%s from %v to %v, want %v to %v", name, from, to, want.from, want.to)
				}
			}
		})
	}
}

// TestClocksThatJump: whatever the times are, no span ends before it begins.
func TestClocksThatJump(t *testing.T) {
	for name, change := range map[string]func(*worker.Attempted){
		"the ledger's goes back":    func(a *worker.Attempted) { a.Attempt.Now = noon.Add(-time.Hour) },
		"nobody knows when it came": func(a *worker.Attempted) { a.Attempt.Accepted = time.Time{} },
		"ours goes back":            func(a *worker.Attempted) { a.Answered, a.Reported = noon, noon.Add(-time.Hour) },
		"ours goes forth":           func(a *worker.Attempted) { a.Asked = noon.Add(time.Hour) },
	} {
		t.Run(name, func(t *testing.T) {
			a := exampleAttempt
			change(&a)
			if _, spans := observe(t, []worker.Attempted{a}); len(spans) != 4 {
				t.Errorf("%d spans", len(spans))
			}
		})
	}
}

// TestRedisOfAnotherTime is the same with all of the program.
func TestRedisOfAnotherTime(t *testing.T) {
	for _, shift := range []time.Duration{-3 * time.Hour, 3 * time.Hour} {
		t.Run(fmt.Sprint(shift), func(t *testing.T) {
			mini := redistest.Mini(t)
			mini.SetTime(time.Now().Add(shift))
			c, s := collect(t), startSystem(t, mini.Addr())
			begun := time.Now()
			ways[0].handIn(t, s, "smooth", "")
			s.finish(t, "email.sent", "smooth")
			c.wantPlaced(t)
			if n := len(c.all()); n != 6 {
				t.Fatalf("%d spans", n)
			}
			for _, span := range c.all() {
				if at := time.Unix(0, int64(span.StartTimeUnixNano)); at.Before(begun) || time.Since(at) < 0 || length(span) > patience {
					t.Errorf("%s at %v for %v, begun at %v", span.Name, at, length(span), begun)
				}
			}
		})
	}
}

func TestWhatAttemptsTell(t *testing.T) {
	timeout := gateway.Answer{Outcome: gateway.Uncertain, Code: "timeout", Asked: true, Message: "taro.yamada"}
	unasked := func(a *worker.Attempted, code string) {
		a.Answer = gateway.Answer{Outcome: "not_asked", Code: code}
		a.Asked, a.Answered = time.Time{}, time.Time{}
	}
	for name, test := range map[string]struct {
		change  func(*worker.Attempted)
		spans   int
		trouble string
	}{
		"issued":           {func(*worker.Attempted) {}, 4, ""},
		"a second attempt": {func(a *worker.Attempted) { a.Attempt.Number = 2 }, 3, ""},
		"surplus":          {func(a *worker.Attempted) { a.Settled = ledger.SettledSurplus }, 3, ""},
		"a time-out":       {func(a *worker.Attempted) { a.Answer, a.Settled, a.Wait = timeout, ledger.SettledReleased, time.Second }, 3, "timeout"},
		"its turn later":   {func(a *worker.Attempted) { unasked(a, "paced"); a.Settled = ledger.SettledReleased }, 2, ""},
		"expired": {func(a *worker.Attempted) {
			unasked(a, "expired")
			a.Settled, a.FailureCode = ledger.SettledFailed, "expired"
		}, 3, "expired"},
		"held": {func(a *worker.Attempted) {
			a.Answer.Outcome, a.Answer.Code, a.Settled = gateway.Misconfigured, "http_401", ledger.SettledHeld
		}, 3, "http_401"},
		"no ledger":     {func(a *worker.Attempted) { a.Settled, a.Err = "", errors.New("taro.yamada") }, 3, "ledger_away"},
		"no trace":      {func(a *worker.Attempted) { a.Attempt.Trace = "" }, 0, ""},
		"no good trace": {func(a *worker.Attempted) { a.Attempt.Trace = broken }, 0, ""},
	} {
		t.Run(name, func(t *testing.T) {
			a := exampleAttempt
			test.change(&a)
			c, spans := observe(t, []worker.Attempted{a})
			if len(c.all()) != test.spans {
				t.Fatalf("%d spans, want %d", len(c.all()), test.spans)
			}
			if test.spans == 0 {
				return
			}
			attempt := spans["attempt"]
			if got := attempt.Status.GetMessage(); got != test.trouble || attr(attempt, "error.type") != test.trouble {
				t.Errorf("status %q, want %q", got, test.trouble)
			}
			for name, want := range map[string]string{
				"hpplink.outcome": string(a.Answer.Outcome), "hpplink.settled": string(a.Settled), "hpplink.code": a.Answer.Code,
				"hpplink.failure": a.FailureCode, "hpplink.attempt": fmt.Sprint(a.Attempt.Number), "hpplink.ref": "R1",
				"messaging.destination.name": "hpp-interactive",
			} {
				if got := attr(attempt, name); got != want {
					t.Errorf("%s is %q, want %q", name, got, want)
				}
			}
		})
	}
}

func TestWhatACallTells(t *testing.T) {
	_, spans := observe(t, []worker.Attempted{exampleAttempt})
	for name, want := range map[string]string{
		"http.response.status_code": "200", "http.request.method": "POST", "server.address": "gateway.example", "server.port": "8443",
	} {
		if got := attr(spans["gateway POST"], name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if got := attr(spans["publish"], "messaging.destination.name"); got != "{hpp}:results" {
		t.Errorf("published on %q", got)
	}
}

func TestWhatEmailsTell(t *testing.T) {
	refused := mail.Answer{Outcome: mail.Refused, Code: "smtp_550", Status: 550, Message: "no such user taro.yamada@customer.example"}
	for name, test := range map[string]struct {
		change  func(*worker.EmailAttempted)
		trouble string
	}{
		"sent":    {func(*worker.EmailAttempted) {}, ""},
		"refused": {func(e *worker.EmailAttempted) { e.Answer, e.Settled = refused, ledger.EmailSettledFailed }, "smtp_550"},
		"later": {func(e *worker.EmailAttempted) {
			e.Answer = mail.Answer{Outcome: mail.Retry, Code: "paced"}
			e.Asked, e.Settled = time.Time{}, ledger.EmailSettledBack
		}, ""},
		"once more": {func(e *worker.EmailAttempted) {
			e.Answer = mail.Answer{Outcome: mail.Retry, Code: "smtp_451", Status: 451}
			e.Settled = ledger.EmailSettledBack
		}, "smtp_451"},
		"no ledger":  {func(e *worker.EmailAttempted) { e.Err = errors.New("taro.yamada") }, "ledger_away"},
		"no code":    {func(e *worker.EmailAttempted) { e.Answer = mail.Answer{Outcome: mail.Unknown} }, "unknown"},
		"a doubtful": {func(e *worker.EmailAttempted) { e.Attempt.Doubtful = true }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			e := exampleEmail
			test.change(&e)
			_, spans := observe(t, nil, e)
			s := spans["email"]
			if s == nil || s.Status.GetMessage() != test.trouble || attr(s, "hpplink.settled") != string(e.Settled) || attr(s, "hpplink.code") != e.Answer.Code {
				t.Errorf("%v, want trouble %q", s, test.trouble)
			}
			if (attr(s, "hpplink.uncertain") == "true") != e.Attempt.Doubtful {
				t.Errorf("uncertain is %q", attr(s, "hpplink.uncertain"))
			}
		})
	}
}
