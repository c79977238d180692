package demo

import (
	"slices"
	"strings"
	"testing"

	"github.com/hpplink/hpplink/internal/gateway/sandbox"
	"github.com/hpplink/hpplink/internal/intake"
	"github.com/hpplink/hpplink/internal/ledger"
	"github.com/hpplink/hpplink/internal/order"
	"github.com/hpplink/hpplink/internal/postbox"
	"github.com/hpplink/hpplink/internal/results"
)

var (
	first  = order.Key{MerchantID: "M", Ref: "1"}
	second = order.Key{MerchantID: "M", Ref: "2"}
)

// fine is the outcome of two orders, the first of them sent again, in which all is as it should be.
func fine() *outcome {
	url := "http://127.0.0.1/1"
	return &outcome{
		events: []Event{{Key: first, Kind: Plain, Mail: true, JSON: []byte(`{"delivery":{"email":{"to":"a@mail.example"}}}`)}, {Key: second, Kind: Healing, Surplus: 1}, {Key: first, Kind: Again, Late: true}},
		receipts: []intake.Receipt{
			{Key: first, Status: intake.Accepted}, {Key: second, Status: intake.Accepted},
			{Key: first, Status: intake.Known, Record: ledger.Record{State: ledger.Issued, Link: ledger.Link{ID: "a", URL: url}}},
		},
		links:   map[order.Key][]results.Issued{first: {{LinkID: "a", URL: url}}, second: {{LinkID: "c", URL: "http://127.0.0.1/2"}}},
		minted:  map[string]order.Key{"a": first, "b": second, "c": second},
		gateway: sandbox.Stats{Minted: 3},

		mails:    []delivered{{postbox.Letter{Text: "pay: " + url, HTML: `<a href="` + url + `">`}, "a@mail.example"}},
		reported: map[order.Key][]string{first: {results.EmailSent}},
	}
}

func TestChecksHoldWhenAllIsWell(t *testing.T) {
	if err := differences(fine().checks()); err != nil {
		t.Error(err)
	}
}

func TestChecksFindWhatIsWrong(t *testing.T) {
	tests := map[string]struct {
		spoil func(*outcome)
		want  []string
	}{
		"a second link": {
			func(o *outcome) { o.links[second] = append(o.links[second], results.Issued{LinkID: "b"}) },
			[]string{"M 2: 2 links are published", "links published: expected 2, got 3", "surplus links at the gateway: expected 1, got 0"},
		},
		"no link": {
			func(o *outcome) {
				delete(o.links, second)
				o.states = map[order.Key]ledger.Record{second: {State: ledger.Queued, Why: "throttled"}}
			},
			[]string{"M 2: expected a link, got no answer (queued, waits: throttled)", "links published: expected 2, got 1",
				"surplus links at the gateway: expected 1, got 2"},
		},
		"a failure": {
			func(o *outcome) {
				delete(o.links, second)
				o.failures = map[order.Key]results.Failed{second: {Code: "gave_up", Message: "too old"}}
				o.ledger.Failed, o.gateway.Minted = 1, 2
			},
			[]string{"M 2: expected a link, got a failure (gave_up: too old)", "links published: expected 2, got 1",
				"orders failed in the ledger: expected 0, got 1"},
		},
		"another order's link": {
			func(o *outcome) { o.minted["c"] = first },
			[]string{"M 2: the gateway's journal has no link c for it"},
		},
		"a link that no event asked for": {
			func(o *outcome) {
				o.links[order.Key{MerchantID: "M", Ref: "3"}] = []results.Issued{{LinkID: "d"}}
				o.minted["d"], o.gateway.Minted = order.Key{MerchantID: "M", Ref: "3"}, 4
			},
			[]string{"links published: expected 2, got 3"},
		},
		"a resend answered with a link that was not published": {
			func(o *outcome) { o.receipts[2].Record.Link.URL = "http://127.0.0.1/other" },
			[]string{"M 1: sent again, it was not answered with the published link"},
		},
		"a resend taken for new": {
			func(o *outcome) { o.receipts[2] = intake.Receipt{Key: first, Status: intake.Accepted} },
			[]string{"M 1: expected known already, got a link", "M 1: sent again, it was not answered with the published link"},
		},
		"an open order": {
			func(o *outcome) { o.ledger.Queued = map[order.Lane]int{order.Bulk: 1} },
			[]string{"orders open in the ledger: expected 0, got 1"},
		},
		"an unexplained link at the gateway": {
			func(o *outcome) { o.gateway.Minted++ },
			[]string{"surplus links at the gateway: expected 1, got 2"},
		},
		"an email sent twice": {
			func(o *outcome) { o.mails = append(o.mails, o.mails[0]) },
			[]string{"M 1: 2 emails arrived, and its events are [email.sent]: expected one, and email.sent"},
		},
		"no email": {
			func(o *outcome) { o.mails, o.reported = nil, nil },
			[]string{"M 1: 0 emails arrived, and its events are []: expected one, and email.sent"},
		},
		"an email to somebody else": {
			func(o *outcome) { o.mails[0].To = "b@mail.example" },
			[]string{" : the email is to somebody else, or has another link", "M 1: 0 emails arrived, and its events are [email.sent]: expected one, and email.sent"},
		},
		"an email with another link": {
			func(o *outcome) { o.mails[0].HTML = "http://127.0.0.1/2" },
			[]string{"M 1: the email is to somebody else, or has another link"},
		},
		"no receipt": {
			func(o *outcome) { o.receipts[0] = intake.Receipt{} },
			[]string{"M 1: expected a link, got no answer"},
		},
		"too slow": {
			func(o *outcome) { o.late, o.bound = true, "1m0s" },
			[]string{"gave up after 1m0s: 0 of 3 events were answered"},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			o := fine()
			test.spoil(o)
			var got []string
			for _, c := range o.checks() {
				got = append(got, c.wrong...)
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("differences\n  %s\nwant\n  %s", strings.Join(got, "\n  "), strings.Join(test.want, "\n  "))
			}
		})
	}
}

func TestEveryEventCountsOnce(t *testing.T) {
	sum := 0
	for _, n := range fine().counts() {
		sum += n
	}
	if sum != 3 {
		t.Errorf("the endings of 3 events add up to %d", sum)
	}
}

func TestPeople(t *testing.T) {
	tests := []struct{ amount, currency, want string }{
		{"12800", "JPY", "JPY 12,800"},
		{"12.5", "KWD", "KWD 12.500"},
		{"1234567.8", "EUR", "EUR 1,234,567.80"},
		{"0.05", "USD", "USD 0.05"},
		{"7", "XXX", "XXX 7"},
		{"", "EUR", "EUR, the customer enters it"},
	}
	for _, test := range tests {
		if got := people(test.amount, test.currency); got != test.want {
			t.Errorf("people(%q, %q) = %q, want %q", test.amount, test.currency, got, test.want)
		}
	}
}
