package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"

	"github.com/hpplink/hpplink/internal/bulk"
	"github.com/hpplink/hpplink/internal/config"
	"github.com/hpplink/hpplink/internal/sheet"
	"github.com/hpplink/hpplink/internal/tracing"
)

type bulkCommand struct {
	Send    bulkSendCommand    `cmd:"" default:"withargs" help:"Hand a file's orders in, and write their links beside them; 'send' may be left out."`
	Status  bulkStatusCommand  `cmd:"" help:"Show how a batch stands, or list the latest batches."`
	Wait    bulkWaitCommand    `cmd:"" help:"Wait until a batch has ended."`
	Cancel  bulkCancelCommand  `cmd:"" help:"Give up those orders of a batch that were not sent yet."`
	Results bulkResultsCommand `cmd:"" help:"Write how the orders of a batch stand, at any time."`
}

// Help says how to see the flags: the parser shows those of commands, and the one that hands a file in need not be named.
func (bulkCommand) Help() string {
	return `Examples:
  hpplink bulk invoices.csv
  hpplink bulk status

'hpplink bulk send --help' lists the flags that go with a file.`
}

// bulkFile says which file it is, and how it is to be read.
type bulkFile struct {
	Map         []string `sep:"none" placeholder:"FIELD=HEADER" help:"Which column is which field, such as merchant_txn_ref=\"Order ID\". May be repeated."`
	Mapping     string   `placeholder:"FILE" help:"File (YAML) with a field and its header a line; 'ignore: [HEADER, …]' names columns that are no part of the order."`
	SaveMapping string   `placeholder:"FILE" help:"Write there which column was taken for which field."`
	Encoding    string   `placeholder:"NAME" help:"Encoding of a text file, such as shift_jis or windows-1252. Default: found out."`
	Sheet       string   `placeholder:"NAME" help:"Sheet of a workbook. Default: the first one."`
}

type bulkSendCommand struct {
	File string `arg:"" help:"Spreadsheet with a header row and an order a row: .csv, .tsv, .xlsx, or .jsonl. '-' is standard input."`

	config.Redis
	config.SettingsFile
	config.Merchant
	bulkFile
	Output      string `placeholder:"FILE" help:"Where the result goes. Default: beside the input, as NAME.result.EXT."`
	DryRun      bool   `help:"Only check the file and say what would be done."`
	SkipInvalid bool   `help:"Hand in the good rows although others are not."`
	RetryFailed bool   `help:"Also try the file's failed and cancelled orders again, but for those after which a link may exist."`
	Uncertain   bool   `help:"With --retry-failed: those as well. Look at the gateway first."`
	Detach      bool   `help:"Return once all is handed in, without waiting for the links."`
	Yes         bool   `short:"y" help:"Do not ask before sending."`
	JSON        bool   `name:"json" help:"One JSON object a line: the plan, then the result."`
}

// Help gives examples.
func (bulkSendCommand) Help() string {
	return `Examples:
  hpplink bulk invoices.csv
  hpplink bulk invoices.xlsx --dry-run
  hpplink bulk orders.csv --map merchant_txn_ref="Order ID" --map amount=Total
  hpplink bulk invoices.csv --retry-failed
  export-invoices | hpplink bulk - --output links.csv --yes

Every row is checked before anything is sent. Then the orders go in as one batch, and the result is
written: the input's rows and columns, each with its link or what is wrong with it. The same file
again, after a crash too, is the same batch and goes on where it stopped: nothing is sent twice.
Ctrl-C stops it, with what is known by then in the result; what is handed in is worked on.
Exit code 0: every row has its link (with --dry-run: every row is good; with --detach: all are
handed in); 1: some failed, were refused, or have none yet: the result says which; 2: nothing was
sent because of the input or the settings; 3: Redis is out of reach: run it again.`
}

// The command keeps some 50 bytes of a row. The rest is garbage soon, which is let pile up a little, since collecting takes
// time, but not so that other programs of a desktop would miss the room.
const (
	bulkGCPercent   = 400
	bulkMemoryLimit = 100 << 20 // for as many rows as follow
	bulkMemoryRows  = 1 << 20
	bulkMemoryOfRow = 64 // bytes for each row more
)

// makeRoom lets longer files have more memory. It stops the process for a moment, so it acts once in a while only.
func makeRoom(rows int) {
	if more := rows - bulkMemoryRows; more > 0 && more%bulkMemoryRows < 1000 {
		debug.SetMemoryLimit(bulkMemoryLimit + bulkMemoryOfRow*int64(more+bulkMemoryRows))
	}
}

