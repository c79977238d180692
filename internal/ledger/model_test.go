package ledger_test

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/hpplink/hpplink/internal/ledger"
	"github.com/hpplink/hpplink/internal/order"
)

// model is the ledger as plain Go: what each step must answer, and what must then be true.
// It is written from the rules, not from the scripts.
type model struct {
	ms      int64 // now
	orders  map[order.Key]*modelOrder
	events  []string // id of each, in order
	surplus []string // "key gen link", in order

	breakers map[string]*modelBreaker // of merchants, while open
	tripped  map[string]bool
	alive    map[string]bool // workers
	batches  map[string]*modelBatch
	mails    map[string]*modelBreaker // of merchants, while their emails are held
	unsent   map[string]bool          // merchants whose emails are or lately were held
}

type modelBreaker struct{ until, trips int64 }

type modelOrder struct {
	key       order.Key
	state     ledger.State
	gen       int
	content   string // what its fingerprint stands for
	kept      bool   // the order itself is kept
	lane      order.Lane
	n         int
	attempts  int
	uncertain bool
	nonce     string // of the attempt that holds or last held it
	lease     int64
	wait      int64
	first     int64
	excused   int64
	look      int64 // score in the open set
	link      ledger.Link
	code      string
	last      string          // id of the link of the generation before
	was       map[string]bool // contents of earlier generations
	listed    bool            // in the list of failed orders
	by        string          // the worker that holds or last held it
	parked    int64           // since when the breaker holds it, until it is claimed again; 0 when it does not
	lapsed    bool            // its lease ran out, and it is among the queued ones
	held      bool            // it is among the orders that the breaker holds
	probe     bool            // its attempt is the breaker's probe
	slot      time.Duration   // if it has its slot of the rate limit: the time between two
	spare     map[string]bool // attempts whose link went to the surplus stream
	batches   []string
	mail      modelMail
}

func newModel() *model {
	return &model{
		ms: 1_700_000_000_000, orders: map[order.Key]*modelOrder{},
		breakers: map[string]*modelBreaker{}, tripped: map[string]bool{}, alive: map[string]bool{}, batches: map[string]*modelBatch{}, mails: map[string]*modelBreaker{}, unsent: map[string]bool{},
	}
}

func (o *modelOrder) open() bool {
	return o != nil && (o.state == ledger.Queued || o.state == ledger.Sending || o.mail.owed())
}

// waitsForLink tells whether its link is owed.
func (o *modelOrder) waitsForLink() bool {
	return o != nil && (o.state == ledger.Queued || o.state == ledger.Sending)
}

// inQueue tells whether it waits for its task.
func (o *modelOrder) inQueue() bool { return o.state == ledger.Queued && !o.held || o.lapsed }

// openOf counts a merchant's open orders.
func (m *model) openOf(merchant string) (n int) {
	for k, o := range m.orders {
		if k.MerchantID == merchant && o.open() {
			n++
		}
	}
	return n
}

func (m *model) begin(s ledger.Submission, content string) {
	old := m.orders[s.Key]
	o := &modelOrder{key: s.Key, state: ledger.Queued, gen: 1, content: content, kept: true, lane: s.Lane, look: m.ms, spare: map[string]bool{}, was: map[string]bool{}}
	if old != nil {
		o.gen, o.uncertain, o.spare = old.gen+1, old.uncertain, old.spare
		o.last, o.batches = old.last, old.batches
		if old.link.ID != "" {
			o.last = old.link.ID
		}
		o.was = maps.Clone(old.was)
		if old.content != content {
			o.was[old.content] = true
		}
	}
	if s.Mail {
		o.mail.state = ledger.MailOwed
	}
	m.orders[s.Key] = o
}

func (m *model) accept(s ledger.Submission, content string) ledger.Decision {
	d := m.admit(s, content)
	if d == ledger.Accepted || d == ledger.Known {
		m.join(s.Batch, m.orders[s.Key])
	}
	return d
}

func (m *model) admit(s ledger.Submission, content string) ledger.Decision {
	o := m.orders[s.Key]
	switch {
	case o == nil,
		(o.state == ledger.Issued || o.state == ledger.Failed) && s.Reissue == o.gen,
		o.state == ledger.Failed && o.content != content && o.code != ledger.CodePossiblyIssued && !o.uncertain && !o.was[content]:
		if m.shut(s.Batch) {
			return ledger.Closed
		}
		if s.MaxOpen > 0 && m.openOf(s.Key.MerchantID) >= s.MaxOpen {
			return ledger.Full
		}
		m.begin(s, content)
		return ledger.Accepted
	case o.content == content:
		return ledger.Known
	default:
		return ledger.Conflict
	}
}

