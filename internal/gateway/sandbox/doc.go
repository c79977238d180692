// Package sandbox is a simulated PaymentOptions gateway: an http.Handler that
// mints hosted-payment-page links as the real one documents, and fails as the
// real one might, on demand and repeatably. It is for developing, demonstrating
// and fault-testing; no payment is ever taken.
//
// It knows the gateway's wire format and nothing of how this program calls it:
// it shares no code with the client, so that a mistake there shows here.
//
// # What it answers
//
// POST {any prefix}/server-to-server-interface/hpp/generate/link answers 200
// with an id, a url and the echoed order ("the gateway's documentation, page
// hpp/generate-link"). The link opens a page that shows what a customer would
// see. A second POST with the same merchant_txn_ref mints a second link, since
// the documentation promises nothing better; [Options] can say otherwise. The
// link is minted before the latency passes, so a client that leaves early
// leaves a link behind.
//
// # Faults by ref
//
// To try a failure, end a merchant_txn_ref in ~ and the name of a fault:
//
//	INV-1~400             every attempt is answered 400
//	INV-2~500x2           the first two attempts get 500, the third its link
//	INV-3~429x1:2s        429 with "Retry-After: 2", then its link
//	INV-4~reset-afterx1   the link is minted and the connection reset
//	INV-5~hangx1:20s      the link is minted, the answer 20 s late
//	INV-6~503x1~429x1     one after the other, then its link
//
// A ref holds at most 45 characters, so hyphens in a fault's name may be left
// out: ~resetafterx1. A tilde followed by anything else is no fault; the answer
// then says so in the header X-Sandbox-Note. Every fault that strikes is named
// in the header X-Sandbox-Fault.
//
// # Faults by rate
//
// [ParseFaults] reads a comma-separated list for the whole gateway:
//
//	NAME[=RATE][xTIMES][:DURATION]
//
//	503                   everything is answered 503
//	500=0.05              one POST in twenty
//	500=0.05x1            one ref in twenty fails once, then works
//	429=0.1:2s,hang=0.01  rates add up, to 1 at most
//
// Where one with xTIMES and one without would both strike, the one written
// first does.
//
// The faults are:
//
//	NNN             any status from 201 to 599. 2xx mints; 429 carries Retry-After
//	                (1s unless a duration says otherwise), any other one from 300 on
//	                if given a duration; 3xx points elsewhere
//	NNN-after       the same, and the link is minted all the same (from 300 on)
//	html-NNN        an HTML error page, as from a proxy (from 400 on)
//	hang-before     silence for the duration (2m), then 504; no link
//	hang-after      the link is minted; silence for the duration (2m), then the answer; also: hang
//	reset-before    the connection is reset; no link
//	reset-after     the link is minted and the connection reset; also: reset
//	unreadable      200 with broken JSON; the link is minted
//	mismatch        200 echoing another order's ref and amount; the link is minted
//	wrong-host      200 with a link on a foreign host; the link is minted
//	slow-body       200, the body dribbled out over the duration (5s); the link is minted
//	redirect        302 to a foreign host; no link
//
// A ref's own fault goes first; once healed, it is drawn like any other. What
// is drawn for a POST (fault, jitter, id, code) depends only on the seed, the
// merchant, the ref and how many POSTs of that ref came before: concurrency
// does not change the outcome, and the same seed repeats it.
//
// # Watching and steering
//
//	GET /                          what this is, the last links
//	GET /_sandbox/journal          every POST: ?ref= &merchant_id= &after= &limit=
//	GET /_sandbox/journal/summary  refs with 0, 1 and more links
//	GET, POST, DELETE /_sandbox/faults
//
// The journal holds no personal data; the pages keep a masked e-mail, a country
// and a city. Faults are changed from loopback only.
package sandbox
