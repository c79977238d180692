package api

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"
)

// body reads a request's whole body.
func (x *exchange) body(most int64, within time.Duration) ([]byte, error) {
	rc := http.NewResponseController(x.w)
	_ = rc.SetReadDeadline(time.Now().Add(within)) // where it is not supported nothing comes slowly
	data, err := io.ReadAll(http.MaxBytesReader(x.w, x.r.Body, most))
	var large *http.MaxBytesError
	switch {
	case err == nil:
		return data, nil
	case errors.As(err, &large):
		return nil, newProblem(http.StatusRequestEntityTooLarge, "the body has more than %d bytes, which is the most that is taken", most)
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil, newProblem(http.StatusRequestTimeout, "the body did not come within %v: send it again", within).with("Connection", "close")
	}
	return nil, newProblem(http.StatusBadRequest, "the body could not be read to its end: send it again").with("Connection", "close")
}

var (
	jsonTypes  = []string{"application/json"}
	linesTypes = []string{"application/x-ndjson", "application/ndjson", "application/jsonl"}
)

// sends checks that a body is what it should be: text of one of these types, in UTF-8, not compressed. A body that says nothing
// of its type is taken for the first.
func (x *exchange) sends(types []string) error {
	unsupported := func(problem string) error {
		return newProblem(http.StatusUnsupportedMediaType, "%s: send %s with \"Content-Type: %s\"", problem, "it in UTF-8, not compressed,", types[0])
	}
	if e := x.r.Header.Get("Content-Encoding"); e != "" && !strings.EqualFold(e, "identity") {
		return unsupported("the body is compressed")
	}
	given := x.r.Header.Get("Content-Type")
	if given == "" {
		return nil
	}
	kind, params, err := mime.ParseMediaType(given)
	if err != nil || !slices.Contains(types, kind) {
		return unsupported("the body is of another type")
	}
	if c := params["charset"]; c != "" && !strings.EqualFold(c, "utf-8") {
		return unsupported("the body is in another encoding")
	}
	return nil
}
