package sandbox

import (
	"maps"
	"sync"
	"time"

	"github.com/google/uuid"
)

// Entry is one POST as the journal keeps it, without personal data.
type Entry struct {
	Seq        int64     `json:"seq"` // in order of completion, from 1
	Time       time.Time `json:"time"`
	MerchantID string    `json:"merchant_id"` // empty if refused before it was read
	Ref        string    `json:"ref"`
	Nth        int       `json:"nth"`     // which POST of the ref this was; 0 if refused
	Status     int       `json:"status"`  // 0: no answer was sent
	Fault      string    `json:"fault"`   // empty for none
	LinkID     string    `json:"link_id"` // empty for none
	DurationMS float64   `json:"duration_ms"`
}

// record is an Entry in less memory.
type record struct {
	start         time.Time
	took          time.Duration
	merchant, ref string
	fault         string
	link          uuid.UUID // zero for none
	nth, status   int32
}

func (r *record) entry(seq int64) Entry {
	e := Entry{
		Seq: seq, Time: r.start.UTC(), MerchantID: r.merchant, Ref: r.ref,
		Nth: int(r.nth), Status: int(r.status), Fault: r.fault,
		DurationMS: float64(r.took.Microseconds()) / 1000,
	}
	if r.link != uuid.Nil {
		e.LinkID = r.link.String()
	}
	return e
}

// maxDoubled bounds the list of refs with more than one link.
const maxDoubled = 1000

// doubledRef names a ref that got a second link.
type doubledRef struct {
	key           refKey
	merchant, ref string
}

// journal keeps the last POSTs in a ring, and counts.
type journal struct {
	mu      sync.Mutex
	limit   int
	ring    []record
	last    int64 // seq of the newest
	faults  map[string]int64
	doubled []doubledRef // the first maxDoubled
}

func newJournal(limit int) *journal {
	return &journal{limit: limit, faults: make(map[string]int64)}
}

func (j *journal) add(r record) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if len(j.ring) < j.limit {
		j.ring = append(j.ring, r)
	} else {
		j.ring[int(j.last%int64(j.limit))] = r
	}
	j.last++
	if r.fault != "" {
		j.faults[r.fault]++
	}
}

func (j *journal) addDoubled(d doubledRef) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if len(j.doubled) < maxDoubled {
		j.doubled = append(j.doubled, d)
	}
}

// query asks for entries; empty strings match all.
type query struct {
	ref, merchant string
	after         int64 // entries with a greater seq
	limit         int
}

// find returns the oldest entries that match, in order.
func (j *journal) find(q query) []Entry {
	j.mu.Lock()
	defer j.mu.Unlock()
	found := []Entry{}
	oldest := j.last - int64(len(j.ring))
	for seq := max(q.after, oldest); seq < j.last && len(found) < q.limit; seq++ {
		r := &j.ring[int(seq%int64(j.limit))]
		if (q.ref == "" || q.ref == r.ref) && (q.merchant == "" || q.merchant == r.merchant) {
			found = append(found, r.entry(seq+1))
		}
	}
	return found
}

func (j *journal) faultCounts() map[string]int64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	return maps.Clone(j.faults)
}

func (j *journal) doubledRefs() []doubledRef {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.doubled[:len(j.doubled):len(j.doubled)]
}
