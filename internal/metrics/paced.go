package metrics

import (
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/hpplink/hpplink/internal/merchant"
	"github.com/hpplink/hpplink/internal/pacing"
)

// paced is how the calls of merchants are paced: by their profiles, and as this process does.
type paced struct {
	merchants *merchant.Directory
	pacer     atomic.Pointer[pacing.Pacer] // nil where no orders are worked
}

// WatchPacer has the calls shown that a worker of this process makes.
func (m *Metrics) WatchPacer(p *pacing.Pacer) { m.paced.pacer.Store(p) }

var (
	rateLimit   = desc("rate_limit_per_second", "Calls of the gateway a second that the merchant's profile allows, over all workers; absent where it sets no limit.", "merchant")
	limitAtOnce = desc("concurrency_limit", "Calls of the gateway that this process makes at once for a merchant at most, as it has adapted; absent before the first.", "merchant")
	inFlight    = desc("calls_in_flight", "Calls of the gateway that this process is making for a merchant; absent before the first.", "merchant")
)

// Describe implements prometheus.Collector.
func (p *paced) Describe(into chan<- *prometheus.Desc) {
	into <- rateLimit
	into <- limitAtOnce
	into <- inFlight
}

// Collect implements prometheus.Collector.
func (p *paced) Collect(into chan<- prometheus.Metric) {
	rates, limits, calls := p.none(), p.none(), p.none()
	for _, m := range p.merchants.All() {
		if m.Rate > 0 {
			rates.add(m.ID, m.Rate)
		}
	}
	if pacer := p.pacer.Load(); pacer != nil {
		for id, load := range pacer.Loads() {
			if _, known := p.merchants.Lookup(id); known {
				limits.add(id, float64(load.Limit))
				calls.add(id, float64(load.InFlight))
			}
		}
	}
	set := emitTo(into, prometheus.GaugeValue)
	each(rates, rateLimit, set)
	each(limits, limitAtOnce, set)
	each(calls, inFlight, set)
}

func (p *paced) none() byLabel { return byLabel{p.merchants, map[string]float64{}} }
