package pages

import (
	"strings"
	"testing"
	"time"

	"github.com/hpplink/hpplink/internal/ledger"
	"github.com/hpplink/hpplink/internal/merchant"
	"github.com/hpplink/hpplink/internal/minutes"
	"github.com/hpplink/hpplink/internal/order"
	"github.com/hpplink/hpplink/internal/stream"
)

var noon = time.Date(2026, 11, 22, 12, 0, 30, 0, time.UTC)

// calm is a situation in which work flows: 200 links in each of the last minutes, 14 orders open, the oldest for 3 s.
func calm(changes ...func(*situation)) situation {
	s := situation{Overview: ledger.Overview{
		Now: noon, Workers: 2, MailersSeen: noon,
		Lanes: map[order.Lane]ledger.LaneOverview{order.Interactive: {Due: 10, Sending: 4, Oldest: ledger.OldestOrder{Since: noon.Add(-3 * time.Second)}}},
	}}
	for i := range charted {
		m := minutes.Minute{Start: noon.Truncate(time.Minute).Add(time.Duration(i-charted+1) * time.Minute)}
		m.Issued = 200
		s.Minutes = append(s.Minutes, m)
	}
	s.Minutes[charted-1].Issued = 112 // by the half of the minute
	for _, change := range changes {
		change(&s)
	}
	return s
}

func silent(s *situation) {
	for i := range s.Minutes {
		s.Minutes[i].Issued = 0
	}
}

func nothingOpen(s *situation) { s.Lanes = nil }

func noWorkers(s *situation) { s.Workers = 0 }

func unserving(held int, merchants ...string) func(*situation) {
	return func(s *situation) {
		for i, m := range merchants {
			s.Breakers = append(s.Breakers, ledger.Breaker{
				MerchantID: m, Open: true, Since: noon.Add(-time.Hour), Until: noon.Add(time.Second), Why: "misconfigured (http_401): Unauthorized", Held: held / (i + 1),
			})
		}
	}
}

func lane(l order.Lane, v ledger.LaneOverview) func(*situation) {
	return func(s *situation) {
		if s.Lanes == nil {
			s.Lanes = map[order.Lane]ledger.LaneOverview{}
		}
		s.Lanes[l] = v
	}
}

func waited(d time.Duration) ledger.OldestOrder { return ledger.OldestOrder{Since: noon.Add(-d)} }

func TestVerdict(t *testing.T) {
	mailTrouble := func(s *situation) {
		s.MailBreakers = []ledger.Breaker{{MerchantID: "M-1", Open: true, Since: noon, Why: "misconfigured (smtp_535): login: 535 no", Held: 12}}
	}
	closed := func(s *situation) { s.Breakers = []ledger.Breaker{{MerchantID: "M-1", Held: 7}} }
	mailOwed := lane(ledger.Mailing, ledger.LaneOverview{Due: 5})
	for _, c := range []struct {
		name string
		s    situation
		tone tone
		says string
	}{
		{"flowing", calm(), fine, "Work is flowing: 212 links in the last minute, 14 orders open, the oldest for 3 s."},
		{"nothing waits", calm(nothingOpen), fine, "Work is flowing: 212 links in the last minute, and nothing waits."},
		{"idle", calm(nothingOpen, silent), fine, "Nothing waits: no order is open."},
		{"idle since", calm(nothingOpen, silent, func(s *situation) { s.Minutes[20].Issued = 1 }), fine, "Nothing waits. The last link was made at 11:21."},
		{"emails too", calm(mailOwed), fine, "14 orders"},
		{"no worker", calm(noWorkers), stopped, "No worker is running: 14 orders wait, the oldest for 3 s."},
		{"no worker, one order", calm(noWorkers, lane(order.Interactive, ledger.LaneOverview{Due: 1})), stopped, "No worker is running: 1 order waits."},
		{"no worker, nothing to do", calm(noWorkers, nothingOpen), look, "No worker is running, and nothing waits for one."},
		{"no worker, only entries", calm(noWorkers, nothingOpen, func(s *situation) { s.Stream = stream.Backlog{Entries: 300} }), stopped, "No worker is running: 300 orders wait."},
		{"not served", calm(silent, unserving(1204, "M-1001")), stopped, "Orders wait: the gateway answers 401 for M-1001 since 11:00:30; 1,204 held."},
		{"one of several is not served", calm(unserving(1204, "M-1001")), look,
			"Orders wait: the gateway answers 401 for M-1001 since 11:00:30; 1,204 held. The rest flows: 212 links in the last minute."},
		{"several are not served", calm(silent, unserving(100, "M-1", "M-2")), stopped,
			"Orders of 2 merchants wait: the gateway answers 401 for M-1 since 11:00:30, and the others are not served either; 150 held."},
		{"served again", calm(closed), fine, "Work is flowing"},
		{"no worker is graver than a breaker", calm(noWorkers, unserving(5, "M-1")), stopped, "No worker"},
		{"stuck", calm(silent, lane(order.Bulk, ledger.LaneOverview{Due: 300, Oldest: waited(5 * time.Minute)})), stopped,
			"314 orders wait, the oldest for 5 min, and none got its link in the last 2 minutes."},
		{"only just quiet", calm(silent), fine, "Work is flowing: 0 links"},
		{"slow", calm(lane(order.Interactive, ledger.LaneOverview{Due: 900, Oldest: waited(3 * time.Minute)})), look, "an interactive order has waited for 3 min"},
		{"bulk may wait", calm(lane(order.Bulk, ledger.LaneOverview{Due: 90000, Oldest: waited(time.Hour)})), fine, "90,014 orders open, the oldest for 1 h"},
		{"a line is no slowness", calm(lane(order.Interactive, ledger.LaneOverview{Due: 1, Later: 900, Oldest: waited(3 * time.Minute)}),
			func(s *situation) { s.Lines = map[string]time.Duration{"M-1": time.Minute} }), fine, "Work is flowing"},
		{"stream", calm(func(s *situation) { s.Stream = stream.Backlog{Entries: 400, Since: noon.Add(-2 * time.Minute)} }), look,
			"400 orders in the stream wait to be taken in, the oldest since 11:58:30. The rest flows"},
		{"stream is worked", calm(func(s *situation) { s.Stream = stream.Backlog{Entries: 400, Since: noon.Add(-time.Second)} }), fine, "Work is flowing"},
		{"emails held", calm(mailTrouble), look, "Links flow: 212 links in the last minute. Emails wait: the mail server answers 535 for M-1 since 12:00:30; 12 held."},
		{"nobody sends", calm(mailOwed, func(s *situation) { s.MailersSeen = time.Time{} }), look, "No worker sends emails: 5 emails wait."},
	} {
		v := c.s.judge()
		if got := v.Says.Text(noon); v.Tone != c.tone || !strings.Contains(got, c.says) || v.Word == "" {
			t.Errorf("%s: %s (%s) %q, want %s %q", c.name, v.Tone, v.Word, got, c.tone, c.says)
		}
	}
}

