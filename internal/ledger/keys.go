package ledger

import (
	"strings"

	"github.com/hpplink/hpplink/internal/order"
)

// Keys names the Redis keys of one namespace. All carry the namespace as their hash tag, so
// that on Redis Cluster they live in one slot.
type Keys struct {
	tag    string
	outbox bool // what is published goes by the outbox
}

// NamespaceKeys returns the keys of a namespace, such as "hpp".
func NamespaceKeys(namespace string) Keys { return Keys{tag: "{" + namespace + "}:"} }

// Durable returns the keys by which scripts publish to the outbox, from which a publisher takes what a replica has.
func (k Keys) Durable() Keys { return Keys{tag: k.tag, outbox: true} }

// Record is the hash of one order.
func (k Keys) Record(key order.Key) string { return k.Records() + key.String() }

// Records is what the keys of all records begin with.
func (k Keys) Records() string { return k.tag + "order:" }

// Payload is what was ordered, opaque. It has a key of its own, since a value this long would take the record out of Redis'
// compact form, which costs some 400 bytes an order.
func (k Keys) Payload(key order.Key) string { return k.tag + "payload:" + key.String() }

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

// Outbox is the stream of results that are not published yet, because no replica may have them.
func (k Keys) Outbox() string { return k.tag + "results:outbox" }

// Seen is what is written, and means nothing, before a replica is waited for.
func (k Keys) Seen() string { return k.tag + "results:seen" }

// publishing is the stream that scripts publish to.
func (k Keys) publishing() string {
	if k.outbox {
		return k.Outbox()
	}
	return k.Results()
}

// Surplus is the stream of links that the gateway minted and that nobody was shown.
func (k Keys) Surplus() string { return k.tag + "surplus" }

// Breaker is the hash of a merchant's breaker; it is absent while the breaker is closed.
func (k Keys) Breaker(merchantID string) string { return k.tag + "breaker:" + escaped(merchantID) }

// Held is the sorted set of a merchant's orders of a lane that its breaker holds: since when, in
// milliseconds since 1970.
func (k Keys) Held(merchantID string, lane order.Lane) string {
	return k.tag + "held:" + string(lane) + ":" + escaped(merchantID)
}

// Tripped is the set of merchants that have, or lately had, a breaker open.
func (k Keys) Tripped() string { return k.tag + "tripped" }

// Slots is when the next slot of a merchant's rate limit is, for orders of a lane, in microseconds
// since 1970.
func (k Keys) Slots(merchantID string, lane order.Lane) string {
	return k.tag + "slots:" + string(lane) + ":" + escaped(merchantID)
}

// Gate is when the next call of a merchant's rate limit may be made, in microseconds since 1970: that of bulk orders is for all.
// Workers of versions before 2026-11-23 look at the one of interactive orders for those.
func (k Keys) Gate(merchantID string, lane order.Lane) string {
	return k.tag + "gate:" + string(lane) + ":" + escaped(merchantID)
}

// Workers is the sorted set of the workers that are alive, by their last sign of life in
// milliseconds since 1970.
func (k Keys) Workers() string { return k.tag + "workers" }

// OpenOrders is the hash of how many orders of each merchant are open.
func (k Keys) OpenOrders() string { return k.tag + "open" }

// Orders is the stream by which producers hand orders in. The name is a contract with producers.
func (k Keys) Orders() string { return k.tag + "orders" }

// DeadLetters is the stream of entries that became no order, with the reasons.
func (k Keys) DeadLetters() string { return k.tag + "orders:dead" }

// Waiting is the stream of a merchant's entries that wait until fewer of its orders are open.
func (k Keys) Waiting(merchantID string) string {
	return k.tag + "orders:waiting:" + escaped(merchantID)
}

// WaitingMerchants is the set of merchants that have such entries.
func (k Keys) WaitingMerchants() string { return k.tag + "orders:waiting" }

// Batches is the hash of all batches; see lua/batch.lua.
func (k Keys) Batches() string { return k.tag + "batches" }

// BatchIndex is the sorted set of batches by the time they were opened, in milliseconds since 1970.
func (k Keys) BatchIndex() string { return k.tag + "batches:by-time" }

// BatchOrders is the list of the orders of a batch.
func (k Keys) BatchOrders(id string) string { return k.tag + "batch:" + id }

