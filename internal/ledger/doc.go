// Package ledger is the durable record in Redis of every order, and the only place that
// decides what happens to one: whether it is new, who may work on it, which link is
// published. Queues only say when to work; the ledger says what is true. So a task may be
// lost, doubled, reordered or run by two workers at once, and the outcome is the same.
//
// Each step is one Lua script (see the folder lua, each file headed by its keys, arguments
// and answers). Every script may be run again when its reply was lost: it answers as it did
// the first time, and counts nothing twice. All keys of a namespace carry one hash tag, and
// every key that a script touches is declared, so the scripts run on Redis Cluster too.
//
// The life of an order, within one generation:
//
//	          Accept                Claim                 Issue
//	(nothing) ──────►    queued    ──────►    sending    ──────► issued
//	                       ▲                   │   │
//	                       └──── Release ──────┘   └── Fail ───► failed ── Discard
//	                                                               │
//	                       next generation: queued  ◄─── Replay ───┘   (or a corrected order)
//
// An order is open while a link is owed for it, and it is then in exactly one of the sorted
// sets of open orders: if they are empty, nothing is owed.
//
// A durable ledger tells nothing before all replicas have it, since a master that dies takes with it what only it had: WAIT follows each
// step whose outcome somebody is told, on the same connection. Its scripts publish to an outbox, and a Publisher takes to the stream
// of results what a replica has.
//
// The package knows Redis and the results that are published. It does not know asynq, the
// gateway, or what an order holds: an order is opaque bytes here.
package ledger
