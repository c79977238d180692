package demo

import (
	"time"

	"github.com/hpplink/hpplink/internal/gateway/sandbox"
	"github.com/hpplink/hpplink/internal/merchant"
)

// With changes the sample, the time the demo may take, and how the whole gateway fails.
func (o Options) With(events []Event, bound time.Duration, faults sandbox.Faults) Options {
	o.events, o.bound, o.faults = events, bound, faults
	return o
}

// Merchants are the sample's shops.
func Merchants() *merchant.Directory { return merchants(nil) }
