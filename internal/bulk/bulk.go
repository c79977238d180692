// Package bulk takes a spreadsheet's orders in as one batch, and writes what became of each beside its row.
//
// It knows rows, batches, and how to go on after a crash: it keeps nothing itself, so that the same file again is the same
// batch, and goes on where it stopped. It does not know spreadsheet programs, what makes an order valid, nor how anything is
// shown to people.
package bulk

import (
	"context"
	"errors"
	"fmt"
	"io"

	"golang.org/x/sync/errgroup"

	"github.com/hpplink/hpplink/internal/intake"
	"github.com/hpplink/hpplink/internal/order"
	"github.com/hpplink/hpplink/internal/partition"
	"github.com/hpplink/hpplink/internal/sheet"
)

// Desk is where files are handed in.
type Desk struct {
	Ledger *partition.Ledger
	Door   *intake.Door
}

// pageRows is how many rows share a round trip. Tests take smaller pages.
var pageRows = 256

// pagesAtOnce is how many pages are worked on at a time.
const pagesAtOnce = 4

// page is some rows of the file, in their order.
type page struct {
	first    int // the index of its first row, from 0
	rows     []sheet.Row
	receipts []intake.Receipt // of each row, once it is worked on
	err      error
	done     chan struct{}
}

// pages has work done with all the rows of a file, several pages at once, and then hands them on in the order of the file.
func pages(ctx context.Context, r *sheet.Reader, work func(context.Context, *page) error, take func(*page) error) error {
	group, ctx := errgroup.WithContext(ctx)
	toDo, inOrder := make(chan *page), make(chan *page, pagesAtOnce)
	group.Go(func() error {
		defer close(toDo)
		defer close(inOrder)
		return readPages(ctx, r, func(p *page) error {
			for _, to := range []chan<- *page{inOrder, toDo} {
				select {
				case to <- p:
				case <-ctx.Done():
					return ctx.Err()
				}
			}
			return nil
		})
	})
	for range pagesAtOnce {
		group.Go(func() error {
			for p := range toDo {
				p.err = work(ctx, p)
				close(p.done)
			}
			return nil
		})
	}
	group.Go(func() error { return inTurn(ctx, inOrder, take) })
	return group.Wait()
}

func readPages(ctx context.Context, r *sheet.Reader, put func(*page) error) error {
	for first := 0; ; first += pageRows {
		p := &page{first: first, rows: make([]sheet.Row, 0, pageRows), done: make(chan struct{})}
		var err error
		for len(p.rows) < pageRows && err == nil {
			var row sheet.Row
			if row, err = r.Next(); err == nil {
				p.rows = append(p.rows, row)
			}
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		if len(p.rows) > 0 {
			if err := put(p); err != nil {
				return err
			}
		}
		if err != nil {
			return nil
		}
	}
}

func inTurn(ctx context.Context, inOrder <-chan *page, take func(*page) error) error {
	for p := range inOrder {
		select {
		case <-p.done:
		case <-ctx.Done():
			return ctx.Err()
		}
		if p.err != nil {
			return p.err
		}
		if err := take(p); err != nil {
			return err
		}
	}
	return nil
}

// try asks of a page's rows what would become of them. tried tells of a row's index whether it was found valid before.
func (d *Desk) try(ctx context.Context, p *page, tried func(index int) bool) error {
	events := make([]intake.Event, len(p.rows))
	for i, row := range p.rows {
		events[i] = intake.Event{JSON: row.Event, Lane: order.Bulk, Tried: tried(p.first + i)}
	}
	p.receipts = d.Door.Try(ctx, events)
	return unanswered(p.receipts)
}

// unanswered returns why Redis said nothing about an order, or nil.
func unanswered(receipts []intake.Receipt) error {
	for _, r := range receipts {
		if r.Status == intake.Unknown {
			return fmt.Errorf("no answer about an order: %w", r.Err)
		}
	}
	return nil
}
