package pacing

import "maps"

// Load is how many calls a process makes for a merchant.
type Load struct {
	Limit    int // at once, as the gateway has borne of late
	InFlight int
}

// Loads returns the load of each merchant for whom calls were made.
func (p *Pacer) Loads() map[string]Load {
	p.mu.Lock()
	merchants := maps.Clone(p.merchants)
	p.mu.Unlock()
	all := make(map[string]Load, len(merchants))
	for id, m := range merchants {
		if load, any := m.limiter.load(); any {
			all[id] = load
		}
	}
	return all
}

func (l *limiter) load() (load Load, any bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.now == nil {
		return Load{}, false
	}
	load = Load{Limit: l.now.Limit(), InFlight: l.now.Inflight()}
	for _, old := range l.old {
		load.InFlight += old.Inflight()
	}
	return load, true
}