// What keeps the verdict from being fine is told of below it, with what to do.
func TestMatters(t *testing.T) {
	profile := merchant.Profile{ID: "M-1001", Rate: 20, MaxOpen: 1000, APIKey: merchant.NewSecret("planted-api-key-a1f3"), XAPIKey: merchant.NewSecret("short")}
	known := func(s *situation) { s.Profiles = []merchant.Profile{profile} }
	for _, c := range []struct {
		name     string
		s        situation
		what, do string
	}{
		{"no worker", calm(noWorkers), "No worker gives a sign of life.", "Start hpplink run"},
		{"keys", calm(known, unserving(1204, "M-1001")), "M-1001: the gateway answers 401 since 11:00:30 (“Unauthorized”); 1,204 held, next try 12:00:31.",
			"(this process has API key …a1f3)"},
		{"down", calm(func(s *situation) {
			s.Breakers = []ledger.Breaker{{MerchantID: "M-1", Open: true, Why: "unavailable (connection_refused): the gateway refused the connection"}}
		}), "M-1: the gateway refused the connection since", "Nothing has to be done here"},
		{"address", calm(func(s *situation) {
			s.Breakers = []ledger.Breaker{{MerchantID: "M-1", Open: true, Why: "misconfigured (http_404): x"}}
		}), "answers 404", "gateway_url"},
		{"stream", calm(func(s *situation) { s.Stream = stream.Backlog{Entries: 4, Since: noon.Add(-time.Minute)} }), "4 orders in the stream wait", "role stream"},
		{"full", calm(known, func(s *situation) { s.Waiting = map[string]int{"M-1001": 70} }), "as many orders open as it may (1,000): 70 more wait", "max_open"},
		{"no profile", calm(func(s *situation) { s.OpenOrders = map[string]int{"M-9": 12} }), "M-9 has 12 open orders and no profile", "SIGHUP"},
		{"no mailer", calm(lane(ledger.Mailing, ledger.LaneOverview{Later: 5}), func(s *situation) { s.MailersSeen = time.Time{} }), "No worker sends emails; 5 owed.", "HPPLINK_SMTP"},
		{"line", calm(known, func(s *situation) { s.Lines = map[string]time.Duration{"M-1001": 10 * time.Minute} }), "rate limit (20 a second) waits for 10 min", "raise rate"},
		{"failures", calm(func(s *situation) { s.Failures.Codes = []codeCount{{Code: "rejected", LastHour: 30, Newest: noon}} }), "30 orders failed with rejected in the last hour",
			"corrected"},
	} {
		all := c.s.matters()
		if len(all) != 1 {
			t.Errorf("%s: %d matters: %+v", c.name, len(all), all)
			continue
		}
		if what, do := all[0].What.Text(noon), all[0].Do.Text(noon); !strings.Contains(what, c.what) || !strings.Contains(do, c.do) {
			t.Errorf("%s: %q, %q; want %q, %q", c.name, what, do, c.what, c.do)
		}
	}
	if all := calm().matters(); len(all) != 0 {
		t.Errorf("in a calm situation: %+v", all)
	}
	many := unserving(5, "M-1", "M-2", "M-3", "M-4", "M-5", "M-6", "M-7", "M-8")
	if all := calm(many).matters(); len(all) != mostMatters+1 || !strings.Contains(all[mostMatters].What.Text(noon), "3 more merchants") {
		t.Errorf("of eight: %+v", all)
	}
}