func (m *model) claim(k order.Key, worker, nonce string, leaseMS int64, full *ledger.Submission, content string) ledger.Grant {
	if full != nil && m.admit(*full, content) == ledger.Conflict {
		return ledger.ClaimConflict
	}
	o := m.orders[k]
	switch {
	case o == nil:
		return ledger.UnknownToLedger
	case o.state == ledger.Issued:
		return ledger.AlreadyIssued
	case o.state == ledger.Failed:
		return ledger.AlreadyFailed
	case o.state == ledger.Sending && o.lease > m.ms && (o.by == "" || m.alive[o.by]):
		return ledger.HeldByAnother
	case o.state == ledger.Queued && o.wait > m.ms:
		return ledger.NotYet
	}
	if o.state == ledger.Sending {
		o.uncertain = true
	}
	o.probe = false
	if b := m.breakers[k.MerchantID]; b != nil {
		if b.until > m.ms {
			m.park(o)
			return ledger.HeldByBreaker
		}
		b.until, o.probe = m.ms+leaseMS, true
	}
	if o.parked > 0 && o.first > 0 {
		o.excused += m.ms - o.parked
	}
	o.by, o.parked, o.held, o.lapsed = worker, 0, false, false
	if o.first == 0 {
		o.first = m.ms
	}
	o.state, o.nonce, o.lease, o.look = ledger.Sending, nonce, m.ms+leaseMS, m.ms+leaseMS
	o.n++
	o.attempts++
	return ledger.Granted
}

func (m *model) park(o *modelOrder) {
	if o.parked == 0 {
		o.parked = m.ms
	}
	o.state, o.held, o.wait, o.slot, o.lapsed = ledger.Queued, true, 0, 0, false
}

func (m *model) trip(merchant string, probe bool) {
	b := m.breakers[merchant]
	if b == nil {
		b = &modelBreaker{}
		m.breakers[merchant] = b
	}
	if b.trips == 0 || probe || b.until <= m.ms {
		b.until = m.ms + min(1000<<min(b.trips, 20), ledger.LongestOpen.Milliseconds())
		b.trips++
	}
	m.tripped[merchant] = true
}

func (m *model) nextProbe(merchant string) {
	if b := m.breakers[merchant]; b != nil {
		b.until = m.ms
	}
}

// unhold returns the held orders that are to be given back.
func (m *model) unhold() (due []order.Key) {
	for merchant := range m.tripped {
		var held []*modelOrder
		for k, o := range m.orders {
			if k.MerchantID == merchant && o.held {
				held = append(held, o)
			}
		}
		slices.SortFunc(held, func(a, b *modelOrder) int {
			return cmp.Or(-cmp.Compare(a.lane, b.lane), cmp.Compare(a.parked, b.parked), cmp.Compare(a.key.String(), b.key.String()))
		})
		b := m.breakers[merchant]
		if b != nil && b.until > m.ms {
			continue
		}
		if b != nil {
			held = held[:min(1, len(held))]
		} else {
			delete(m.tripped, merchant)
		}
		for _, o := range held {
			o.held, o.look = false, m.ms
			due = append(due, o.key)
		}
	}
	return due
}

// bury ends the leases of a worker.
func (m *model) bury(worker string) {
	delete(m.alive, worker)
	for _, o := range m.orders {
		if o.state == ledger.Sending && !o.lapsed && o.by == worker {
			o.look = m.ms
		}
		if e := &o.mail; e.state == ledger.MailSending && !e.lapsed && e.by == worker {
			e.look = m.ms
		}
	}
}

func (m *model) issue(a ledger.Attempt, link ledger.Link) ledger.Settlement {
	o := m.orders[a.Key]
	switch {
	case o != nil && o.state == ledger.Issued && o.gen == a.Generation && o.link == link:
		return ledger.SettledIssued
	case o != nil && o.last == link.ID:
		return ledger.SettledIssued
	case o.waitsForLink() && o.gen == a.Generation:
		if o.mail.state == ledger.MailOwed {
			o.mail = modelMail{state: ledger.MailPending, look: m.ms}
		}
		o.state, o.link, o.kept, o.held, o.lapsed = ledger.Issued, link, false, false, false
		delete(m.breakers, a.Key.MerchantID)
		m.publish(o, "link.issued")
		m.finishAll(o)
		return ledger.SettledIssued
	}
	mark := fmt.Sprintf("%d.%d", a.Generation, a.Number)
	if o == nil || !o.spare[mark] {
		m.surplus = append(m.surplus, fmt.Sprintf("%s %d %s", a.Key, a.Generation, link.ID))
	}
	if o != nil {
		o.spare[mark] = true
	}
	return ledger.SettledSurplus
}

