package cli

import (
	"io"
	"os"
	"strings"

	"github.com/rivo/uniseg"
	"golang.org/x/term"
)

// leastCut is how much is left of a row's last cell at least, however narrow the terminal.
const leastCut = 16

// table prints rows for people as they come, in columns that only ever get wider: it holds
// nothing of what it printed.
type table struct {
	out     io.Writer
	cut     int // the last cell of a row is cut so that the row has this width; 0 to cut nothing
	columns []int
	begun   bool
}

// print prints more rows, and the header before the first.
func (t *table) print(header []string, rows [][]string) error {
	if len(rows) == 0 {
		return nil
	}
	if !t.begun {
		t.begun, t.columns = true, make([]int, len(header)-1)
		rows = append([][]string{header}, rows...)
	}
	for _, row := range rows {
		for i := range row {
			row[i] = visible(row[i])
		}
		for i := range t.columns {
			t.columns[i] = max(t.columns[i], uniseg.StringWidth(row[i]))
		}
	}
	var b strings.Builder
	for _, row := range rows {
		t.row(&b, row)
	}
	_, err := io.WriteString(t.out, b.String())
	return err
}

func (t *table) row(b *strings.Builder, row []string) {
	used := 0
	for i, width := range t.columns {
		b.WriteString(row[i])
		b.WriteString(strings.Repeat(" ", width-uniseg.StringWidth(row[i])+2))
		used += width + 2
	}
	last := row[len(t.columns)]
	if t.cut > 0 {
		last = cutTo(last, max(t.cut-used, leastCut))
	}
	b.WriteString(last)
	b.WriteByte('\n')
}

// cutTo cuts a text to a width in terminal cells: a Japanese character takes two.
func cutTo(s string, width int) string {
	if uniseg.StringWidth(s) <= width {
		return s
	}
	end, used := 0, 1
	for g := uniseg.NewGraphemes(s); g.Next(); {
		if used += g.Width(); used > width {
			break
		}
		_, end = g.Positions()
	}
	return s[:end] + "…"
}

// terminalWidth is the width of the terminal that w is, in cells; 0 when it is none.
func terminalWidth(w io.Writer) int {
	f, ok := w.(*os.File)
	if !ok {
		return 0
	}
	width, _, err := term.GetSize(int(f.Fd()))
	if err != nil {
		return 0
	}
	return width
}