// Run hands a file in.
func (c *bulkSendCommand) Run(ctx context.Context, s Streams) error {
	debug.SetGCPercent(bulkGCPercent)
	debug.SetMemoryLimit(bulkMemoryLimit)
	options, err := c.options()
	if err := errors.Join(c.check(), err); err != nil {
		return config.Errors{err}
	}
	merchants, err := c.SettingsFile.Defaults(c.Merchant)
	if err != nil {
		return err
	}
	in, drop, err := c.input(s)
	if err != nil {
		return config.Errors{err}
	}
	defer drop()
	in.Options = options
	base, err := openBase(ctx, c.Redis, 0, config.Log{}.Logger(s.Err))
	if err != nil {
		return err
	}
	defer base.Close()
	if err := base.Trace(ctx, Version()); err != nil {
		return config.Errors{err}
	}
	base.Count()
	r := &bulkRun{bulkSendCommand: c, streams: s, in: in, desk: &bulk.Desk{Ledger: base.Ledger, Door: base.Door(merchants).Trace(base.Tracer(tracing.Bulk))}}
	return r.run(ctx)
}

func (c *bulkSendCommand) check() error {
	var errs config.Errors
	if err := c.Redis.CheckShared(); err != nil {
		errs = append(errs, err)
	}
	if c.File == "-" && c.Output == "" && !c.DryRun && !c.Detach {
		errs = append(errs, errors.New("--output: standard input has no place beside it: say where the result goes"))
	}
	if c.Uncertain && !c.RetryFailed {
		errs = append(errs, errors.New("--uncertain: it goes with --retry-failed"))
	}
	if _, ok := sheet.FormatOf(c.Output); c.Output != "" && !ok {
		errs = append(errs, fmt.Errorf("--output: %s: take a name that ends with .csv, .tsv, .xlsx or .jsonl", c.Output))
	}
	if same(c.Output, c.File) {
		errs = append(errs, errors.New("--output: it is the input: choose another file"))
	}
	if len(errs) > 0 {
		return errs
	}
	return nil
}

func same(a, b string) bool {
	left, err := os.Stat(a)
	if err != nil {
		return false
	}
	right, err := os.Stat(b)
	return err == nil && os.SameFile(left, right)
}

// input makes standard input a file, since it is read more than once.
func (c *bulkSendCommand) input(s Streams) (in *bulk.Input, drop func() error, err error) {
	if c.File != "-" {
		return &bulk.Input{Path: c.File}, func() error { return nil }, nil
	}
	path, drop, err := sheet.Spool(s.In)
	if err != nil {
		return nil, nil, fmt.Errorf("standard input: %w", err)
	}
	return &bulk.Input{Path: path, Name: "stdin"}, drop, nil
}

// options joins what the flags say of the file.
func (c *bulkFile) options() (sheet.Options, error) {
	o := sheet.Options{Encoding: c.Encoding, Sheet: c.Sheet}
	if c.Mapping != "" {
		m, err := sheet.LoadMapping(c.Mapping)
		if err != nil {
			return o, fmt.Errorf("--mapping: %w", err)
		}
		o.Mapping = m
	}
	if o.Mapping.Fields == nil {
		o.Mapping.Fields = map[string]string{}
	}
	for _, m := range c.Map {
		field, header, found := strings.Cut(m, "=")
		if !found || field == "" || header == "" {
			return o, fmt.Errorf("--map: %q is not FIELD=HEADER, as in merchant_txn_ref=\"Order ID\"", m)
		}
		o.Mapping.Fields[field] = header
	}
	return o, nil
}

// outputs are where the result and the list of problems go.
func (r *bulkRun) outputs() (result string, format sheet.Format, problems string) {
	result, format = r.Output, r.plan.Info.Format
	if result == "" {
		result = r.plan.ResultPath(r.File)
	}
	if f, ok := sheet.FormatOf(result); ok {
		format = f
	}
	return result, format, problemsPath(r.File, r.Output)
}

// problemsPath is beside the input, or, since standard input is nowhere, beside the output; "" if there is none either.
func problemsPath(file, output string) string {
	if file == "-" {
		file = output
	}
	if file == "" {
		return ""
	}
	return strings.TrimSuffix(file, filepath.Ext(file)) + ".problems.csv"
}
