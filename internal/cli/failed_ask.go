package cli

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"
)

// canAsk reports whether a person at a terminal can answer.
func (c *failedChoice) canAsk(s Streams) bool { return c.File != "-" && s.canAsk() }

func (s Streams) canAsk() bool {
	in, ok := s.In.(*os.File)
	return ok && term.IsTerminal(int(in.Fd()))
}

// confirmed counts the orders that were chosen and asks whether to go on, where there is somebody
// to ask: about more than one order, or whenever the step is one that can not be undone.
func (r *failedRun) confirmed(ctx context.Context) (bool, error) {
	if r.Yes || r.DryRun || !r.canAsk(r.streams) {
		return true, nil
	}
	n := 0
	err := r.each(ctx, func(_ context.Context, page []candidate) error {
		for _, o := range page {
			if r.outcome(o).Status == outcomeChosen {
				n++
			}
		}
		return nil
	})
	if r.Limit > 0 {
		n = min(n, r.Limit)
	}
	if err != nil || n == 0 || n == 1 && !r.asksAlways {
		return true, err
	}
	return r.ask(ctx, fmt.Sprintf("%s %s? [y/N] ", r.verb, counted(n, r.noun())))
}

func (r *failedRun) ask(ctx context.Context, question string) (bool, error) {
	return r.streams.ask(ctx, question)
}

// ask asks a person at a terminal for a yes.
func (s Streams) ask(ctx context.Context, question string) (bool, error) {
	fmt.Fprint(s.Err, question)
	answer := make(chan string, 1)
	go func() { answer <- readLine(s.In) }() // it can not be interrupted, and ends with the process
	select {
	case <-ctx.Done():
		fmt.Fprintln(s.Err)
		return false, ctx.Err()
	case a := <-answer:
		return a == "y" || a == "yes", nil
	}
}

func readLine(in io.Reader) string {
	line, _ := bufio.NewReader(in).ReadString('\n')
	return strings.ToLower(strings.TrimSpace(line))
}
