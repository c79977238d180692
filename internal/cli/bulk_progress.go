package cli

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/schollz/progressbar/v3"

	"github.com/hpplink/hpplink/internal/bulk"
	"github.com/hpplink/hpplink/internal/ledger"
)

const (
	bulkLines  = 10 * time.Second       // between two lines where there is no terminal
	bulkDraws  = 100 * time.Millisecond // between two drawings of the bar
	reasonTold = time.Minute            // before the same reason is told again
	barWidth   = 16
	barAround  = 12 // what the bar has around it: the percentage, and blanks
)

// bulkProgress shows how far one step of a run is: as a bar on a terminal, as lines anywhere else.
type bulkProgress struct {
	out    io.Writer
	width  int                      // of the terminal; 0 when it is none
	bar    *progressbar.ProgressBar // nil while there is none
	line   bool                     // a line without a bar is drawn
	drawn  time.Time                // or written
	reason string                   // why it waits, as it was told last
	told   time.Time                // when that was
}

func newBulkProgress(s Streams) *bulkProgress {
	return &bulkProgress{out: s.Err, width: terminalWidth(s.Err), drawn: time.Now()}
}

// checked shows how many rows were checked.
func (p *bulkProgress) checked(rows int) {
	p.show(-1, rows, "checked "+countedRows(rows))
}

// sent shows how far the handing in is.
func (p *bulkProgress) sent(s bulk.Sent, rows int) {
	if s.Full != "" {
		p.because(fmt.Sprintf("merchant %s has as many open orders as it may have (max_open): waiting for room", s.Full))
	}
	text := "sent " + number(s.Orders)
	if s.Retried > 0 {
		text += ", retried " + number(s.Retried)
	}
	p.show(rows, s.Rows, text)
}

// standing shows how a batch stands.
func (p *bulkProgress) standing(s bulk.Standing) {
	if s.Why != "" {
		p.because(s.Why)
	}
	p.show(s.Orders, s.Settled(), standingText(s))
	if s.State != ledger.BatchRunning {
		p.end()
	}
}

// standingText puts the counts first, since the end may be cut off.
func standingText(s bulk.Standing) string {
	parts := []string{number(s.Issued) + " issued"}
	if s.Failed > 0 {
		parts = append(parts, number(s.Failed)+" failed")
	}
	if s.Open > 0 {
		parts = append(parts, number(s.Open)+" waiting")
	}
	if s.Rate > 0 {
		parts = append(parts, fmt.Sprintf("%.0f/s", s.Rate))
	}
	if s.Why != "" && !s.NextTry.IsZero() {
		parts = append(parts, "next try "+s.NextTry.Local().Format(time.TimeOnly))
	} else if left := s.Left(); left > 0 {
		parts = append(parts, shortly(left)+" left")
	}
	return strings.Join(parts, ", ")
}

// shortly writes a time as people say it.
func shortly(d time.Duration) string {
	switch {
	case d < 2*time.Minute:
		return fmt.Sprintf("%d s", max(1, int(d.Seconds())))
	case d < 2*time.Hour:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	}
	return fmt.Sprintf("%d h", int(d.Hours()))
}

// because tells why it waits, in a line of its own.
func (p *bulkProgress) because(reason string) {
	if reason == p.reason && time.Since(p.told) < reasonTold {
		return
	}
	p.reason, p.told = reason, time.Now()
	p.clear()
	fmt.Fprintln(p.out, p.cut(time.Now().Format(time.TimeOnly)+" "+reason))
}

func (p *bulkProgress) cut(text string) string {
	if p.width == 0 {
		return text
	}
	return cutTo(text, p.width-1)
}

// show draws, or writes a line if it is time for one. total is -1 when nobody knows.
func (p *bulkProgress) show(total, done int, text string) {
	if p.width == 0 {
		if time.Since(p.drawn) >= bulkLines {
			p.drawn = time.Now()
			fmt.Fprintln(p.out, p.drawn.Format(time.TimeOnly)+" "+text)
		}
		return
	}
	if time.Since(p.drawn) < bulkDraws {
		return
	}
	p.drawn = time.Now()
	if total <= 0 {
		p.line = true
		fmt.Fprint(p.out, clearLine+p.cut(text))
		return
	}
	if p.bar == nil {
		p.bar = newBulkBar(p.out, total)
	} else if p.bar.GetMax() != total {
		p.bar.ChangeMax(total) // the batch grew
	}
	p.bar.Describe(cutTo(text, max(leastCut, p.width-barWidth-barAround)))
	_ = p.bar.Set(done)
}

func newBulkBar(out io.Writer, total int) *progressbar.ProgressBar {
	return progressbar.NewOptions(total, progressbar.OptionSetWriter(out), progressbar.OptionSetWidth(barWidth),
		progressbar.OptionSetTheme(progressbar.Theme{Saucer: "█", SaucerPadding: "░", BarStart: " ", BarEnd: " "}),
		progressbar.OptionShowDescriptionAtLineEnd(), progressbar.OptionSetPredictTime(false), progressbar.OptionSetElapsedTime(false),
		progressbar.OptionSetDescription(""), progressbar.OptionUseANSICodes(true))
}

// end takes the bar away: what it showed is summed up behind it.
func (p *bulkProgress) end() {
	p.clear()
	p.bar = nil
}

// clearLine goes to the line's beginning and takes away what stands there.
const clearLine = "\r\x1b[K"

func (p *bulkProgress) clear() {
	if p.bar != nil || p.line {
		fmt.Fprint(p.out, clearLine)
	}
	p.line = false
}