// FailedEmails is the sorted set of orders whose email failed, by the time it did, in milliseconds.
func (k Keys) FailedEmails() string { return k.tag + "failed:" + string(Mailing) }

// MailBreaker is the hash of a merchant's breaker for emails; it is absent while that is closed.
func (k Keys) MailBreaker(merchantID string) string {
	return k.tag + "mail:breaker:" + escaped(merchantID)
}

// MailHeld is the sorted set of a merchant's orders whose email its breaker holds: since when, in milliseconds since 1970.
func (k Keys) MailHeld(merchantID string) string { return k.tag + "mail:held:" + escaped(merchantID) }

// MailTripped is the set of merchants whose emails do not go out, or lately did not.
func (k Keys) MailTripped() string { return k.tag + "mail:tripped" }

// Moved is there where other partitions take, or took, new orders: "closed" and the version of the layout since which this one works
// what it has, and takes nothing that it does not know; or "open", and that by which whoever hands something in has to go at least.
func (k Keys) Moved() string { return k.tag + "moved" }

// Mailers is there while somebody sends emails.
func (k Keys) Mailers() string { return k.tag + "mail:up" }

// escaped writes a merchant as it stands in order keys.
func escaped(merchantID string) string {
	return strings.TrimSuffix(order.Key{MerchantID: merchantID}.String(), ":")
}

// ofOrder are the keys that most scripts about one order take, in the order that lua/keys.lua expects.
func (k Keys) ofOrder(key order.Key) []string {
	return []string{
		k.Record(key),
		k.Queued(order.Interactive), k.Queued(order.Bulk),
		k.Sending(order.Interactive), k.Sending(order.Bulk),
		k.Failed(), k.publishing(), k.Surplus(),
		k.Breaker(key.MerchantID), k.Held(key.MerchantID, order.Interactive), k.Held(key.MerchantID, order.Bulk),
		k.Workers(), k.Tripped(), k.OpenOrders(), k.Batches(),
		k.Queued(Mailing), k.Sending(Mailing), k.FailedEmails(), k.MailHeld(key.MerchantID),
		k.Payload(key), k.Moved(),
	}
}

// ofAccept, ofClaims and ofIssues are for the scripts that run for every order; see lua/keysaccept.lua and so on.

func (k Keys) ofAccept(key order.Key, batch string) []string {
	return []string{
		k.Record(key), k.Queued(order.Interactive), k.Queued(order.Bulk),
		k.Failed(), k.OpenOrders(), k.Batches(),
		k.Queued(Mailing), k.Sending(Mailing), k.FailedEmails(), k.MailHeld(key.MerchantID), k.Payload(key), k.BatchOrders(batch),
		k.Moved(),
	}
}

// Claim and Issue are for many orders of a merchant: these keys they share, and each has its record and its payload.

func (k Keys) ofClaims(merchantID string) []any {
	return []any{
		k.Queued(order.Interactive), k.Queued(order.Bulk), k.Sending(order.Interactive), k.Sending(order.Bulk),
		k.Held(merchantID, order.Interactive), k.Held(merchantID, order.Bulk),
		k.Breaker(merchantID), k.Workers(), k.OpenOrders(),
	}
}

func (k Keys) ofIssues(merchantID string) []any {
	return []any{
		k.Queued(order.Interactive), k.Queued(order.Bulk), k.Sending(order.Interactive), k.Sending(order.Bulk),
		k.Held(merchantID, order.Interactive), k.Held(merchantID, order.Bulk),
		k.publishing(), k.Surplus(), k.Breaker(merchantID), k.OpenOrders(), k.Batches(), k.Queued(Mailing),
	}
}

// ofEmail are the keys that every script about an order's email takes: in the places of lanes and breakers stand those of emails.
func (k Keys) ofEmail(key order.Key) []string {
	keys := k.ofOrder(key)
	keys[1], keys[2], keys[3], keys[4], keys[5] = k.Queued(Mailing), k.Queued(Mailing), k.Sending(Mailing), k.Sending(Mailing), k.FailedEmails()
	keys[8], keys[9], keys[10], keys[12] = k.MailBreaker(key.MerchantID), k.MailHeld(key.MerchantID), k.MailHeld(key.MerchantID), k.MailTripped()
	return keys
}
