// Package fleet lets several processes of the real program work one namespace, as in production, and counts: on a Redis Cluster
// whose masters share the orders, while one of them dies, in front of a gateway that is the bottleneck, and during an upgrade.
//
//	go test ./internal/fleet   small: some seconds each
//	make fleet                 full size: some minutes, of which the throughput wants a machine that does nothing else
//
// It knows how to start processes and producers, and how to count what a gateway was asked and what was published. It
// shares no rule of the domain with the program, so that a mistake there shows here. There are tests only.
package fleet
