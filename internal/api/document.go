package api

import (
	"context"
	"encoding/json"
	"net/http"
	"reflect"
	"strconv"

	"github.com/danielgtaylor/huma/v2"
)

// configuration leaves out what huma serves by itself: its page loads scripts from elsewhere.
func configuration() huma.Config {
	c := huma.Config{
		OpenAPI: &huma.OpenAPI{
			OpenAPI: "3.1.0",
			Info: &huma.Info{
				Title: "hpplink", Version: "1",
				Description: "Orders in, hosted-payment-page links out. Each order gets exactly one link, whatever fails in between.",
				License:     &huma.License{Name: "MIT", Identifier: "MIT"},
			},
			Servers: []*huma.Server{{URL: "/"}},
			Components: &huma.Components{
				Schemas: huma.NewMapRegistry(schemaPrefix, huma.DefaultSchemaNamer),
				SecuritySchemes: map[string]*huma.SecurityScheme{
					"token": {Type: "http", Scheme: "bearer", Description: "One of the tokens that the server was started with, if it was started with any"},
				},
			},
			Security: []map[string][]string{{"token": {}}},
		},
		Formats: huma.DefaultFormats, DefaultFormat: "application/json",
		RejectUnknownQueryParameters: true,
	}
	c.AllowAdditionalPropertiesByDefault = true // clients pass over what they do not know: answers may grow
	return c
}

const schemaPrefix = "#/components/schemas/"

// document registers an operation with all that its document says. The body is documented only afterwards: handlers read it
// themselves, which huma would do for a body that it knows of.
func document[I, O any](h huma.API, op huma.Operation, body *huma.RequestBody, handler func(context.Context, *I) (*O, error)) {
	for _, t := range []any{Problem{}, OrderEvent{}, OrderAnswer{}, LineAnswer{}} {
		h.OpenAPI().Components.Schemas.Schema(reflect.TypeOf(t), true, "")
	}
	huma.Register(h, op, handler)
	if op.Method == http.MethodPost {
		h.OpenAPI().Paths[op.Path].Post.RequestBody = body
	}
	delete(op.Responses, "default") // huma adds one where it finds no errors
	ok, accepted := op.Responses["200"], op.Responses["202"]
	if ok != nil && accepted != nil { // of two that tell of a success huma gives its headers to one
		accepted.Headers = ok.Headers
	}
}

// answers describes an operation's answers: those that tell of a success, with their schema, and the problems.
func answers(schema string, example any, good map[int]string, problems ...int) map[string]*huma.Response {
	all := map[string]*huma.Response{}
	for status, description := range good {
		all[strconv.Itoa(status)] = &huma.Response{Description: description, Content: content("application/json", schema, example)}
	}
	for _, status := range problems {
		all[strconv.Itoa(status)] = problemAnswer(status)
	}
	return all
}

func problemAnswer(status int) *huma.Response {
	p := *exampleProblems[status]
	p.Title, p.Status = http.StatusText(status), status
	r := &huma.Response{Description: p.Title, Content: content(problemType, "Problem", p), Headers: map[string]*huma.Param{}}
	switch status {
	case http.StatusServiceUnavailable:
		r.Headers["Retry-After"] = &huma.Param{Description: "Seconds after which to try again", Schema: &huma.Schema{Type: huma.TypeInteger}}
	case http.StatusUnauthorized:
		r.Headers["WWW-Authenticate"] = &huma.Param{Schema: &huma.Schema{Type: huma.TypeString}}
	}
	return r
}

func content(kind, schema string, example any) map[string]*huma.MediaType {
	return map[string]*huma.MediaType{kind: {Schema: &huma.Schema{Ref: schemaPrefix + schema}, Example: plain(example)}}
}

// plain writes an example as JSON has it: the document in YAML is written from the value itself.
func plain(example any) (v any) {
	b, err := json.Marshal(example)
	if err == nil {
		err = json.Unmarshal(b, &v)
	}
	if err != nil {
		panic(err) // an example of ours that is no JSON
	}
	return v
}

func orderBody() *huma.RequestBody {
	return &huma.RequestBody{Required: true, Description: "One order event, of 64 KiB at most", Content: content(jsonTypes[0], "OrderEvent", exampleOrder)}
}

func replayBody(h huma.API) *huma.RequestBody {
	h.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[ReplayRequest](), true, "")
	return &huma.RequestBody{Description: "May be left out", Content: content(jsonTypes[0], "ReplayRequest", ReplayRequest{Generation: 1})}
}

// serveDocument writes the document once and serves it; huma's own handlers write it at the first request, without a lock.
func (a *API) serveDocument(o *huma.OpenAPI) {
	asJSON, err := json.Marshal(o)
	if err != nil {
		panic(err) // the document of a program that does not compile, so to say: every test would see it
	}
	asYAML, err := o.YAML()
	if err != nil {
		panic(err)
	}
	a.serve("GET /openapi.json", "application/openapi+json", asJSON)
	a.serve("GET /openapi.yaml", "application/openapi+yaml", asYAML)
}

func (a *API) serve(pattern, kind string, data []byte) {
	a.mux.HandleFunc(pattern, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", kind)
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Content-Security-Policy", pagePolicy)
		w.Header().Set("Cache-Control", "no-cache")
		_, _ = w.Write(data) // the client has gone
	})
}
