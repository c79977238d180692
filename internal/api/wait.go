package api

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/hpplink/hpplink/internal/lookup"
	"github.com/hpplink/hpplink/internal/order"
)

// Wait is how long an answer may take, for the link to be there.
type Wait struct{ time.Duration }

// UnmarshalText reads "20s".
func (w *Wait) UnmarshalText(text []byte) (err error) {
	w.Duration, err = time.ParseDuration(string(text))
	if err != nil || w.Duration < 0 || w.Duration > defaultLimits.longest {
		return fmt.Errorf("write a time like 20s, up to %v", defaultLimits.longest)
	}
	return nil
}

// Schema implements huma.SchemaProvider.
func (Wait) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeString, Examples: []any{"20s"}}
}

// await returns the order as soon as it has its link or has failed, and as it stands when the time is over, the client has gone or
// the server is to stop.
func (a *API) await(x *exchange, key order.Key, wait time.Duration) (lookup.OrderView, error) {
	// The read deadline would end the wait: to notice a client that goes, net/http reads on.
	_ = http.NewResponseController(x.w).SetReadDeadline(time.Time{})
	waiting, cancel := context.WithTimeout(x.r.Context(), wait)
	defer cancel()
	defer context.AfterFunc(a.stopping, cancel)()
	beginning, begun := context.WithTimeout(waiting, a.limits.redis)
	defer begun()
	watch, err := a.Hub.Watch(beginning, key)
	if err != nil { // it took too long; the ledger may still answer
		return a.look(x.r.Context(), key)
	}
	defer watch.Close()
	view, err := a.look(x.r.Context(), key)
	for err == nil && !view.IsSettled() {
		select {
		case e := <-watch.Events():
			next, ok := view.After(e)
			if !ok { // of an earlier generation, as a rule
				next, err = a.look(x.r.Context(), key)
			}
			view = next
		case <-waiting.Done():
			return view, nil
		}
	}
	return view, err
}

func (a *API) look(ctx context.Context, key order.Key) (lookup.OrderView, error) {
	ctx, cancel := context.WithTimeout(ctx, a.limits.redis)
	defer cancel()
	return lookup.Order(ctx, a.Ledger, key)
}
