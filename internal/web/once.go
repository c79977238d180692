package web

import (
	"crypto/rand"
	"crypto/sha256"
	"sync"
	"time"
)

// OnceLife is how long a one-time link works.
const OnceLife = 10 * time.Minute

// onceLinks are the one-time links that were given out and not used yet.
type onceLinks struct {
	mu    sync.Mutex
	given map[[sha256.Size]byte]onceLink
}

type onceLink struct {
	end  time.Time
	next string // where it leads
}

// OnceLink returns the path of a link that lets in whoever uses it first, within OnceLife. next is where it leads, or "" for the
// usual place. It works only while OnceOpens: whoever reads what this process prints may come in then.
func (s *Site) OnceLink(next string) string {
	return "/login?once=" + s.once.give(onceLink{time.Now().Add(OnceLife), ownPath(next)})
}

// OnceOpens reports whether one-time links work: while there are no tokens.
func (s *Site) OnceOpens() bool { return s.sealer.Load().tokens.None() }

func (o *onceLinks) give(l onceLink) (secret string) {
	secret = rand.Text()
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.given == nil {
		o.given = map[[sha256.Size]byte]onceLink{}
	}
	o.given[sha256.Sum256([]byte(secret))] = l
	return secret
}

// next is where a link that was not redeemed yet leads.
func (o *onceLinks) next(secret string) string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.given[sha256.Sum256([]byte(secret))].next
}

// redeem reports whether a secret was given out, is not too old, and was not redeemed before. It is looked up by its hash, so that
// the time it takes tells nothing.
func (o *onceLinks) redeem(secret string, now time.Time) (next string, redeemed bool) {
	sum := sha256.Sum256([]byte(secret))
	o.mu.Lock()
	defer o.mu.Unlock()
	l, found := o.given[sum]
	delete(o.given, sum)
	return l.next, found && now.Before(l.end)
}
