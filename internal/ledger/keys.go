package ledger

import "github.com/hpplink/hpplink/internal/order"

// Keys names the Redis keys of one namespace. All carry the namespace as their hash tag, so
// that on Redis Cluster they live in one slot.
type Keys struct{ tag string }

// NamespaceKeys returns the keys of a namespace, such as "hpp".
func NamespaceKeys(namespace string) Keys { return Keys{tag: "{" + namespace + "}:"} }

// Record is the hash of one order.
func (k Keys) Record(key order.Key) string { return k.tag + "order:" + key.String() }

// Queued is the sorted set of the open orders of a lane that nobody works on: when, in
// milliseconds since 1970, the task of each is surely in the queue.
func (k Keys) Queued(lane order.Lane) string { return k.tag + "queued:" + string(lane) }

// Sending is the sorted set of the open orders of a lane that a worker holds: when, in
// milliseconds since 1970, the lease of each ends.
func (k Keys) Sending(lane order.Lane) string { return k.tag + "sending:" + string(lane) }

// Failed is the sorted set of failed orders by the time they failed, in milliseconds.
func (k Keys) Failed() string { return k.tag + "failed" }

// Results is the stream of results. The name is a contract with consumers.
func (k Keys) Results() string { return k.tag + "results" }

// Surplus is the stream of links that the gateway minted and that nobody was shown.
func (k Keys) Surplus() string { return k.tag + "surplus" }

// ofOrder are the keys that every script about one order takes, in the order that
// lua/record.lua expects.
func (k Keys) ofOrder(key order.Key) []string {
	return []string{
		k.Record(key),
		k.Queued(order.Interactive), k.Queued(order.Bulk),
		k.Sending(order.Interactive), k.Sending(order.Bulk),
		k.Failed(), k.Results(), k.Surplus(),
	}
}