func (m *model) holds(a ledger.Attempt, then ledger.State) (*modelOrder, bool) {
	o := m.orders[a.Key]
	if o == nil || o.gen != a.Generation || o.nonce != a.Nonce {
		return nil, false
	}
	return o, o.state == ledger.Sending || o.state == then
}

func (m *model) fail(a ledger.Attempt, f ledger.Failure) ledger.Settlement {
	o, ok := m.holds(a, ledger.Failed)
	if !ok {
		return ledger.SettledStale
	}
	if o.state == ledger.Sending {
		o.state, o.code, o.listed, o.lapsed = ledger.Failed, f.Code, true, false
		o.uncertain = o.uncertain || f.Uncertain
		if !f.Asked {
			o.attempts--
		}
		if f.Well {
			delete(m.breakers, a.Key.MerchantID)
		} else if a.Probe {
			m.nextProbe(a.Key.MerchantID)
		}
		m.publish(o, "link.failed")
		m.finishAll(o)
	}
	return ledger.SettledFailed
}

func (m *model) release(a ledger.Attempt, r ledger.Return) ledger.Settlement {
	o, ok := m.holds(a, ledger.Queued)
	if !ok {
		return ledger.SettledStale
	}
	if o.state == ledger.Queued {
		if o.parked > 0 {
			return ledger.SettledHeld
		}
		return ledger.SettledReleased
	}
	o.uncertain = o.uncertain || r.Uncertain
	if !r.Asked {
		o.attempts--
	}
	putOff := o.attempts == 0 && !r.Asked && r.Excused
	if putOff {
		o.first, o.excused = 0, 0
	}
	switch r.Breaker {
	case ledger.TripBreaker:
		m.trip(a.Key.MerchantID, a.Probe)
		m.park(o)
		return ledger.SettledHeld
	case ledger.CloseBreaker:
		delete(m.breakers, a.Key.MerchantID)
	case ledger.LeaveBreaker:
		if a.Probe {
			m.nextProbe(a.Key.MerchantID)
		}
	}
	o.lapsed = false
	o.state, o.wait, o.look, o.slot = ledger.Queued, m.ms+r.After.Milliseconds(), m.ms+r.After.Milliseconds(), r.Slot
	if r.Excused && !putOff {
		o.excused += r.After.Milliseconds()
	}
	return ledger.SettledReleased
}

func (m *model) replay(k order.Key, gen int) bool {
	o := m.orders[k]
	if o == nil || o.state != ledger.Failed || o.gen != gen || !o.kept {
		return false
	}
	m.begin(ledger.Submission{Key: k, Lane: o.lane, Mail: o.mail.state != ledger.NoMail}, o.content)
	return true
}

func (m *model) discard(k order.Key, gen int) bool {
	o := m.orders[k]
	if o == nil || o.state != ledger.Failed || o.gen != gen {
		return false
	}
	o.kept, o.listed, o.nonce = false, false, ""
	return true
}

// due returns the orders of a lane that must be taken when the tasks of waiting still wait.
func (m *model) due(lane order.Lane, since int64, waiting []order.Key) []order.Key {
	grace, horizon := ledger.Grace.Milliseconds(), m.ms
	if since > 0 {
		horizon = min(horizon, since)
	}
	for _, k := range waiting {
		if o := m.orders[k]; o != nil && o.inQueue() && o.lane == lane {
			horizon = min(horizon, o.look)
		}
	}
	var due []order.Key
	for k, o := range m.orders {
		switch {
		case o.lane != lane:
		case o.inQueue() && o.look <= horizon-grace, o.state == ledger.Sending && !o.lapsed && o.look <= m.ms:
			o.look, o.lapsed = m.ms, o.state == ledger.Sending
			due = append(due, k)
		}
	}
	slices.SortFunc(due, func(a, b order.Key) int { return slices.Compare([]string{a.Ref}, []string{b.Ref}) })
	return due
}

func (m *model) publish(o *modelOrder, kind string) {
	m.events = append(m.events, fmt.Sprintf("%s:%d:%s", o.key, o.gen, kind))
}

// retime returns the orders that wait for their slots elsewhere now, and for how long.
func (m *model) retime(merchant string, interval time.Duration) map[order.Key]time.Duration {
	moved := map[order.Key]time.Duration{}
	for k, o := range m.orders {
		if k.MerchantID != merchant || o.state != ledger.Queued || o.slot == 0 || o.slot == interval || o.wait <= m.ms {
			continue
		}
		left := (o.wait - m.ms) * interval.Microseconds() / o.slot.Microseconds()
		o.wait, o.look, o.slot = m.ms+left, m.ms+left, interval
		moved[k] = time.Duration(left) * time.Millisecond
	}
	return moved
}
