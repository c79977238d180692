package worker

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/hpplink/hpplink/internal/gateway"
	"github.com/hpplink/hpplink/internal/ledger"
	"github.com/hpplink/hpplink/internal/order"
	"github.com/hpplink/hpplink/internal/queue"
)

var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

const maxAge = 24 * time.Hour

// ruling is a decision without what is drawn or worded.
type ruling struct {
	verdict                   verdict
	code                      string
	asked, uncertain, excused bool
	breaker                   ledger.BreakerMove
}

func rule(d decision) ruling {
	switch d.verdict {
	case fail:
		return ruling{verdict: fail, code: d.failure.Code, asked: d.failure.Asked}
	case release:
		return ruling{verdict: release, asked: d.back.Asked, uncertain: d.back.Uncertain, excused: d.back.Excused, breaker: d.back.Breaker}
	}
	return ruling{verdict: d.verdict}
}

func TestWhatFollowsFromAnAnswer(t *testing.T) {
	const old = maxAge
	for name, test := range map[string]struct {
		outcome   gateway.Outcome
		code      string
		asked     bool
		uncertain bool // of an attempt before
		age       time.Duration
		want      ruling
	}{
		"issued":                                {gateway.Issued, "", true, false, 0, ruling{verdict: issue}},
		"issued after an uncertain attempt":     {gateway.Issued, "", true, true, 0, ruling{verdict: issue}},
		"issued beyond its age":                 {gateway.Issued, "", true, true, 9 * old, ruling{verdict: issue}},
		"rejected":                              {gateway.Rejected, "http_400", true, false, 0, ruling{verdict: fail, code: "rejected", asked: true}},
		"rejected without being sent":           {gateway.Rejected, "amount", false, false, 0, ruling{verdict: fail, code: "rejected"}},
		"rejected beyond its age":               {gateway.Rejected, "http_400", true, false, old, ruling{verdict: fail, code: "rejected", asked: true}},
		"rejected after an uncertain attempt":   {gateway.Rejected, "http_400", true, true, 0, ruling{verdict: fail, code: "possibly_issued", asked: true}},
		"duplicate":                             {gateway.Duplicate, "http_409", true, false, 0, ruling{verdict: fail, code: "possibly_issued", asked: true}},
		"duplicate after an uncertain attempt":  {gateway.Duplicate, "http_409", true, true, 0, ruling{verdict: fail, code: "possibly_issued", asked: true}},
		"misconfigured":                         {gateway.Misconfigured, "http_401", true, false, 0, ruling{verdict: release, asked: true, breaker: ledger.TripBreaker}},
		"misconfigured beyond its age":          {gateway.Misconfigured, "dns", false, false, 9 * old, ruling{verdict: release, breaker: ledger.TripBreaker}},
		"no profile":                            {gateway.Misconfigured, codeNoProfile, false, true, 0, ruling{verdict: release, breaker: ledger.TripBreaker}},
		"throttled":                             {gateway.Throttled, "http_429", true, false, 0, ruling{verdict: release, excused: true}},
		"throttled beyond its age":              {gateway.Throttled, "http_503", true, true, 9 * old, ruling{verdict: release, excused: true}},
		"unavailable":                           {gateway.Unavailable, "http_503", true, false, 0, ruling{verdict: release, asked: true}},
		"unreachable":                           {gateway.Unavailable, "connection_refused", false, true, old - 1, ruling{verdict: release}},
		"unavailable at its age":                {gateway.Unavailable, "http_503", true, false, old, ruling{verdict: fail, code: "gave_up", asked: true}},
		"unreachable at its age":                {gateway.Unavailable, "connection_refused", false, false, old, ruling{verdict: fail, code: "gave_up"}},
		"uncertain":                             {gateway.Uncertain, "timeout", true, false, 0, ruling{verdict: release, asked: true, uncertain: true}},
		"uncertain again, below its age":        {gateway.Uncertain, "timeout", true, true, old - 1, ruling{verdict: release, asked: true, uncertain: true}},
		"uncertain at its age":                  {gateway.Uncertain, "timeout", true, true, old, ruling{verdict: fail, code: "gave_up", asked: true}},
		"expired":                               {notAsked, CodeExpired, false, false, 0, ruling{verdict: fail, code: "expired"}},
		"expired after an uncertain attempt":    {notAsked, CodeExpired, false, true, 0, ruling{verdict: fail, code: "expired"}},
		"unreadable in the ledger":              {notAsked, CodeUnreadable, false, false, 0, ruling{verdict: fail, code: "unreadable_order"}},
		"held up until its lease was too short": {notAsked, codeNoLease, false, true, 9 * old, ruling{verdict: release, excused: true}},
		"an outcome that nobody knows":          {"new", "", true, false, old, ruling{verdict: fail, code: "gave_up", asked: true}},
	} {
		t.Run(name, func(t *testing.T) {
			a := ledger.Attempt{Attempts: 3, Uncertain: test.uncertain, Age: test.age, Now: now}
			answer := gateway.Answer{Outcome: test.outcome, Code: test.code, Asked: test.asked}
			if got := rule(decide(a, &order.Order{}, answer, maxAge)); got != test.want {
				t.Errorf("got %+v, want %+v", got, test.want)
			}
		})
	}
}

