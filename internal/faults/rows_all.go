//go:build faults

package faults

import (
	"context"
	"time"
)

// allRows let everything happen in one system.
var allRows = []row{
	{
		name: "all at once", holds: "",
		span: 8 * time.Second, faults: "500=0.1x1,hang=0.03x1:20s,reset-after=0.05x1,mismatch=0.05x1,429=0.1x1:1s",
		act: func(s *system) { s.every(700*time.Millisecond, func() { calamities[s.rnd.IntN(len(calamities))](s) }) },
	},
}

// calamities are what happens in any order when all happens at once.
var calamities = []func(*system){
	(*system).killOne,
	(*system).killOne,
	func(s *system) { s.rdb.ScriptFlush(context.Background()) },
	func(s *system) { s.oneWire().harm(100*time.Millisecond, resetPeer()) },
	func(s *system) { s.oneWire().harm(time.Second, latency(200*time.Millisecond)) },
	func(s *system) { s.toGateway.harm(300*time.Millisecond, resetPeer()) },
	func(s *system) { s.toGateway.harm(300*time.Millisecond, limitData(900)) },
	func(s *system) {
		s.redis.Kill()
		s.restartRedis()
	},
}
