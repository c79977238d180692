package cli

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"github.com/hpplink/hpplink/internal/config"
	"github.com/hpplink/hpplink/internal/ledger"
	"github.com/hpplink/hpplink/internal/order"
)

// failedName is an order that was named.
type failedName struct {
	key        order.Key
	generation int // the one that is meant, or 0 for whichever failed
}

// names returns the orders that were named by ref or in the file, each once.
func (c *failedChoice) names(stdin io.Reader) ([]failedName, error) {
	var names []failedName
	for _, ref := range c.Refs {
		names = append(names, failedName{key: order.Key{MerchantID: c.merchant(), Ref: ref}})
	}
	if c.File != "" {
		in, err := openInput(c.File, stdin)
		if err != nil {
			return nil, config.Errors{err}
		}
		defer in.Close()
		if names, err = readNames(in, c.merchant()); err != nil {
			return nil, config.Errors{fmt.Errorf("--file %s: %w", c.File, err)}
		}
	}
	seen := map[order.Key]bool{}
	return slices.DeleteFunc(names, func(n failedName) bool {
		again := seen[n.key]
		seen[n.key] = true
		return again
	}), nil
}

func openInput(file string, in io.Reader) (io.ReadCloser, error) {
	if file == "-" {
		return io.NopCloser(in), nil
	}
	return os.Open(file)
}

// readNames reads the whole file before anything is done, so that a broken line changes nothing.
func readNames(in io.Reader, merchantID string) ([]failedName, error) {
	var names []failedName
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, order.MaxBytes)
	for number := 1; lines.Scan(); number++ {
		line := bytes.TrimSpace(bytes.TrimPrefix(lines.Bytes(), []byte("\ufeff")))
		if len(line) == 0 {
			continue
		}
		name, err := readName(line, merchantID)
		if err != nil {
			return nil, fmt.Errorf("line %d %w", number, err)
		}
		names = append(names, name)
	}
	if err := lines.Err(); errors.Is(err, bufio.ErrTooLong) {
		return nil, fmt.Errorf("a line has more than %d bytes: it names no order", order.MaxBytes)
	} else if err != nil {
		return nil, err
	}
	if len(names) == 0 {
		return nil, errors.New("it names no order")
	}
	return names, nil
}

func readName(line []byte, merchantID string) (failedName, error) {
	n := struct {
		MerchantID string `json:"merchant_id"`
		Ref        string `json:"merchant_txn_ref"`
		Generation int    `json:"generation"`
	}{MerchantID: merchantID, Ref: string(line)}
	if line[0] == '{' {
		n.Ref = ""
		if err := json.Unmarshal(line, &n); err != nil {
			return failedName{}, errors.New("is not the JSON of one order")
		}
	}
	switch {
	case n.Ref == "":
		return failedName{}, errors.New("has no merchant_txn_ref")
	case n.MerchantID == "":
		return failedName{}, errors.New("names no merchant: set --merchant-id / HPPLINK_MERCHANT_ID")
	}
	return failedName{order.Key{MerchantID: n.MerchantID, Ref: n.Ref}, n.Generation}, nil
}

// candidate is an order that was named, or that the filters chose.
type candidate struct {
	ledger.FailedOrder
	gone string // why nothing can be done with it; "" when something can
}

// eachNamed calls page with the orders that were named, as they stand.
func eachNamed(ctx context.Context, l ledger.FailedList, names []failedName, cutoff time.Time, page func(context.Context, []candidate) error) error {
	for chunk := range slices.Chunk(names, failedPage) {
		all, err := lookUp(ctx, l, chunk, cutoff)
		if err == nil {
			err = page(ctx, all)
		}
		if errors.Is(err, errEnough) {
			return nil
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func lookUp(ctx context.Context, l ledger.FailedList, names []failedName, cutoff time.Time) ([]candidate, error) {
	keys := make([]order.Key, len(names))
	for i, n := range names {
		keys[i] = n.key
	}
	orders, err := l.Named(ctx, keys)
	if err != nil {
		return nil, err
	}
	all := make([]candidate, len(orders))
	for i, o := range orders {
		all[i] = candidate{o.FailedOrder, whyGone(o, names[i].generation, cutoff)}
	}
	return all, nil
}

func whyGone(o ledger.NamedOrder, generation int, cutoff time.Time) string {
	switch {
	case o.State == "":
		return "no such order is known here"
	case o.State == ledger.Failed && !o.Listed:
		return "it was discarded"
	case o.Email == ledger.MailDiscarded:
		return "it was discarded"
	case !o.Listed && o.Email != ledger.NoMail:
		return "its email has not failed: it is " + string(o.Email)
	case !o.Listed:
		return "it has not failed: it is " + string(o.State)
	case generation != 0 && generation != o.Generation:
		return fmt.Sprintf("generation %d was meant, and generation %d has failed since", generation, o.Generation)
	case !o.FailedAt.Before(cutoff):
		return "it has failed again since this began"
	}
	return ""
}
