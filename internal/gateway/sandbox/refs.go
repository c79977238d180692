package sandbox

import (
	"errors"
	"sync"
	"sync/atomic"
)

// refKey is a hash of the seed, merchant and ref. Maps of it hold no pointers,
// so that a million refs cost the garbage collector nothing.
type refKey [16]byte

// tally is what is counted for one ref.
type tally struct{ posts, minted uint32 }

const (
	refShards = 64
	maxRefs   = 5_000_000 // some 300 MB
)

// errFull says that no further ref can be counted. Refusing it keeps the
// counters exact.
var errFull = errors.New("the sandbox has seen as many refs as it can count; start it anew")

// refs counts POSTs and links of each ref, exactly.
type refs struct {
	shards [refShards]struct {
		sync.Mutex
		tallies map[refKey]tally
	}
	seen, once, doubled atomic.Int64 // refs; those with one link; those with more
}

func newRefs() *refs {
	r := &refs{}
	for i := range r.shards {
		r.shards[i].tallies = make(map[refKey]tally)
	}
	return r
}

// post counts one more POST of the ref and returns which it is, from 1.
func (r *refs) post(k refKey) (nth int, err error) {
	s := &r.shards[k[0]%refShards]
	s.Lock()
	defer s.Unlock()
	t, known := s.tallies[k]
	if !known {
		if r.seen.Load() >= maxRefs {
			return 0, errFull
		}
		r.seen.Add(1)
	}
	t.posts++
	s.tallies[k] = t
	return int(t.posts), nil
}

// mint counts one more link of the ref and returns which it is, from 1. With
// single set, a ref that has its link gets no other: mint returns 0.
func (r *refs) mint(k refKey, single bool) (nth int) {
	s := &r.shards[k[0]%refShards]
	s.Lock()
	defer s.Unlock()
	t := s.tallies[k]
	if single && t.minted > 0 {
		return 0
	}
	t.minted++
	s.tallies[k] = t
	switch t.minted {
	case 1:
		r.once.Add(1)
	case 2:
		r.once.Add(-1)
		r.doubled.Add(1)
	}
	return int(t.minted)
}

// minted returns how many links the ref has.
func (r *refs) minted(k refKey) int {
	s := &r.shards[k[0]%refShards]
	s.Lock()
	defer s.Unlock()
	return int(s.tallies[k].minted)
}
