package demo

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/schollz/progressbar/v3"
)

const (
	drawInterval = 100 * time.Millisecond
	lineInterval = 2 * time.Second
)

// progress shows how far the demo is. Errors of writing are left to the report, which follows.
type progress interface {
	show(pace)
	end(pace)
}

// show draws until it is told to stop.
func (s *scene) show(stop <-chan struct{}) {
	p := newProgress(s.o)
	ticker := time.NewTicker(drawInterval)
	defer ticker.Stop()
	for {
		select {
		case <-stop:
			p.end(s.tally.pace())
			return
		case <-ticker.C:
			p.show(s.tally.pace())
		}
	}
}

func newProgress(o Options) progress {
	if o.Terminal && o.Log == nil {
		return newBar(o)
	}
	return &lines{out: o.Out, total: len(o.events), told: time.Now()}
}

// bar is for people.
type bar struct {
	out io.Writer
	*progressbar.ProgressBar
}

func newBar(o Options) bar {
	theme := progressbar.Theme{Saucer: "█", SaucerPadding: "░", BarStart: " ", BarEnd: " "}
	if o.Color {
		theme.Saucer = "[green]█[reset]"
	}
	return bar{o.Out, progressbar.NewOptions(len(o.events),
		progressbar.OptionSetWriter(o.Out), progressbar.OptionSetTheme(theme), progressbar.OptionEnableColorCodes(o.Color),
		progressbar.OptionUseANSICodes(o.Color),
		progressbar.OptionSetWidth(30), progressbar.OptionShowDescriptionAtLineEnd(), progressbar.OptionSetPredictTime(false),
		progressbar.OptionSetElapsedTime(false), progressbar.OptionSetDescription(""), progressbar.OptionSetRenderBlankState(true))}
}

func (b bar) show(p pace) {
	b.Describe(briefly(p))
	_ = b.Set(p.answered)
}

func (b bar) end(p pace) {
	b.show(p)
	fmt.Fprint(b.out, "\n")
}

// lines are for logs: one for each quarter, and one whenever it has been quiet for a while.
type lines struct {
	out      io.Writer
	total    int
	quarters int // told
	told     time.Time
}

func (l *lines) show(p pace) {
	quarters := 4 * p.answered / l.total
	if quarters > l.quarters || time.Since(l.told) >= lineInterval {
		l.tell(p)
	}
	l.quarters = max(l.quarters, quarters)
}

func (l *lines) end(p pace) { l.tell(p) }

func (l *lines) tell(p pace) {
	l.told = time.Now()
	fmt.Fprintf(l.out, "%5s of %s events answered: %s\n", number(p.answered), number(l.total), briefly(p))
}

func briefly(p pace) string {
	parts := []string{fmt.Sprintf("%s links", number(p.links))}
	if r := p.rate(); r > 0 {
		parts = append(parts, fmt.Sprintf("%.0f/s", r))
	}
	if p.waiting > 0 {
		parts = append(parts, fmt.Sprintf("%s to come", number(p.waiting)))
	}
	return strings.Join(parts, ", ")
}
