package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
)

// readyWithin is how long the parts may take to answer.
const readyWithin = time.Second

func (a *API) registerHealth(h huma.API) {
	document(h, huma.Operation{
		OperationID: "healthz", Method: http.MethodGet, Path: "/healthz", Security: open,
		Summary: "Whether the process is alive", Responses: answers("Health", Health{OK: true}, map[int]string{http.StatusOK: "It is"}),
	}, nil, func(context.Context, *struct{}) (*healthOutput, error) {
		return &healthOutput{http.StatusOK, Health{OK: true}}, nil
	})
	document(h, huma.Operation{
		OperationID: "readyz", Method: http.MethodGet, Path: "/readyz", Security: open,
		Summary: "Whether all parts of the process work", Responses: answers("Health", Health{OK: true, Parts: map[string]string{"redis": "ready"}}, map[int]string{
			http.StatusOK: "They do", http.StatusServiceUnavailable: "They do not: parts says which",
		}),
	}, nil, a.readyz)
}

// Health is the answer of /healthz and /readyz.
type Health struct {
	OK    bool              `json:"ok"`
	Parts map[string]string `json:"parts,omitempty" doc:"Each part by its name: ready, or not ready"`
}

type healthOutput struct {
	Status int
	Body   Health
}

func (a *API) readyz(ctx context.Context, _ *struct{}) (*healthOutput, error) {
	health, n := Health{OK: true, Parts: map[string]string{}}, noteOf(ctx)
	set := func(name string, err error) {
		health.Parts[name] = "ready"
		if err != nil {
			health.OK, health.Parts[name] = false, "not ready"
			n.err = errors.Join(n.err, fmt.Errorf("%s: %w", name, err))
		}
	}
	set("server", a.stopping.Err())
	errs := a.ask(ctx)
	for i, p := range a.Parts {
		set(p.Name, errs[i])
	}
	if health.OK {
		return &healthOutput{http.StatusOK, health}, nil
	}
	return &healthOutput{http.StatusServiceUnavailable, health}, nil
}

// ask asks all parts at once whether they are ready.
func (a *API) ask(ctx context.Context) []error {
	within, cancel := context.WithTimeout(ctx, readyWithin)
	defer cancel()
	errs := make([]error, len(a.Parts))
	var all sync.WaitGroup
	for i, p := range a.Parts {
		all.Go(func() { errs[i] = p.Ready(within) })
	}
	all.Wait()
	return errs
}