func TestHowLongAnOrderWaits(t *testing.T) {
	const ms, s, m = time.Millisecond, time.Second, time.Minute
	throttled := func(told time.Duration) gateway.Answer {
		return gateway.Answer{Outcome: gateway.Throttled, RetryAfter: told}
	}
	unavailable := gateway.Answer{Outcome: gateway.Unavailable}
	uncertain := gateway.Answer{Outcome: gateway.Uncertain}
	for name, test := range map[string]struct {
		answer      gateway.Answer
		attempts    int
		age         time.Duration
		expires     time.Duration // from now; 0: never
		least, most time.Duration
	}{
		"throttled, untold":                 {throttled(0), 1, 0, 0, 5 * s, 7500 * ms},
		"throttled, told too little":        {throttled(ms), 1, 0, 0, s, 1500 * ms},
		"throttled, told":                   {throttled(30 * s), 1, 0, 0, 30 * s, 45 * s},
		"throttled, told too much":          {throttled(48 * time.Hour), 1, 0, 0, 10 * m, 15 * m},
		"throttled, told most of all":       {throttled(1<<63 - 1), 1, 0, 0, 10 * m, 15 * m},
		"first retry":                       {unavailable, 1, 0, 0, 0, s},
		"third retry":                       {uncertain, 3, 0, 0, 0, 4 * s},
		"hundredth retry":                   {uncertain, 100, 0, 0, 0, 5 * m},
		"not asked yet":                     {unavailable, 0, 0, 0, 0, s},
		"soon too old":                      {uncertain, 100, maxAge - 3*s, 0, 0, 3 * s},
		"all but too old":                   {uncertain, 100, maxAge - 1, 0, 0, s},
		"lease too short":                   {unasked(codeNoLease, ""), 1, 0, 0, 0, 0},
		"throttled, expires before":         {throttled(m), 1, 0, 2 * s, 2 * s, 2 * s},
		"retry, expires before":             {uncertain, 100, 0, ms, 0, ms},
		"throttled, expired meanwhile":      {throttled(m), 1, 0, -s, 0, 0},
		"throttled, expires at that moment": {throttled(m), 1, 0, -1, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			o := &order.Order{}
			if test.expires != 0 {
				o.ExpiresAt = now.Add(test.expires)
			}
			a := ledger.Attempt{Number: test.attempts, Age: test.age, Now: now}
			for range 200 { // most waits are drawn
				d := decide(a, o, test.answer, maxAge)
				if d.verdict != release || d.back.After < test.least || d.back.After > test.most {
					t.Fatalf("verdict %d, wait %v: want release, %v to %v", d.verdict, d.back.After, test.least, test.most)
				}
			}
		})
	}
}

func TestDecisionSaysWhyWithoutTheOrder(t *testing.T) {
	o := &order.Order{Metadata: map[string]string{"cart": "9"}, MerchantEmail: "shop@shop.example"}
	for outcome, want := range map[gateway.Outcome]string{
		gateway.Rejected:    "no such currency (http_400)",
		gateway.Unavailable: "unavailable (http_400): no such currency",
	} {
		d := decide(ledger.Attempt{}, o, gateway.Answer{Outcome: outcome, Code: "http_400", Message: "no such currency"}, maxAge)
		if got := d.failure.Message + d.back.Why; got != want {
			t.Errorf("%s: %q, want %q", outcome, got, want)
		}
	}
	if got := why(gateway.Answer{Outcome: gateway.Uncertain, Code: "timeout"}); got != "uncertain (timeout)" {
		t.Errorf("without a message: %q", got)
	}
}

