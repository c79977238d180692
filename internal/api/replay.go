package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/hpplink/hpplink/internal/ledger"
	"github.com/hpplink/hpplink/internal/lookup"
	"github.com/hpplink/hpplink/internal/order"
)

// replayBytes is the most that a body of a replay has.
const replayBytes = 1 << 10

func (a *API) registerReplay(h huma.API) {
	document(h, huma.Operation{
		OperationID: "replay-order", Method: http.MethodPost, Path: "/v1/orders/{merchant_id}/{ref}/replay", DefaultStatus: http.StatusAccepted,
		Summary:     "Have a failed order tried again",
		Description: "It begins a new generation with the content that was kept. To correct an order that the gateway refused, hand it in again instead.",
		Responses: answers("OrderView", exampleView, map[int]string{http.StatusAccepted: "A new generation has begun"},
			http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusRequestTimeout,
			http.StatusConflict, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType, http.StatusServiceUnavailable),
	}, replayBody(h), a.replay)
}

type replayInput struct {
	exchange
	OrderPath
	Uncertain bool `query:"uncertain" doc:"Replay it although a link that nobody was shown may exist at the gateway. Look there first"`
}

// ReplayRequest says what to replay.
type ReplayRequest struct {
	_          struct{} `additionalProperties:"false"`
	Generation int      `json:"generation,omitempty" minimum:"1" doc:"The generation that failed. Without it, the one that is there now; with it, repeating the request replays nothing else"`
}

type replayOutput struct {
	Location string `header:"Location" doc:"Where the order can be looked up"`
	Body     lookup.OrderView
}

func (a *API) replay(_ context.Context, in *replayInput) (*replayOutput, error) {
	wanted, err := in.request(a.limits)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(in.r.Context()), a.limits.redis)
	defer cancel()
	key, note := in.key(), noteOf(in.r.Context())
	note.order = key
	named, err := a.Ledger.FailedNamed(ctx, []order.Key{key})
	if err != nil {
		return nil, note.notFound(err)
	}
	if err := replayable(named[0], wanted.Generation, in.Uncertain); err != nil {
		return nil, err
	}
	generation, err := a.Door.Replay(ctx, key, named[0].Generation)
	switch {
	case errors.Is(err, ledger.ErrStale):
		return nil, newProblem(http.StatusConflict, "somebody else was faster: look at the order")
	case err != nil:
		return nil, note.notFound(err)
	}
	record := ledger.Record{State: ledger.Queued, Generation: generation, Lane: named[0].Lane, Uncertain: named[0].Uncertain}
	return &replayOutput{location(key), lookup.View(key, record, nil)}, nil
}

// request reads the body, which may be left out.
func (in *replayInput) request(l limits) (r ReplayRequest, err error) {
	data, err := in.body(replayBytes, l.body)
	if err != nil || len(bytes.TrimSpace(data)) == 0 {
		return r, err
	}
	if err := in.sends(jsonTypes); err != nil {
		return r, err
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if dec.Decode(&r) != nil || r.Generation < 0 || !errors.Is(dec.Decode(&struct{}{}), io.EOF) {
		return r, newProblem(http.StatusBadRequest, `the body is not right: leave it out, or send {"generation": 1}, the number of the generation that failed`)
	}
	return r, nil
}

// replayable reports, as a Problem, why an order is not to be replayed.
func replayable(o ledger.NamedOrder, generation int, uncertain bool) error {
	switch {
	case o.State == "":
		return (&note{}).notFound(lookup.ErrUnknown)
	case !o.Listed:
		return newProblem(http.StatusConflict, "the order is %s, not failed, or was discarded: there is nothing to replay", o.State)
	case generation != 0 && generation != o.Generation:
		return newProblem(http.StatusConflict, "the order is in generation %d: look at it before you replay that one", o.Generation)
	case o.LinkMayExist() && !uncertain:
		return newProblem(http.StatusConflict, "a link that nobody was shown may exist at the gateway: look there first, then replay with uncertain=true")
	}
	return nil
}
