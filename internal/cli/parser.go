package cli

import (
	"io"
	"strings"

	"github.com/alecthomas/kong"
)

// Parser returns the parser of the command line, for who holds what stands in documents and deployments against it. Its commands are
// not to be run.
func Parser() (*kong.Kong, error) {
	var exit int
	return newParser(new(commands), Streams{In: strings.NewReader(""), Out: io.Discard, Err: io.Discard}, &exit)
}
