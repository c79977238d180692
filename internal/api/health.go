package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
)

// readyWithin is how long a part may take to answer.
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
		Summary: "Whether orders are taken", Responses: answers("Health", Health{OK: true, Parts: map[string]string{"redis": "ready"}}, map[int]string{
			http.StatusOK: "They are", http.StatusServiceUnavailable: "They are not: parts says why",
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
			health.OK, health.Parts[name], n.err = false, "not ready", err
		}
	}
	set("server", a.stopping.Err())
	for _, p := range a.Parts {
		within, cancel := context.WithTimeout(ctx, readyWithin)
		set(p.Name, p.Ready(within))
		cancel()
	}
	if health.OK {
		return &healthOutput{http.StatusOK, health}, nil
	}
	return &healthOutput{http.StatusServiceUnavailable, health}, nil
}
