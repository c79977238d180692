package demo

import (
	"errors"
	"sync"
	"time"

	"github.com/hpplink/hpplink/internal/intake"
	"github.com/hpplink/hpplink/internal/order"
	"github.com/hpplink/hpplink/internal/results"
)

// tally counts while the demo runs. What it counted is checked afterwards against the stream, the
// ledger and the gateway, so it need only be right enough to watch and to know when to end.
type tally struct {
	mu       sync.Mutex
	kinds    map[order.Key]Kind // of the orders
	mails    map[order.Key]bool // those that ask for an email
	receipts []intake.Receipt   // of the events, at the same index; zero while there is none

	accepted map[order.Key]bool
	answered map[order.Key]bool // by a result
	mailed   map[order.Key]bool // the email went out, or failed
	owed     int                // links whose email has not
	atDoor   int                // events that a receipt answered for good
	links    int

	begun      time.Time
	latest     time.Time // answer, of whatever kind
	plainLinks int
	plainLast  time.Time

	handedIn bool
	settled  chan struct{} // closed when all that was handed in is answered
}

func newTally(events []Event) *tally {
	t := &tally{
		kinds:    make(map[order.Key]Kind, len(events)),
		receipts: make([]intake.Receipt, len(events)),
		accepted: make(map[order.Key]bool, len(events)), answered: make(map[order.Key]bool, len(events)),
		mails: map[order.Key]bool{}, mailed: map[order.Key]bool{},
		begun: time.Now(), settled: make(chan struct{}),
	}
	for _, e := range events {
		if e.Kind == Plain || e.Kind == Healing || e.Kind == Refused {
			t.kinds[e.Key], t.mails[e.Key] = e.Kind, e.Mail
		}
	}
	return t
}

// receipt takes what the door said to an event.
func (t *tally) receipt(i int, r intake.Receipt) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.receipts[i] = r
	switch r.Status {
	case intake.Accepted:
		t.accepted[r.Key] = true
	case intake.Unknown:
	default:
		t.atDoor++
		t.latest = time.Now()
	}
}

// errSettled ends the reading of results.
var errSettled = errors.New("all that was handed in is answered")

// result takes an event of the result stream. The error is errSettled after the last one.
func (t *tally) result(e results.Event) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case (e.Type == results.EmailSent || e.Type == results.EmailFailed) && !t.mailed[e.Key()]:
		t.mailed[e.Key()] = true
		t.owed--
		return t.settle()
	case e.Type != results.LinkIssued && e.Type != results.LinkFailed || t.answered[e.Key()]:
		return nil
	}
	t.answered[e.Key()] = true
	t.latest = time.Now()
	if e.Type == results.LinkIssued {
		t.links++
		if t.mails[e.Key()] {
			t.owed++
		}
		if t.kinds[e.Key()] == Plain {
			t.plainLinks, t.plainLast = t.plainLinks+1, t.latest
		}
	}
	return t.settle()
}

// allHandedIn says that no more events come, but for the late ones.
func (t *tally) allHandedIn() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.handedIn = true
	_ = t.settle()
}

func (t *tally) settle() error {
	if !t.handedIn || len(t.answered) < len(t.accepted) || t.owed > 0 {
		return nil
	}
	select {
	case <-t.settled:
	default:
		close(t.settled)
	}
	return errSettled
}

// pace is how things stand.
type pace struct {
	answered, links int
	waiting         int           // orders accepted and without an answer
	took            time.Duration // until the latest answer
	plain           int           // links of orders that met no fault
	plainTook       time.Duration // until the latest of them
}

func (t *tally) pace() pace {
	t.mu.Lock()
	defer t.mu.Unlock()
	p := pace{
		answered: len(t.answered) + t.atDoor, links: t.links, plain: t.plainLinks,
		waiting: max(len(t.accepted)-len(t.answered), 0), // a result may be there before its receipt
	}
	if !t.latest.IsZero() {
		p.took = t.latest.Sub(t.begun)
	}
	if t.plainLinks > 0 {
		p.plainTook = t.plainLast.Sub(t.begun)
	}
	return p
}

// rate is links per second, of the orders that met no fault: the others wait, and that says
// nothing of speed.
func (p pace) rate() float64 {
	if p.plainTook <= 0 {
		return 0
	}
	return float64(p.plain) / p.plainTook.Seconds()
}
