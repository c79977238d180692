package sheet

import (
	"bufio"
	"io"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
)

// lineResult writes a JSON object a line: the row's number, its order event, its cells by
// header as [header, cell] pairs, since headers may repeat, and under "hpplink" the outcome.
type lineResult struct {
	out     *bufio.Writer
	headers []string
}

func newLineResult(to io.Writer, headers []string) *lineResult {
	return &lineResult{bufio.NewWriter(to), headers}
}

func (l *lineResult) write(row Row, o Outcome) error {
	line := append([]byte(`{"row":`), strconv.Itoa(row.Number)...)
	if row.Event != nil && len(row.Problems) == 0 { // without the refused cells it would be another order
		line = append(append(line, `,"order":`...), row.Event...)
	}
	line = append(line, `,"cells":[`...)
	for i, c := range row.Cells {
		if i > 0 {
			line = append(line, ',')
		}
		line = append(append(line, '['), quote(l.headers[i])...)
		line = append(append(append(line, ','), quote(c)...), ']')
	}
	line = append(append(line, `],"hpplink":`...), outcome(o)...)
	_, err := l.out.Write(append(line, "}\n"...))
	return err
}

func outcome(o Outcome) jsontext.Value {
	values := []jsontext.Value{quote(o.State), quote(o.Link), quote(o.LinkID), quote(o.ErrorCode), quote(o.ErrorMessage),
		jsontext.Value(strconv.Itoa(o.Attempts)), jsontext.Value(strconv.FormatBool(o.Uncertain)), quote(o.EmailState)}
	v := jsontext.Value("{")
	for i, name := range resultNames {
		if i > 0 {
			v = append(v, ',')
		}
		v = append(append(append(v, quote(name)...), ':'), values[i]...)
	}
	return append(v, '}')
}

func (l *lineResult) finish([]SummaryLine) error { return l.out.Flush() }
