package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/hpplink/hpplink/internal/config"
	"github.com/hpplink/hpplink/internal/intake"
	"github.com/hpplink/hpplink/internal/ledger"
	"github.com/hpplink/hpplink/internal/order"
	"github.com/hpplink/hpplink/internal/redisconn"
	"github.com/hpplink/hpplink/internal/tracing"
)

type enqueueCommand struct {
	File string `arg:"" default:"-" help:"Orders: one JSON object, many (one a line, or one after the other), or an array of them. '-' is standard input."`

	config.Redis
	config.SettingsFile
	config.Merchant
	Lane    string `default:"interactive" enum:"interactive,bulk" help:"How urgent they are: interactive, or bulk."`
	Reissue bool   `help:"Ask for another link where an order has one already. The earlier link stays as it is at the gateway."`
	JSON    bool   `name:"json" help:"One JSON object a line."`
}

// Help gives examples.
func (enqueueCommand) Help() string {
	return `Examples:
  hpplink enqueue order.json
  hpplink enqueue --lane bulk orders.ndjson
  export-orders | hpplink enqueue --json

Each order gets a line: accepted, known (the same order was there already; with its link, once it
has one), conflict (another order is known under that ref; it is untouched) or rejected (with
everything that is wrong). Sending an order again is always safe.
Exit code 0: all are accepted or known; 1: some are not, or have failed before; 3: Redis was out of
reach, before or on the way: send the file again.`
}

// Run hands orders in.
func (c *enqueueCommand) Run(ctx context.Context, s Streams) error {
	if err := c.Redis.CheckShared(); err != nil {
		return err
	}
	merchants, err := c.SettingsFile.Defaults(c.Merchant)
	if err != nil {
		return err
	}
	in, err := c.open(s)
	if err != nil {
		return config.Errors{err}
	}
	defer in.Close()
	base, err := openBase(ctx, c.Redis, 0, config.Log{}.Logger(s.Err))
	if err != nil {
		return err
	}
	defer base.Close()
	if err := base.Trace(ctx, Version()); err != nil {
		return config.Errors{err}
	}
	base.Count()
	p := receiptPrinter{out: s.Out, json: c.JSON}
	bar, read := newEnqueueProgress(s, in)
	defer bar.end()
	door := roomyDoor{door: base.Door(merchants).Trace(base.Tracer(tracing.Enqueue)), say: s.Err}
	err = eachBatch(read, enqueueAtOnce, func(values [][]byte) error {
		events := make([]intake.Event, len(values))
		for i, v := range values {
			events[i] = intake.Event{JSON: v, Lane: order.Lane(c.Lane), Reissue: c.Reissue}
		}
		receipts := door.submit(ctx, events)
		for _, r := range receipts {
			p.print(r)
		}
		bar.show(p.total, p.counts)
		if err := interrupted(ctx, receipts); err != nil {
			return err
		}
		return noneTaken(receipts)
	})
	return p.end(s.Err, err)
}

// interrupted ends the reading of a long input when somebody wants it to end.
func interrupted(ctx context.Context, receipts []intake.Receipt) error {
	if ctx.Err() == nil {
		return nil
	}
	if n := len(full(receipts)); n > 0 {
		return fmt.Errorf("%s %w, and what follows in the input was not read: send all of it again later. %w", counted(n, "order"), errNotTaken, ctx.Err())
	}
	return ctx.Err()
}

// errNotTaken says that Redis did not take orders which it may take later.
var errNotTaken = errors.New("not taken")

// noneTaken ends the reading of a long input when Redis answered nothing about a whole batch: it would not take the
// next one either.
func noneTaken(receipts []intake.Receipt) error {
	unknown := 0
	var why error
	for _, r := range receipts {
		switch r.Status {
		case intake.Unknown:
			unknown, why = unknown+1, r.Err
		case intake.Rejected: // no question for Redis
		default:
			return nil
		}
	}
	if unknown == 0 {
		return nil
	}
	return fmt.Errorf("%s %w, and what follows in the input was not read: send all of it again. %w", counted(unknown, "order"), errNotTaken, why)
}

// enqueueAtOnce is how many orders share a round trip.
const enqueueAtOnce = 200

func (c *enqueueCommand) open(s Streams) (io.ReadCloser, error) {
	if c.File == "-" {
		return io.NopCloser(s.In), nil
	}
	return os.Open(c.File)
}

