package ledger_test

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"pgregory.net/rapid"

	"github.com/hpplink/hpplink/internal/ledger"
	"github.com/hpplink/hpplink/internal/order"
)

// modelMail is an order's email in the model.
type modelMail struct {
	state               ledger.MailState
	nonce, by           string
	n, gone, run        int
	lease, wait, look   int64
	first, excused      int64
	parked              int64
	slot                time.Duration
	trips               int // of a closed breaker
	held, lapsed, probe bool
}

// owed tells whether it is still to be sent.
func (e modelMail) owed() bool {
	return e.state == ledger.MailPending || e.state == ledger.MailSending
}

// kept tells whether what it takes to send it is kept.
func (e modelMail) kept() bool { return e.owed() || e.state == ledger.MailFailed }

func (m *model) claimEmail(k order.Key, worker, nonce string, leaseMS int64) ledger.EmailGrant {
	o := m.orders[k]
	if o == nil || o.state != ledger.Issued || !o.mail.owed() {
		return ledger.EmailDone
	}
	e := &o.mail
	switch {
	case e.gone > ledger.MailAgain:
		return ledger.EmailLost
	case e.state == ledger.MailSending && e.lease > m.ms && (e.by == "" || m.alive[e.by]):
		return ledger.EmailBusy
	case e.state == ledger.MailSending:
		e.gone, e.state, e.slot = e.gone+1, ledger.MailPending, 0
		if b := m.mails[k.MerchantID]; b != nil && e.probe {
			b.until = m.ms
		}
		if e.gone > ledger.MailAgain {
			e.look, e.lapsed = m.ms, false
			return ledger.EmailLost
		}
	case e.wait > m.ms:
		return ledger.EmailEarly
	}
	e.probe = false
	if b := m.mails[k.MerchantID]; b != nil {
		if b.until > m.ms {
			m.parkMail(e)
			return ledger.EmailHeld
		}
		b.until, e.probe = m.ms+leaseMS, true
	}
	if e.parked > 0 && e.first > 0 {
		e.excused += m.ms - e.parked
	}
	if e.first == 0 {
		e.first = m.ms
	}
	e.state, e.nonce, e.by, e.lease, e.look = ledger.MailSending, nonce, worker, m.ms+leaseMS, m.ms+leaseMS
	e.n, e.parked, e.wait, e.held, e.lapsed = e.n+1, 0, 0, false, false
	return ledger.EmailGranted
}

func (m *model) parkMail(e *modelMail) {
	if e.parked == 0 {
		e.parked = m.ms
	}
	e.state, e.held, e.wait, e.lapsed, e.slot = ledger.MailPending, true, 0, false, 0
}

func (m *model) emailed(a ledger.EmailAttempt, r ledger.EmailReport) ledger.EmailSettlement {
	o := m.orders[a.Key]
	if o == nil || o.state != ledger.Issued || o.gen != a.Generation {
		return ledger.EmailSettledStale
	}
	e := &o.mail
	if a.Nonce != "" {
		switch {
		case e.nonce != a.Nonce:
			return ledger.EmailSettledStale
		case e.state == ledger.MailFailed:
			return ledger.EmailSettledFailed
		case e.state == ledger.MailSent:
			return ledger.EmailSettledSent
		case e.state == ledger.MailPending && e.parked > 0:
			return ledger.EmailSettledHeld
		case e.state == ledger.MailPending:
			return ledger.EmailSettledBack
		case e.state != ledger.MailSending:
			return ledger.EmailSettledStale
		}
	} else if e.state == ledger.MailFailed {
		return ledger.EmailSettledFailed
	} else if e.state != ledger.MailPending || e.gone <= ledger.MailAgain {
		return ledger.EmailSettledStale
	}
	verdict := r.Verdict
	if verdict == ledger.EmailGone {
		if a.Nonce != "" {
			e.gone++
		}
		verdict = ledger.EmailBack
		if e.gone > ledger.MailAgain {
			verdict = ledger.EmailFailed
		}
	}
	if verdict == ledger.EmailTrip && r.Own && m.mails[a.Key.MerchantID] == nil {
		if e.trips++; e.trips > 2 {
			verdict = ledger.EmailFailed
		}
	}
	e.lapsed = false
	switch verdict {
	case ledger.EmailSent:
		e.state, e.held = ledger.MailSent, false
		delete(m.mails, a.Key.MerchantID)
		m.publishMail(o, "email.sent")
		return ledger.EmailSettledSent
	case ledger.EmailFailed:
		e.state, e.held, e.look = ledger.MailFailed, false, m.ms
		m.nextMailProbe(a)
		m.publishMail(o, "email.failed")
		return ledger.EmailSettledFailed
	case ledger.EmailTrip:
		m.tripMails(a.Key.MerchantID, a.Probe)
		m.parkMail(e)
		return ledger.EmailSettledHeld
	}
	m.nextMailProbe(a)
	e.slot = r.Slot
	if verdict == ledger.EmailPaced {
		e.excused += r.After.Milliseconds()
		if e.n--; e.n == 0 {
			e.first, e.excused = 0, 0
		}
	}
	e.state, e.wait, e.look = ledger.MailPending, m.ms+r.After.Milliseconds(), m.ms+r.After.Milliseconds()
	return ledger.EmailSettledBack
}

