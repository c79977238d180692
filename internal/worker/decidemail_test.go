package worker

import (
	"testing"
	"time"

	"github.com/hpplink/hpplink/internal/ledger"
	"github.com/hpplink/hpplink/internal/mail"
	"github.com/hpplink/hpplink/internal/order"
)

func TestDecideMail(t *testing.T) {
	o := &order.Order{
		Delivery: &order.Delivery{Email: &order.EmailDelivery{To: "taro.yamada@customer.example"}},
		Metadata: map[string]string{"cart": "7"},
	}
	for name, test := range map[string]struct {
		answer mail.Answer
		age    time.Duration
		want   ledger.EmailVerdict
		code   string
	}{
		"sent":                  {mail.Answer{Outcome: mail.Sent}, 0, ledger.EmailSent, ""},
		"refused":               {mail.Answer{Outcome: mail.Refused, Code: "smtp_550", Status: 550}, 0, ledger.EmailFailed, "smtp_550"},
		"our login":             {mail.Answer{Outcome: mail.Misconfigured, Code: "smtp_535", Status: 535}, 0, ledger.EmailTrip, "smtp_535"},
		"our login, for days":   {mail.Answer{Outcome: mail.Misconfigured, Code: "smtp_535", Status: 535}, 99 * time.Hour, ledger.EmailTrip, "smtp_535"},
		"broken after the end":  {mail.Answer{Outcome: mail.Unknown, Code: "connection_reset"}, 0, ledger.EmailGone, ledger.CodeMailUnknown},
		"not now":               {mail.Answer{Outcome: mail.Retry, Code: "smtp_451", Status: 451}, 0, ledger.EmailBack, "smtp_451"},
		"not now, for days":     {mail.Answer{Outcome: mail.Retry, Code: "smtp_451", Status: 451}, DefaultMailMaxAge, ledger.EmailFailed, CodeGaveUp},
		"broken on the way":     {mail.Answer{Outcome: mail.Retry, Code: "connection_reset"}, 0, ledger.EmailBack, "connection_reset"},
		"nobody there":          {mail.Answer{Outcome: mail.Retry, Code: "connection_refused"}, 0, ledger.EmailTrip, "connection_refused"},
		"held up, however old":  {mail.Answer{Outcome: mail.Retry, Code: codeNoLease}, DefaultMailMaxAge, ledger.EmailBack, codeNoLease},
		"no templates any more": {mail.Answer{Outcome: mail.Misconfigured, Code: "bad_templates"}, 0, ledger.EmailTrip, "bad_templates"},
	} {
		r := decideMail(ledger.EmailAttempt{Number: 1, Age: test.age}, posting{Answer: test.answer, order: o}, DefaultMailMaxAge)
		if r.Verdict != test.want || r.Code != test.code || r.To != "t***@customer.example" || r.Metadata["cart"] != "7" {
			t.Errorf("%s: %+v", name, r)
		}
		if r.Verdict == ledger.EmailBack && r.After <= 0 {
			t.Errorf("%s: at once again", name)
		}
	}
}

// However old it is: the wait for a slot is the merchant's own wish.
func TestPacedMailKeepsItsSlot(t *testing.T) {
	p := posting{Answer: mail.Answer{Outcome: mail.Retry, Code: codePaced}, wait: time.Hour, slot: time.Minute}
	r := decideMail(ledger.EmailAttempt{Number: 9, Age: DefaultMailMaxAge}, p, DefaultMailMaxAge)
	if r.Verdict != ledger.EmailPaced || r.After != time.Hour || r.Slot != time.Minute {
		t.Errorf("%+v", r)
	}
}
