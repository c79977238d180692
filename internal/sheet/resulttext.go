package sheet

import (
	"bufio"
	"io"
	"strconv"
	"strings"
)

// textResult writes CSV or TSV, with a byte order mark, by which spreadsheet programs
// know UTF-8, and CR LF at the end of rows. encoding/csv would quote too little for us:
// not a cell with a lone CR, which some programs take for the end of the row.
type textResult struct {
	out   *bufio.Writer
	comma string
	quote string // what makes a cell need quotation marks
}

func newTextResult(to io.Writer, format Format, headers []string) (*textResult, error) {
	t := &textResult{out: bufio.NewWriter(to), comma: ","}
	if format == TSV {
		t.comma = "\t"
	}
	t.quote = t.comma + "\"\r\n;\t"
	if _, err := t.out.WriteString("\ufeff"); err != nil {
		return nil, err
	}
	return t, t.row(append(escaped(headers), resultHeaders(resultPrefixCSV)...))
}

func escaped(cells []string) []string {
	all := make([]string, len(cells), len(cells)+len(resultNames))
	for i, c := range cells {
		all[i] = escape(c)
	}
	return all
}

func (t *textResult) write(row Row, o Outcome) error {
	return t.row(append(escaped(row.Cells), escaped([]string{o.State, o.Link, o.LinkID, o.ErrorCode, o.ErrorMessage,
		strconv.Itoa(o.Attempts), strconv.FormatBool(o.Uncertain), o.EmailState})...))
}

func (t *textResult) row(cells []string) error {
	for i, c := range cells {
		if i > 0 {
			_, _ = t.out.WriteString(t.comma)
		}
		if strings.ContainsAny(c, t.quote) || len(cells) == 1 {
			c = `"` + strings.ReplaceAll(c, `"`, `""`) + `"`
		}
		_, _ = t.out.WriteString(c)
	}
	_, err := t.out.WriteString("\r\n") // a bufio.Writer's error stays
	return err
}

func (t *textResult) finish([]SummaryLine) error { return t.out.Flush() }