func (m *model) nextMailProbe(a ledger.EmailAttempt) {
	if b := m.mails[a.Key.MerchantID]; b != nil && a.Probe {
		b.until = m.ms
	}
}

func (m *model) tripMails(merchant string, probe bool) {
	b := m.mails[merchant]
	if b == nil {
		b = &modelBreaker{}
		m.mails[merchant] = b
	}
	if b.trips == 0 || probe || b.until <= m.ms {
		b.until = m.ms + min(1000<<min(b.trips, 20), ledger.LongestOpen.Milliseconds())
		b.trips++
	}
	m.unsent[merchant] = true
}

func (m *model) publishMail(o *modelOrder, kind string) {
	id := fmt.Sprintf("%s:%d:%s", o.key, o.gen, kind)
	if o.mail.run > 0 {
		id += fmt.Sprintf(":%d", o.mail.run+1)
	}
	m.events = append(m.events, id)
}

func (m *model) replayEmail(k order.Key, gen int, nonce string) bool {
	o := m.orders[k]
	if o == nil || o.state != ledger.Issued || o.gen != gen || o.mail.state != ledger.MailFailed {
		return false
	}
	o.mail = modelMail{state: ledger.MailPending, nonce: nonce, run: o.mail.run + 1, look: m.ms}
	return true
}

func (m *model) unholdMail() (due []order.Key) {
	for merchant := range m.unsent {
		var held []*modelOrder
		for k, o := range m.orders {
			if k.MerchantID == merchant && o.mail.held {
				held = append(held, o)
			}
		}
		slices.SortFunc(held, func(a, b *modelOrder) int {
			return cmp.Or(cmp.Compare(a.mail.parked, b.mail.parked), cmp.Compare(a.key.String(), b.key.String()))
		})
		b := m.mails[merchant]
		if b != nil && b.until > m.ms {
			continue
		}
		if b != nil {
			held = held[:min(1, len(held))]
		} else {
			delete(m.unsent, merchant)
		}
		for _, o := range held {
			o.mail.held, o.mail.look = false, m.ms
			due = append(due, o.key)
		}
	}
	return due
}

func (m *model) dueEmails() (due []order.Key) {
	for k, o := range m.orders {
		e := &o.mail
		queued := e.state == ledger.MailPending && !e.held || e.lapsed
		if queued && e.look <= m.ms-ledger.Grace.Milliseconds() || e.state == ledger.MailSending && !e.lapsed && e.look <= m.ms {
			e.look, e.lapsed = m.ms, e.state == ledger.MailSending
			due = append(due, k)
		}
	}
	return due
}

// retimeMail returns the orders whose emails wait for their slots elsewhere now, and for how long.
func (m *model) retimeMail(merchant string, interval time.Duration) map[order.Key]time.Duration {
	moved := map[order.Key]time.Duration{}
	for k, o := range m.orders {
		e := &o.mail
		if k.MerchantID != merchant || e.state != ledger.MailPending || e.slot == 0 || e.slot == interval || e.wait <= m.ms {
			continue
		}
		left := (e.wait - m.ms) * interval.Microseconds() / e.slot.Microseconds()
		e.wait, e.slot = m.ms+left, interval
		e.look = e.wait
		moved[k] = time.Duration(left) * time.Millisecond
	}
	return moved
}

func (w *machine) claimEmail(t *rapid.T) {
	w.tick(t)
	k, nonce := keys.Draw(t, "order"), ledger.NewNonce()
	lease, worker := leases.Draw(t, "lease"), workers.Draw(t, "worker")
	got, err := w.l.ForWorker(worker).ClaimEmail(ctx, k, nonce, lease)
	must(t, err)
	if want := w.m.claimEmail(k, worker, nonce, lease.Milliseconds()); got.Grant != want {
		t.Fatalf("claim of an email: got %+v, want %s", got, want)
	}
	if got.Grant == ledger.EmailGranted || got.Grant == ledger.EmailLost {
		w.emails = append(w.emails, got.Attempt)
	}
	if o := w.m.orders[k]; got.Grant == ledger.EmailGranted {
		a := got.Attempt
		if a.Link != o.link || a.Number != o.mail.n || a.Probe != o.mail.probe || a.Doubtful != (o.mail.gone > 0) ||
			a.Age.Milliseconds() != w.m.ms-o.mail.first-o.mail.excused || a.Slot != o.mail.slot || string(a.Order) != "\x00"+o.content {
			t.Fatalf("attempt %+v, want %+v of %+v", a, o.mail, o)
		}
	}
}

