package pacing

import (
	"time"

	"github.com/failsafe-go/failsafe-go/adaptivethrottler"
	"github.com/failsafe-go/failsafe-go/circuitbreaker"
)

// Answer says what a call showed about the gateway, whatever it meant for the order.
type Answer int

const (
	Served    Answer = iota // it does its work
	Throttled               // it asks for fewer calls
	Down                    // it does not do its work
)

const (
	// A merchant's breaker opens when half of the calls of ten seconds failed, and there were so many.
	downRate, downCalls = 0.5, 20
	// Above this share of throttled calls, some are kept from the gateway before they are made.
	throttledRate = 0.1
	watchedFor    = 10 * time.Second
)

func newHealth() circuitbreaker.CircuitBreaker[any] {
	return circuitbreaker.NewBuilder[any]().WithFailureRateThreshold(downRate, downCalls, watchedFor).Build()
}

func newThrottle() adaptivethrottler.AdaptiveThrottler[any] {
	return adaptivethrottler.NewBuilder[any]().WithFailureRateThreshold(throttledRate, downCalls, watchedFor).Build()
}

// Answered takes note of an answer, and reports whether the gateway is down for the merchant: so
// many calls failed of late that more of them are no use.
func (p *Pacer) Answered(merchantID string, a Answer) (down bool) {
	m := p.of(merchantID)
	if a == Throttled {
		m.throttle.RecordFailure()
		return false
	}
	m.throttle.RecordSuccess()
	if a == Served {
		m.health.RecordSuccess()
		return false
	}
	m.health.RecordFailure()
	if !m.health.IsOpen() {
		return false
	}
	m.health.Close() // whether it stays open is for the breaker that all workers share
	return true
}

// Turn is a change in how the gateway serves a merchant.
type Turn int

const (
	NoTurn Turn = iota
	TurnedBad
	TurnedGood
)

// Turned notes how the gateway serves a merchant, and reports a change once.
func (p *Pacer) Turned(merchantID string, down, served bool) Turn {
	m := p.of(merchantID)
	switch {
	case down && m.bad.CompareAndSwap(false, true):
		return TurnedBad
	case served && m.bad.CompareAndSwap(true, false):
		return TurnedGood
	}
	return NoTurn
}
