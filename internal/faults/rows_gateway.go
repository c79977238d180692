//go:build faults

package faults

import (
	"fmt"
	"time"

	"github.com/hpplink/hpplink/internal/ledger"
	"github.com/hpplink/hpplink/internal/worker"
)

// gatewayRows harm the gateway and the way to it.
var gatewayRows = []row{
	{name: "gateway: 30 % answer 500 twice", faults: "500=0.3x2"},
	{name: "gateway: half answer 429, Retry-After 2 s", faults: "429=0.5x1:2s", holds: "nothing uncertain", check: nothingUncertain},
	{name: "gateway: 20 % hang past the time-out", faults: "hang=0.2x1:20s", holds: "uncertain where two were minted", check: someSurplus},
	{name: "gateway: 20 % reset after minting", faults: "reset-after=0.2x1", holds: "uncertain where two were minted", check: someSurplus},
	{name: "gateway: 20 % unreadable 200s", faults: "unreadable=0.2x1", holds: "uncertain where two were minted", check: someSurplus},
	{name: "gateway: 20 % answer for another order", faults: "mismatch=0.2x1", holds: "such an answer is never published", check: someSurplus},
	{name: "gateway: 20 % link to a foreign host", faults: "wrong-host=0.2x1", holds: "such an answer is never published", check: someSurplus},
	{
		name: "gateway: out of reach", holds: "nothing fails",
		act: func(s *system) {
			time.Sleep(time.Second)
			s.toGateway.cut()
			time.Sleep(pick(8*time.Second, 30*time.Second))
			s.toGateway.mend()
		},
	},
	{
		name: "gateway: answers 401 for a while", holds: "nothing fails, nothing uncertain",
		act: func(s *system) {
			time.Sleep(time.Second)
			s.setFaults("401")
			time.Sleep(pick(6*time.Second, 20*time.Second))
			s.setFaults("")
		},
		check: nothingUncertain,
	},
	{
		name: "gateway: refuses every order", faults: "400", latency: 20 * time.Millisecond, short: 800, long: 12_000,
		holds: "each fails, and is listed", failing: 100,
	},
	{
		name: "gateway: mints and resets, then refuses", faults: "reset-after", mayFail: true,
		holds: "refused after uncertain is possibly_issued",
		act: func(s *system) {
			time.Sleep(s.row.over() / 2)
			s.setFaults("400")
		},
		check: somePossiblyIssued,
	},
	network("network: answers 1 s late", latency(time.Second)),
	network("network: connections reset", resetPeer()),
	network("network: answers lost, closed after 1 s", closeAfter(time.Second)),
	network("network: answers end after 900 bytes", limitData(900)),
	network("network: answers dribble", slow(4)...),
	network("network: half open, requests lost", swallow("upstream")),
	network("network: half open, answers lost", swallow("downstream")),
}

// network makes the way to the gateway bad for part of the time, again and again.
func network(name string, all ...toxic) row {
	return row{name: name, holds: "uncertain where two were minted", act: func(s *system) {
		for range pick(2, 6) {
			time.Sleep(500 * time.Millisecond)
			s.toGateway.harm(1500*time.Millisecond, append([]toxic(nil), all...)...)
		}
	}}
}

func nothingUncertain(_ *system, c *count) (wrong []string) {
	if c.surplus() != 0 {
		wrong = append(wrong, fmt.Sprintf("%d surplus links", c.surplus()))
	}
	for ref, events := range c.events {
		if events[0].Uncertain {
			wrong = append(wrong, "order "+ref+" is uncertain")
		}
	}
	return wrong
}

// somePossiblyIssued makes sure that both kinds of failure came about; verify knows which is right for which order.
func somePossiblyIssued(_ *system, c *count) []string {
	codes := map[string]int{}
	for _, events := range c.events {
		codes[events[0].code]++
	}
	if codes[ledger.CodePossiblyIssued] == 0 || codes[worker.CodeRejected] == 0 {
		return []string{fmt.Sprintf("codes of failures: %v, want both kinds", codes)}
	}
	return nil
}

// someSurplus makes sure that the fault struck: it mints links that can not be shown.
func someSurplus(_ *system, c *count) []string {
	if c.surplus() == 0 {
		return []string{"the fault never struck: there is no surplus link"}
	}
	return nil
}