func (w *machine) emailed(t *rapid.T) {
	if len(w.emails) == 0 {
		t.Skip("no attempt")
	}
	w.tick(t)
	a := rapid.SampledFrom(w.emails).Draw(t, "attempt")
	verdicts := []ledger.EmailVerdict{ledger.EmailSent, ledger.EmailFailed, ledger.EmailGone, ledger.EmailBack, ledger.EmailPaced, ledger.EmailTrip}
	if a.Nonce == "" {
		verdicts = []ledger.EmailVerdict{ledger.EmailGone}
	}
	r := ledger.EmailReport{
		Verdict: rapid.SampledFrom(verdicts).Draw(t, "verdict"), Code: "c", Message: "m",
		After: time.Duration(rapid.IntRange(0, 20).Draw(t, "wait")) * time.Second,
	}
	r.Own = rapid.Bool().Draw(t, "own")
	if r.Verdict == ledger.EmailPaced {
		r.Slot = rapid.SampledFrom([]time.Duration{10 * time.Millisecond, 20 * time.Millisecond}).Draw(t, "slot")
	}
	got, err := w.l.Emailed(ctx, a, r)
	must(t, err)
	if want := w.m.emailed(a, r); got != want {
		t.Fatalf("report of %s: got %s, want %s", r.Verdict, got, want)
	}
}

func (w *machine) replayEmail(t *rapid.T) {
	w.tick(t)
	k, gen, nonce := keys.Draw(t, "order"), rapid.IntRange(1, 3).Draw(t, "generation"), ledger.NewNonce()
	if rapid.IntRange(0, 3).Draw(t, "discard") == 0 {
		err := w.l.DiscardEmail(ctx, k, gen)
		o := w.m.orders[k]
		want := o != nil && o.state == ledger.Issued && o.gen == gen && (o.mail.state == ledger.MailFailed || o.mail.state == ledger.MailDiscarded)
		if want != (err == nil) {
			t.Fatalf("discard of an email: %v, want %v", err, want)
		}
		if want {
			o.mail.state = ledger.MailDiscarded
		}
		return
	}
	r, err := w.l.ReplayEmail(ctx, k, gen, nonce)
	if want := w.m.replayEmail(k, gen, nonce); want != (err == nil) || err != nil && !errors.Is(err, ledger.ErrStale) {
		t.Fatalf("replay of an email: %v, want %v", err, want)
	} else if want {
		w.newTask(t, r.TaskID)
	}
}

func (w *machine) dueEmails(t *rapid.T) {
	w.tick(t)
	w.hook.off = true
	got, err := w.l.Due(ctx, ledger.Mailing, ledger.Waiting{Empty: true}, 100)
	w.hook.off = false
	must(t, err)
	w.sameOrders(t, got, w.m.dueEmails())
}

func (w *machine) unholdMail(t *rapid.T) {
	w.tick(t)
	w.hook.off = true
	got, err := w.l.UnholdMail(ctx, 100)
	w.hook.off = false
	must(t, err)
	w.sameOrders(t, got, w.m.unholdMail())
}

func (w *machine) sameOrders(t *rapid.T, got []ledger.Due, want []order.Key) {
	var given []string
	for _, d := range got {
		given = append(given, d.Key.String())
		w.newTask(t, d.TaskID)
	}
	named := make([]string, len(want))
	for i, k := range want {
		named[i] = k.String()
	}
	slices.Sort(given)
	slices.Sort(named)
	if !slices.Equal(given, named) {
		t.Fatalf("given back: %v, want %v", given, named)
	}
}

// addMail adds where an order's email has to be.
func (w *machine) addMail(want map[string]float64, k order.Key, o *modelOrder) {
	e, keys := o.mail, w.l.Keys()
	switch {
	case e.held:
		want[keys.MailHeld(k.MerchantID)+" "+k.String()] = float64(e.parked)
	case e.state == ledger.MailPending || e.lapsed:
		want[keys.Queued(ledger.Mailing)+" "+k.String()] = float64(e.look)
	case e.state == ledger.MailSending:
		want[keys.Sending(ledger.Mailing)+" "+k.String()] = float64(e.look)
	case e.state == ledger.MailFailed:
		want[keys.FailedEmails()+" "+k.String()] = float64(e.look)
	}
}

// mailedOrder has an order whose link is issued and whose email is owed.
func (w *machine) mailedOrder(t *rapid.T) {
	w.tick(t)
	s := submission(keys.Draw(t, "order"), "red")
	s.Mail = true
	if o := w.m.orders[s.Key]; o != nil && !o.waitsForLink() && rapid.Bool().Draw(t, "reissue") {
		s.Reissue = o.gen
	}
	got, err := w.l.Accept(ctx, s)
	w.accepted(t, s, "red", got, err)
	if got.Decision != ledger.Accepted {
		return
	}
	nonce := ledger.NewNonce()
	c, err := w.l.Claim(ctx, s.Key, nonce, 18*time.Second, nil)
	must(t, err)
	w.m.claim(s.Key, "", nonce, 18_000, nil, "")
	w.links++
	link := ledger.Link{ID: fmt.Sprintf("L%d", w.links), URL: "https://x.example/"}
	_, err = w.l.Issue(ctx, c.Attempt, ledger.Issuance{Link: link})
	must(t, err)
	w.m.issue(c.Attempt, link)
}