// anyCase draws an attempt, its order and what the gateway answered.
func anyCase(t *rapid.T) (ledger.Attempt, *order.Order, gateway.Answer) {
	duration := func(name string, most time.Duration) time.Duration {
		return time.Duration(rapid.Int64Range(0, int64(most)).Draw(t, name))
	}
	a := ledger.Attempt{
		Attempts: rapid.IntRange(0, 1000).Draw(t, "attempts"), Uncertain: rapid.Bool().Draw(t, "uncertain before"),
		Age: duration("age", 2*maxAge), Now: now,
	}
	o := &order.Order{Amount: "12.5", Currency: "EUR", Metadata: map[string]string{"cart": "9"}}
	if rapid.Bool().Draw(t, "expires") {
		o.ExpiresAt = now.Add(duration("expires in", 2*time.Hour) - time.Hour)
	}
	answer := gateway.Answer{
		Outcome: rapid.SampledFrom([]gateway.Outcome{
			gateway.Issued, gateway.Rejected, gateway.Duplicate, gateway.Misconfigured, gateway.Throttled,
			gateway.Unavailable, gateway.Uncertain, notAsked,
		}).Draw(t, "outcome"),
		Message: "told", Asked: rapid.Bool().Draw(t, "asked"), RetryAfter: duration("retry after", time.Hour),
	}
	switch answer.Outcome {
	case notAsked:
		answer.Asked = false
		answer.Code = rapid.SampledFrom([]string{CodeExpired, codeNoLease, CodeUnreadable}).Draw(t, "code")
	case gateway.Issued:
		answer.Link = gateway.Link{ID: "l", URL: "https://checkout.paymentoptions.com/l"}
	}
	return a, o, answer
}

func TestPropertiesOfDecisions(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, o, answer := anyCase(t)
		d := decide(a, o, answer, maxAge)
		exactlyOne(t, d)
		if (d.verdict == issue) != (answer.Outcome == gateway.Issued) {
			t.Fatalf("verdict %d of %s", d.verdict, answer.Outcome)
		}
		if d.verdict == fail && d.failure.Code == CodeGaveUp && a.Age < maxAge {
			t.Fatalf("gave up at the age of %v", a.Age)
		}
		if d.verdict != release {
			return
		}
		if left := o.ExpiresAt.Sub(now); !o.ExpiresAt.IsZero() && d.back.After > max(left, 0) {
			t.Fatalf("waits %v, but expires in %v", d.back.After, left)
		}
		aged := answer.Outcome == gateway.Unavailable || answer.Outcome == gateway.Uncertain
		if held := d.back.Breaker == ledger.TripBreaker; held != (answer.Outcome == gateway.Misconfigured) {
			t.Fatalf("%s: %+v", answer.Outcome, d.back)
		} else if held {
			return // the breaker says for how long
		}
		if aged == d.back.Excused || (aged && a.Age >= maxAge) || d.back.After < 0 {
			t.Fatalf("%s at the age of %v: %+v", answer.Outcome, a.Age, d.back)
		}
	})
}

// exactlyOne makes sure that a decision holds what its verdict needs, and nothing else.
func exactlyOne(t *rapid.T, d decision) {
	t.Helper()
	want := decision{verdict: d.verdict}
	switch d.verdict {
	case issue:
		want.link = ledger.Issuance{
			Link: ledger.Link{ID: "l", URL: "https://checkout.paymentoptions.com/l"}, Amount: "12.5", Currency: "EUR",
			Metadata: map[string]string{"cart": "9"},
		}
	case fail:
		want.failure = d.failure
		if d.failure.Code == "" || d.failure.Message == "" || d.failure.Metadata["cart"] != "9" {
			t.Fatalf("failure %+v", d.failure)
		}
	case release:
		want.back = d.back
	}
	if diff := cmp.Diff(want, d, cmp.AllowUnexported(decision{})); diff != "" {
		t.Fatal(diff)
	}
}

