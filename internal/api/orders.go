package api

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/hpplink/hpplink/internal/intake"
	"github.com/hpplink/hpplink/internal/ledger"
	"github.com/hpplink/hpplink/internal/lookup"
	"github.com/hpplink/hpplink/internal/order"
	"github.com/hpplink/hpplink/internal/redisconn"
)

// When to try again.
const (
	afterUnknown = 2 * time.Second  // Redis did not answer
	afterFull    = 10 * time.Second // too many orders of the merchant are open
)

func (a *API) registerOrders(h huma.API) {
	document(h, huma.Operation{
		OperationID: "submit-order", Method: http.MethodPost, Path: "/v1/orders",
		Summary:     "Hand in an order",
		Description: "Once it is answered with 202, the order will get its link, or a failure will be published. Sending an order again is always safe, and the thing to do when an answer did not come: it makes no second link.",
		Responses: answers("OrderAnswer", exampleAnswer, map[int]string{
			http.StatusAccepted: "It is accepted, or waits for its link; poll its Location, wait again, or read the result stream",
			http.StatusOK:       "It is known here, or came to its end while you waited: see state",
		}, http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden, http.StatusRequestTimeout, http.StatusConflict,
			http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType, http.StatusUnprocessableEntity, http.StatusServiceUnavailable),
	}, orderBody(), a.submit)
	document(h, huma.Operation{
		OperationID: "get-order", Method: http.MethodGet, Path: "/v1/orders/{merchant_id}/{ref}",
		Summary:     "See how an order stands",
		Description: "With wait, it is answered as soon as the order has its link or has failed, else when the time is over.",
		Responses: answers("OrderView", exampleView, map[int]string{http.StatusOK: "The order as it stands"},
			http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusServiceUnavailable),
	}, nil, a.get)
}

type submitInput struct {
	exchange
	Lane    order.Lane `query:"lane" enum:"interactive,bulk" default:"interactive" doc:"How urgent it is: interactive when somebody waits for the link"`
	Reissue bool       `query:"reissue" doc:"Where the order is settled already: ask for another link on purpose, whatever its content is now. The earlier link stays as it is at the gateway"`
	Wait    Wait       `query:"wait" doc:"Wait for the link or failure, up to 60s: the answer comes as soon as it is there"`
}

// OrderAnswer tells what became of an order that was handed in.
type OrderAnswer struct {
	Status intake.Status `json:"status" enum:"accepted,known" doc:"accepted: it is new; known: the same order was accepted before"`
	lookup.OrderView
}

type submitOutput struct {
	Status   int
	Location string `header:"Location" doc:"Where the order can be looked up"`
	Body     OrderAnswer
}

func (a *API) submit(_ context.Context, in *submitInput) (*submitOutput, error) {
	if err := in.sends(jsonTypes); err != nil {
		return nil, err
	}
	data, err := in.body(order.MaxBytes, a.limits.body)
	if err != nil {
		return nil, err
	}
	r := a.hand(in.r.Context(), []intake.Event{{JSON: data, Lane: in.Lane, Reissue: in.Reissue, Trace: in.traceparent()}})[0]
	note := noteOf(in.r.Context())
	note.order, note.err = r.Key, r.Err
	if p := refusal(r); p != nil {
		return nil, p
	}
	out := &submitOutput{Status: http.StatusOK, Location: location(r.Key), Body: OrderAnswer{r.Status, standing(r, in.Lane)}}
	if in.Wait.Duration > 0 && !out.Body.IsSettled() {
		if view, err := a.await(&in.exchange, r.Key, in.Wait.Duration); err == nil { // else it is accepted all the same
			out.Body.OrderView = view
		}
	}
	if !out.Body.IsSettled() && (r.Status == intake.Accepted || in.Wait.Duration > 0) {
		out.Status = http.StatusAccepted
	}
	return out, nil
}

// hand gives events to the door. A client that goes does not stop what has begun.
func (a *API) hand(ctx context.Context, events []intake.Event) []intake.Receipt {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), a.limits.redis)
	defer cancel()
	return a.Door.Submit(ctx, events)
}

// standing is an order as its receipt has it.
func standing(r intake.Receipt, lane order.Lane) lookup.OrderView {
	if r.Status == intake.Accepted {
		r.Record = ledger.Record{State: ledger.Queued, Generation: r.Generation, Lane: lane}
	}
	return lookup.View(r.Key, r.Record, nil)
}

// refusal says why an order was not taken, or is nil.
func refusal(r intake.Receipt) *Problem {
	switch r.Status {
	case intake.Rejected:
		p := newProblem(http.StatusUnprocessableEntity, "the order is not valid: see errors")
		p.Errors = fieldErrors(r.Problems)
		return p
	case intake.Conflict:
		return conflict(r)
	case intake.Full:
		return newProblem(http.StatusServiceUnavailable, "too many orders of this merchant are open: send it again later").later(afterFull)
	case intake.Unknown:
		if unreplicated(r.Err) {
			return unknown("the order is not safe yet, since not all replicas of Redis have it: send it again, which is safe")
		}
		return unknown("it is not clear whether the order was taken, since Redis did not answer: send it again, which is safe")
	}
	return nil
}

const (
	conflictDetail      = "another order is known under this merchant_txn_ref, and it is untouched: send it under another ref, or look at the one that is known"
	conflictAfterFailed = "the order under this merchant_txn_ref has failed, and a link may exist at the gateway, or this is what it was before a correction: look there, then send what is right with reissue=true"
)

func conflictMessage(r intake.Receipt) string {
	if r.Record.State == ledger.Failed {
		return conflictAfterFailed
	}
	return conflictDetail
}

func conflict(r intake.Receipt) *Problem {
	p := newProblem(http.StatusConflict, "%s", conflictMessage(r))
	p.Instance, p.Fields = location(r.Key), r.Differs
	for _, name := range r.Differs {
		p.Errors = append(p.Errors, FieldError{Field: "/" + name, Message: "differs from the order that is known"})
	}
	return p
}

// unreplicated reports whether Redis did answer, and not for all replicas of it.
func unreplicated(err error) bool {
	_, alone := errors.AsType[*redisconn.NotReplicatedError](err)
	return alone
}

func unknown(detail string) *Problem {
	return newProblem(http.StatusServiceUnavailable, "%s", detail).later(afterUnknown)
}

type getInput struct {
	exchange
	OrderPath
	Wait Wait `query:"wait" doc:"Wait for the link or failure, up to 60s"`
}

type viewOutput struct{ Body lookup.OrderView }

func (a *API) get(_ context.Context, in *getInput) (*viewOutput, error) {
	key, note := in.key(), noteOf(in.r.Context())
	note.order = key
	var view lookup.OrderView
	var err error
	if in.Wait.Duration > 0 {
		view, err = a.await(&in.exchange, key, in.Wait.Duration)
	} else {
		view, err = a.look(in.r.Context(), key)
	}
	if err != nil {
		return nil, note.notFound(err)
	}
	return &viewOutput{view}, nil
}

// notFound says why an order can not be shown.
func (n *note) notFound(err error) error {
	if errors.Is(err, lookup.ErrUnknown) {
		return newProblem(http.StatusNotFound, "no order is known under this merchant_id and merchant_txn_ref: check both, and that they are percent-encoded")
	}
	n.err = err
	if unreplicated(err) {
		return unknown("not all replicas of Redis have yet what the order's link may be taken from: try again")
	}
	return unknown("Redis did not answer: try again")
}