// receiptPrinter tells what became of each order.
type receiptPrinter struct {
	out    io.Writer
	json   bool
	counts map[intake.Status]int
	total  int
	failed bool
	away   error // why Redis did not answer about an order
	err    error // of writing
}

func (p *receiptPrinter) print(r intake.Receipt) {
	if p.counts == nil {
		p.counts = map[intake.Status]int{}
	}
	p.total++
	p.counts[r.Status]++
	good := r.Status == intake.Accepted || r.Status == intake.Known && r.Record.State != ledger.Failed
	p.failed = p.failed || !good
	if redisconn.IsAway(r.Err) {
		p.away = r.Err
	}
	if p.json {
		p.err = errors.Join(p.err, writeJSON(p.out, receiptOf(p.total, r)))
		return
	}
	_, err := fmt.Fprintf(p.out, "%-8s  %s  %s%s\n", r.Status, orDash(visible(r.Key.MerchantID)), orDash(visible(r.Key.Ref)), receiptDetail(r))
	p.err = errors.Join(p.err, err)
}

func receiptDetail(r intake.Receipt) string {
	switch {
	case r.Status == intake.Rejected:
		lines := make([]string, len(r.Problems))
		for i, p := range r.Problems {
			lines[i] = "\n          " + visible(strings.TrimPrefix(p.Field+": "+p.Message, ": "))
		}
		return strings.Join(lines, "")
	case r.Status == intake.Conflict && r.Record.State == ledger.Failed:
		return "\n          it has failed, and a link may exist at the gateway, or this is what it was before a correction:" +
			"\n          look there, then send what is right with --reissue"
	case r.Status == intake.Conflict:
		return "\n          differs in " + strings.Join(r.Differs, ", ") + " from the order that is known; that one is untouched"
	case r.Status == intake.Unknown:
		return "\n          send it again: " + r.Err.Error()
	case r.Status == intake.Full:
		return "\n          too many of the merchant's orders are open: send it again later"
	case r.Record.State == ledger.Issued:
		return "  " + r.Record.Link.URL
	case r.Record.State == ledger.Failed:
		return "\n          it has failed: " + r.Record.Code + ": " + r.Record.Message
	case r.Status == intake.Known:
		return "  " + string(r.Record.State)
	}
	return ""
}

// end sums up for people, and turns what was printed into an exit code.
func (p *receiptPrinter) end(w io.Writer, err error) error {
	if !p.json && p.total > 1 {
		fmt.Fprintf(w, "%d orders: %d accepted, %d known, %d in conflict, %d rejected", p.total,
			p.counts[intake.Accepted], p.counts[intake.Known], p.counts[intake.Conflict], p.counts[intake.Rejected])
		if n := p.counts[intake.Unknown] + p.counts[intake.Full]; n > 0 {
			fmt.Fprintf(w, ", %d to be sent again", n)
		}
		fmt.Fprintln(w)
	}
	switch err = errors.Join(err, p.err); {
	case err != nil:
		return err
	case p.total == 0:
		return config.Errors{fmt.Errorf("the input holds no order")}
	case p.away != nil: // on the way, before orders that it did take, or after
		return fmt.Errorf("%s %w: send all again. %w", counted(p.counts[intake.Unknown], "order"), errNotTaken, p.away)
	case p.failed:
		return errFailed
	}
	return nil
}

// receiptJSON is a receipt for machines.
type receiptJSON struct {
	Number     int             `json:"number"` // of the order in the input, from 1
	Status     intake.Status   `json:"status"`
	MerchantID string          `json:"merchant_id"`
	Ref        string          `json:"merchant_txn_ref"`
	Generation int             `json:"generation,omitempty"`
	State      ledger.State    `json:"state,omitempty"`
	URL        string          `json:"url,omitempty"`
	LinkID     string          `json:"link_id,omitempty"`
	Code       string          `json:"code,omitempty"`
	Message    string          `json:"message,omitempty"`
	Fields     []string        `json:"fields,omitempty"`
	Errors     []order.Problem `json:"errors,omitempty"`
}

func receiptOf(number int, r intake.Receipt) receiptJSON {
	j := receiptJSON{
		Number: number, Status: r.Status, MerchantID: r.Key.MerchantID, Ref: r.Key.Ref, Generation: r.Generation,
		State: r.Record.State, URL: r.Record.Link.URL, LinkID: r.Record.Link.ID, Code: r.Record.Code, Message: r.Record.Message,
		Fields: r.Differs, Errors: r.Problems,
	}
	if r.Err != nil {
		j.Message = r.Err.Error()
	}
	return j
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
