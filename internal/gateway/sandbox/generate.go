package sandbox

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	endpoint = "/server-to-server-interface/hpp/generate/link"
	maxBody  = 256 << 10
)

// exchange is one POST and what becomes of it.
type exchange struct {
	s     *Server
	w     http.ResponseWriter
	r     *http.Request
	start time.Time

	order  *orderRequest
	who    identity
	nth    int
	chance chance
	link   link // zero while there is none
	fault  string
	status int // what was answered; 0 for nothing
}

func (s *Server) generate(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		writeJSON(w, http.StatusMethodNotAllowed, statusMessage(http.StatusMethodNotAllowed))
		return
	}
	s.posts.Add(1)
	x := &exchange{s: s, w: w, r: r, start: time.Now()}
	defer x.record() // in a defer: resetting the connection may panic
	if x.authorised() && x.read() && x.count() {
		x.work()
	}
}

// work decides the fault, mints, waits and answers, in this order: a client
// that gives up during the latency leaves a link behind.
func (x *exchange) work() {
	f := x.draw()
	if (f == nil || f.mints) && !x.mint() {
		x.pause(x.latency())
		x.fail(http.StatusConflict, "a link exists for this merchant_txn_ref")
		return
	}
	if f != nil {
		x.fault = f.name
		x.w.Header().Set("X-Sandbox-Fault", f.name)
	}
	switch {
	case !x.pause(x.latency()):
	case f == nil:
		x.reply(http.StatusOK, x.success())
	default:
		x.strike(f)
	}
}

func (x *exchange) authorised() bool {
	key, basic := strings.CutPrefix(x.r.Header.Get("Authorization"), "Basic ")
	known := x.s.basicKeys
	want := x.s.options.XAPIKey
	got := x.r.Header.Get("X-Api-Key")
	if basic && key != "" && (len(known) == 0 || slices.Contains(known, key)) &&
		got != "" && (want == "" || got == want) {
		return true
	}
	x.fail(http.StatusUnauthorized, "Unauthorized: Authorization (Basic …) or x-api-key is missing or wrong")
	return false
}

var bodies = sync.Pool{New: func() any { return new(bytes.Buffer) }}

func (x *exchange) read() bool {
	mediaType, _, err := mime.ParseMediaType(x.r.Header.Get("Content-Type"))
	if err != nil || mediaType != "application/json" {
		x.refuse([]problem{{http.StatusNotAcceptable, "Content-Type must be application/json"}})
		return false
	}
	body := bodies.Get().(*bytes.Buffer)
	defer bodies.Put(body)
	body.Reset()
	if _, err := body.ReadFrom(http.MaxBytesReader(x.w, x.r.Body, maxBody)); err != nil {
		x.refuseBody(err)
		return false
	}
	order, problems := decodeOrder(body.Bytes())
	if order != nil {
		x.order = order
	}
	if len(problems) > 0 {
		x.refuse(problems)
		return false
	}
	return true
}

func (x *exchange) refuseBody(err error) {
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		x.refuse([]problem{{http.StatusRequestEntityTooLarge, fmt.Sprintf("the body is larger than %d bytes", maxBody)}})
		return
	}
	x.refuse([]problem{{http.StatusBadRequest, "the body ended early"}})
}

// count finds which POST of its ref this is. Without a ref, no two are known to
// be the same order: each counts as one of its own.
func (x *exchange) count() bool {
	ref := x.order.Ref
	if ref == "" {
		ref = "\x00" + strconv.FormatInt(x.s.nameless.Add(1), 10)
	}
	x.who = identify(x.s.options.Seed, x.order.MerchantID, ref)
	nth, err := x.s.refs.post(x.who.key())
	if err != nil {
		x.fail(http.StatusInsufficientStorage, err.Error())
		return false
	}
	x.nth = nth
	x.chance = x.who.chance(nth)
	return true
}

// draw returns the fault for this POST, or nil: the ref's own before the gateway's.
func (x *exchange) draw() *fault {
	s, err := parseScript(x.order.Ref)
	if err != nil {
		x.w.Header().Set("X-Sandbox-Note", fmt.Sprintf("no fault in this ref: %+q", err.Error()))
	}
	if f := s.strike(x.nth); f != nil {
		return f
	}
	return x.s.faults.Load().strike(x.who.once(), x.chance.fault, x.nth)
}

// mint makes a link, or finds the first one if the gateway is idempotent. It is
// false if the ref has one and may have no other. Without a ref, nothing is
// known to be the same order.
func (x *exchange) mint() bool {
	o := &x.s.options
	single := o.Idempotent || o.DuplicateConflict
	n := x.s.refs.mint(x.who.key(), single)
	if n == 0 && o.DuplicateConflict {
		return false
	}
	x.link = x.who.link(max(n, 1))
	if n == 0 {
		return true
	}
	x.s.minted.Add(1)
	x.s.pages.add(x.page())
	if n == 2 {
		x.s.journal.addDoubled(doubledRef{x.who.key(), x.order.MerchantID, x.order.Ref})
	}
	return true
}

func (x *exchange) page() page {
	o := x.order
	return page{
		Code: x.link.code, LinkID: x.link.id.String(),
		MerchantID: o.MerchantID, Ref: o.Ref, Amount: o.amount, Currency: o.Currency,
		Email: maskEmail(o.billing.Email), City: o.billing.City, Country: o.billing.Country,
		Minted: x.start,
	}
}

func (x *exchange) latency() time.Duration {
	o := &x.s.options
	return o.Latency + time.Duration((2*x.chance.jitter-1)*float64(o.Jitter))
}

// pause waits, less if the server closes. It is false if the client has gone.
func (x *exchange) pause(d time.Duration) bool {
	if d <= 0 {
		return true
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-x.s.closing:
	case <-x.r.Context().Done():
		return false
	}
	return true
}

// record writes the exchange to the journal.
func (x *exchange) record() {
	r := record{
		start: x.start, took: time.Since(x.start), fault: x.fault,
		link: x.link.id, nth: int32(x.nth), status: int32(x.status),
	}
	if x.nth > 0 {
		r.merchant, r.ref = x.order.MerchantID, x.order.Ref
	}
	x.s.journal.add(r)
	if log := x.s.options.Logger; log.Enabled(x.r.Context(), slog.LevelDebug) {
		log.Debug("sandbox post", "merchant_id", r.merchant, "ref", r.ref, "nth", r.nth,
			"status", r.status, "fault", r.fault, "took", r.took)
	}
}
