package api

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/hpplink/hpplink/internal/order"
)

// Problem is the answer to a request that was not done: application/problem+json (RFC 9457).
type Problem struct {
	Title    string       `json:"title" doc:"The status in words"`
	Status   int          `json:"status" doc:"The HTTP status"`
	Detail   string       `json:"detail" doc:"What is wrong with this request, and what to do"`
	Instance string       `json:"instance,omitempty" format:"uri-reference" doc:"The order that it is about"`
	Errors   []FieldError `json:"errors,omitempty" nullable:"false" doc:"Everything that is wrong with the order or the parameters"`
	Fields   []string     `json:"fields,omitempty" nullable:"false" doc:"Of a conflict: the names of the order's fields that differ"`

	header http.Header
}

// FieldError is one thing wrong with a request. Its names are those of order.rejected results.
type FieldError struct {
	Field   string `json:"field" example:"/amount" doc:"A JSON pointer into the order, the name of a parameter, or empty for the whole"`
	Message string `json:"message" doc:"What is wrong, and the remedy"`
}

func newProblem(status int, format string, args ...any) *Problem {
	return &Problem{Title: http.StatusText(status), Status: status, Detail: fmt.Sprintf(format, args...), header: http.Header{}}
}

func (p *Problem) with(header, value string) *Problem {
	p.header.Set(header, value)
	return p
}

// later tells when to try again.
func (p *Problem) later(after time.Duration) *Problem {
	return p.with("Retry-After", strconv.Itoa(int(after/time.Second)))
}

// Error implements error.
func (p *Problem) Error() string { return p.Detail }

// GetStatus implements huma.StatusError.
func (p *Problem) GetStatus() int { return p.Status }

// GetHeaders implements huma.HeadersError.
func (p *Problem) GetHeaders() http.Header { return p.header }

const problemType = "application/problem+json"

// ContentType implements huma.ContentTypeFilter.
func (*Problem) ContentType(string) string { return problemType }

// write answers where no handler of huma's is at work.
func (p *Problem) write(w http.ResponseWriter) {
	for name, values := range p.header {
		w.Header()[name] = values
	}
	w.Header().Set("Content-Type", problemType)
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(p) // the client has gone
}

func fieldErrors(problems []order.Problem) []FieldError {
	all := make([]FieldError, len(problems))
	for i, p := range problems {
		all[i] = FieldError(p)
	}
	return all
}

// huma makes the errors about parameters by itself, and has this variable for their form. Nobody else here uses huma.
func init() {
	huma.NewErrorWithContext = func(_ huma.Context, _ int, _ string, errs ...error) huma.StatusError { return badParameters(errs) }
}

// remedies take the place of words of huma's that name none.
var remedies = map[string]string{
	"invalid boolean":         "invalid value: write true or false",
	"unknown query parameter": "there is no such parameter: leave it out, or look at /docs for those there are",
}

// badParameters never repeats what was sent, as huma's own errors do.
func badParameters(errs []error) *Problem {
	p := newProblem(http.StatusBadRequest, "the request's parameters are not right: see errors")
	for _, err := range errs {
		detail, ok := err.(huma.ErrorDetailer)
		if !ok {
			continue
		}
		d := detail.ErrorDetail()
		_, name, _ := strings.Cut(d.Location, ".") // "query.wait"
		p.Errors = append(p.Errors, FieldError{Field: name, Message: cmp.Or(remedies[d.Message], d.Message)})
	}
	slices.SortStableFunc(p.Errors, func(a, b FieldError) int { return strings.Compare(a.Field, b.Field) })
	return p
}

// noRoute answers in our form what the mux would say itself: 404 or 405.
func noRoute(w http.ResponseWriter, r *http.Request, none http.Handler) {
	said := &verdict{header: http.Header{}}
	none.ServeHTTP(said, r)
	if said.status == http.StatusMethodNotAllowed {
		newProblem(said.status, "this path takes other methods: %s", said.header.Get("Allow")).with("Allow", said.header.Get("Allow")).write(w)
		return
	}
	newProblem(http.StatusNotFound, "there is nothing at this path: /docs lists what there is").write(w)
}

type verdict struct {
	header http.Header
	status int
}

func (v *verdict) Header() http.Header         { return v.header }
func (v *verdict) Write(b []byte) (int, error) { return len(b), nil }
func (v *verdict) WriteHeader(status int)      { v.status = status }
