package api

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"maps"
	"net/http"
	"os"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/hpplink/hpplink/internal/intake"
	"github.com/hpplink/hpplink/internal/ledger"
	"github.com/hpplink/hpplink/internal/order"
)

func (a *API) registerBatch(h huma.API) {
	responses := answers("", nil, nil,
		http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden, http.StatusUnsupportedMediaType)
	responses["200"] = &huma.Response{
		Description: "One answer for each line that is not empty, in their order, while the body still comes. Lines after the last answer were not taken: send them again",
		Content:     content(linesTypes[0], "LineAnswer", exampleLine),
	}
	body := &huma.RequestBody{
		Required: true, Description: "One order event a line, as many as you like",
		Content: content(linesTypes[0], "OrderEvent", exampleOrder),
	}
	document(h, huma.Operation{
		OperationID: "submit-batch", Method: http.MethodPost, Path: "/v1/orders/batch",
		Summary:     "Hand in many orders",
		Description: "Newline-delimited JSON both ways. A line that is no order gets its answer, and the next one goes on.",
		Responses:   responses,
	}, body, a.batch)
}

type batchInput struct {
	exchange
	Lane    order.Lane `query:"lane" enum:"interactive,bulk" default:"bulk" doc:"How urgent they are"`
	Reissue bool       `query:"reissue" doc:"Where an order is settled already: ask for another link on purpose"`
}

// LineAnswer tells what became of one line of a batch.
type LineAnswer struct {
	Line       int           `json:"line" doc:"The line's number in the body, from 1"`
	Status     intake.Status `json:"status" enum:"accepted,known,conflict,rejected,full,unknown" doc:"full, unknown: send the line again after retry_after"`
	MerchantID string        `json:"merchant_id,omitempty"`
	Ref        string        `json:"merchant_txn_ref,omitempty"`
	Generation int           `json:"generation,omitempty"`
	State      ledger.State  `json:"state,omitempty" enum:"queued,sending,issued,failed"`
	URL        string        `json:"url,omitempty"`
	LinkID     string        `json:"link_id,omitempty"`
	Code       string        `json:"code,omitempty" doc:"Why the order failed"`
	Message    string        `json:"message,omitempty"`
	Errors     []FieldError  `json:"errors,omitempty" nullable:"false" doc:"Of a rejected line: everything that is wrong"`
	Fields     []string      `json:"fields,omitempty" nullable:"false" doc:"Of a conflict: the names of the fields that differ"`
	RetryAfter int           `json:"retry_after,omitempty" doc:"Seconds"`
}

func (a *API) batch(_ context.Context, in *batchInput) (*huma.StreamResponse, error) {
	if err := in.sends(linesTypes); err != nil {
		return nil, err
	}
	return &huma.StreamResponse{Body: func(huma.Context) { a.stream(in) }}, nil
}

// stream answers lines while they come, a chunk at a time.
func (a *API) stream(in *batchInput) {
	s := &answerStream{rc: http.NewResponseController(in.w), within: a.limits.write, counts: map[intake.Status]int{}}
	_ = s.rc.EnableFullDuplex() // HTTP/2 has it always
	in.w.Header().Set("Content-Type", linesTypes[0])
	in.w.Header().Set("X-Accel-Buffering", "no") // proxies are not to collect what is answered line by line
	s.json = json.NewEncoder(in.w)
	s.json.SetEscapeHTML(false)

	lines := readLines(in.r.Body, s.rc, a.limits.line)
	defer lines.stop()
	if in.r.Header.Get("Expect") == "" { // else the first line is waited for: a client told to go on must hear that first
		s.flush()
	}
	for more := true; more && s.err == nil; {
		var chunk []line
		chunk, more = lines.chunk(a.stopping, a.limits.gather)
		a.answer(in, s, chunk)
	}
	s.end(lines, a.stopping.Err() != nil)
	noteOf(in.r.Context()).attrs = s.attrs()
}

// answer hands the good lines of a chunk in together, and answers all of it in order.
func (a *API) answer(in *batchInput, s *answerStream, chunk []line) {
	if len(chunk) == 0 {
		return
	}
	var events []intake.Event
	for _, l := range chunk {
		if !l.long {
			events = append(events, intake.Event{JSON: l.text, Lane: in.Lane, Reissue: in.Reissue, Trace: in.traceparent()})
		}
	}
	receipts := a.hand(in.r.Context(), events)
	for _, l := range chunk {
		if l.long {
			s.put(LineAnswer{Line: l.number, Status: intake.Rejected, Errors: []FieldError{{"", tooLong}}})
			continue
		}
		if receipts[0].Err != nil {
			noteOf(in.r.Context()).err = receipts[0].Err
		}
		s.put(lineAnswer(l.number, receipts[0], in.Lane))
		receipts = receipts[1:]
	}
	s.flush()
}

func lineAnswer(number int, r intake.Receipt, lane order.Lane) LineAnswer {
	l := LineAnswer{
		Line: number, Status: r.Status, MerchantID: r.Key.MerchantID, Ref: r.Key.Ref, Generation: r.Generation,
		Errors: fieldErrors(r.Problems), Fields: r.Differs,
	}
	switch r.Status {
	case intake.Accepted, intake.Known:
		v := standing(r, lane)
		l.State, l.URL, l.LinkID, l.Code, l.Message = v.State, v.URL, v.LinkID, v.Code, v.Message
	case intake.Conflict:
		l.State, l.Message = r.Record.State, conflictMessage(r)
	case intake.Full:
		l.Message, l.RetryAfter = "too many orders of this merchant are open: send it again later", int(afterFull/time.Second)
	case intake.Unknown:
		l.Message, l.RetryAfter = "Redis did not answer: send it again, which is safe", int(afterUnknown/time.Second)
		if unreplicated(r.Err) {
			l.Message = "not all replicas of Redis have it yet: send it again, which is safe"
		}
	}
	return l
}

// answerStream writes answers. After a write that failed it writes no more.
type answerStream struct {
	rc     *http.ResponseController
	json   *json.Encoder
	within time.Duration
	counts map[intake.Status]int
	err    error
}

func (s *answerStream) put(l LineAnswer) {
	s.counts[l.Status]++
	if s.err == nil {
		_ = s.rc.SetWriteDeadline(time.Now().Add(s.within))
		s.err = s.json.Encode(l)
	}
}

func (s *answerStream) flush() {
	if s.err == nil {
		_ = s.rc.SetWriteDeadline(time.Now().Add(s.within))
		s.err = s.rc.Flush()
	}
}

// end tells a client that may still be sending from where on its lines were not read.
func (s *answerStream) end(l *lineReader, stopping bool) {
	switch {
	case stopping:
		s.put(unread(l.next(), "the server is being stopped: this line, and what follows it, was not read"))
	case errors.Is(l.problem(), os.ErrDeadlineExceeded):
		s.put(unread(l.next(), "the line did not come in time: it, and what follows it, was not read"))
	case l.problem() != nil:
		s.put(unread(l.next(), "the body broke off: this line, and what follows it, was not read"))
	}
	s.flush()
}

func unread(number int, why string) LineAnswer {
	return LineAnswer{Line: number, Status: intake.Unknown, Message: why, RetryAfter: int(afterUnknown / time.Second)}
}

func (s *answerStream) attrs() (all []slog.Attr) {
	for _, status := range slices.Sorted(maps.Keys(s.counts)) {
		all = append(all, slog.Int(string(status), s.counts[status]))
	}
	return all
}