func TestWhatADecisionMeansForTheTask(t *testing.T) {
	waiting := decision{verdict: release, back: ledger.Return{After: 7 * time.Second, Why: "later"}}
	if got := waiting.task(ledger.SettledReleased, nil); got != (queue.Retry{After: 7 * time.Second, Reason: "later"}) {
		t.Errorf("released: %v", got)
	}
	for _, settled := range []ledger.Settlement{ledger.SettledIssued, ledger.SettledSurplus, ledger.SettledFailed, ledger.SettledStale} {
		if err := waiting.task(settled, nil); err != nil {
			t.Errorf("%s: %v", settled, err)
		}
	}
	if got, ok := waiting.task("", errTest).(queue.Retry); !ok || got.After != ledgerAway {
		t.Errorf("the ledger did not answer: %+v", got)
	}
}

// TestWhatAnAnswerDoesToTheBreaker: only answers that say something about the gateway move it.
func TestWhatAnAnswerDoesToTheBreaker(t *testing.T) {
	for name, test := range map[string]struct {
		outcome     gateway.Outcome
		down, probe bool
		want        ledger.BreakerMove
		well        bool
	}{
		"one of many failures":         {outcome: gateway.Uncertain},
		"one too many":                 {outcome: gateway.Unavailable, down: true, want: ledger.TripBreaker},
		"a probe that met no answer":   {outcome: gateway.Uncertain, probe: true, want: ledger.TripBreaker},
		"a probe that was throttled":   {outcome: gateway.Throttled, probe: true, want: ledger.CloseBreaker},
		"throttled":                    {outcome: gateway.Throttled},
		"a probe that was not made":    {outcome: notAsked, probe: true},
		"refused: the gateway is well": {outcome: gateway.Rejected, well: true},
		"refused in a bad time":        {outcome: gateway.Duplicate, down: true, well: true},
		"the key is wrong":             {outcome: gateway.Misconfigured, want: ledger.TripBreaker},
		"the key is wrong for a probe": {outcome: gateway.Misconfigured, probe: true, want: ledger.TripBreaker},
	} {
		t.Run(name, func(t *testing.T) {
			a := ledger.Attempt{Attempts: 1, Now: now, Probe: test.probe}
			answer := gateway.Answer{Outcome: test.outcome, Asked: true}
			d := decide(a, &order.Order{}, answer, maxAge)
			d.breaker(a, answer, test.down)
			if d.back.Breaker != test.want || d.failure.Well != test.well {
				t.Errorf("breaker %q, well %v; want %q, %v", d.back.Breaker, d.failure.Well, test.want, test.well)
			}
		})
	}
}

func TestAPacedOrderTakesItsSlotAlong(t *testing.T) {
	a := ledger.Attempt{Attempts: 1, Now: now, Slot: 20 * time.Millisecond}
	d := decide(a, &order.Order{}, paced(3*time.Second, 50), maxAge)
	if d.back.After != 3*time.Second || d.back.Slot != a.Slot || !d.back.Excused || d.back.Asked {
		t.Errorf("%+v", d.back)
	}
	d = decide(a, &order.Order{}, unasked(codeLoaded, ""), maxAge)
	if d.back.Slot != a.Slot || !d.back.Excused || d.back.After < loadedWait {
		t.Errorf("put off once more: %+v", d.back)
	}
}

// TestRegressionLastAttemptWasNotCalledUncertain: an order that gave up as its last attempt timed out was
// published as if no link could exist.
func TestRegressionLastAttemptWasNotCalledUncertain(t *testing.T) {
	a := ledger.Attempt{Number: 1, Age: maxAge, Now: now}
	for outcome, want := range map[gateway.Outcome]bool{gateway.Uncertain: true, gateway.Unavailable: false} {
		d := decide(a, &order.Order{}, gateway.Answer{Outcome: outcome, Asked: true}, maxAge)
		if d.failure.Code != CodeGaveUp || d.failure.Uncertain != want {
			t.Errorf("%s: %+v, want uncertain %v", outcome, d.failure, want)
		}
	}
}
