package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/hpplink/hpplink/internal/results"
)

// readmeOrder is the README's own order event under another ref, in one line.
func readmeOrder(t *testing.T, blocks []block, ref string) string {
	t.Helper()
	if blocks[0].language != "json" {
		t.Fatalf("README.md:%d: the first block is not the order event", blocks[0].line)
	}
	var event map[string]any
	if err := json.Unmarshal([]byte(blocks[0].text), &event); err != nil {
		t.Fatalf("README.md:%d: %v", blocks[0].line, err)
	}
	event["merchant_txn_ref"] = ref
	line, err := json.Marshal(event)
	if err != nil {
		t.Fatal(err)
	}
	return string(line) + "\n"
}

// TestReadmeHandsOrdersIn runs every block of the section, and wants a link for each order that it sends.
func TestReadmeHandsOrdersIn(t *testing.T) {
	t.Parallel()
	r := startReadme(t)
	blocks := readmeBlocks(t, "Handing orders in")
	for _, b := range blocks[1:] {
		t.Run(fmt.Sprintf("line%d-%s", b.line, b.language), func(t *testing.T) {
			if strings.Contains(b.text, ":orders:dead") {
				r.showsDeadLetters(t, b)
				return
			}
			r.sends(t, b, blocks)
		})
	}
}

func (r *readme) sends(t *testing.T, b block, blocks []block) {
	t.Helper()
	one, first, second := fmt.Sprintf("LINE-%d", b.line), fmt.Sprintf("LINE-%d-1", b.line), fmt.Sprintf("LINE-%d-2", b.line)
	r.file(t, "order.json", readmeOrder(t, blocks, one))
	r.file(t, "orders.jsonl", readmeOrder(t, blocks, first)+readmeOrder(t, blocks, second))
	var refs []string
	if strings.Contains(b.text, "order.json") {
		refs = append(refs, one)
	}
	if strings.Contains(b.text, "orders.jsonl") {
		refs = append(refs, first, second)
	}
	if len(refs) == 0 {
		t.Fatalf("README.md:%d: the block sends no order", b.line)
	}
	cmd := r.command(t, b)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("README.md:%d: %v\n%s", b.line, err, out)
	}
	for _, ref := range refs {
		url := r.link(t, ref)
		if strings.Contains(b.text, "wait=") && !bytes.Contains(out, []byte(url)) {
			t.Errorf("README.md:%d does not show the link %s:\n%s", b.line, url, out)
		}
	}
	t.Logf("README.md:%d: a link for %s", b.line, strings.Join(refs, ", "))
}

// link waits for the link of an order, and returns its URL.
func (r *readme) link(t *testing.T, ref string) (url string) {
	t.Helper()
	if err := eventually("the link of "+ref, func() error {
		_, err := r.base.Results.Read(t.Context(), results.Start, func(e results.Event) error {
			if e.Ref == ref {
				d, err := results.Decode[results.Issued](e)
				url = d.URL
				return err
			}
			return nil
		})
		if url == "" {
			err = fmt.Errorf("none: %w", err)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return url
}

func (r *readme) showsDeadLetters(t *testing.T, b block) {
	t.Helper()
	id, err := r.rdb.Do(t.Context(), "XADD", "{hpp}:orders", "*", "order", `{"amuont":1}`, "mine", "kept").Text()
	if err != nil {
		t.Fatal(err)
	}
	if err := eventually("a dead letter", func() error {
		if r.rdb.XLen(t.Context(), r.base.Ledger.Keys().DeadLetters()).Val() == 0 {
			return fmt.Errorf("none")
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	out, err := r.command(t, b).CombinedOutput()
	for _, want := range []string{id, "order.rejected", "amuont", "mine", "kept"} {
		if err != nil || !strings.Contains(string(out), want) {
			t.Errorf("README.md:%d: no %q (%v) in:\n%s", b.line, want, err, out)
		}
	}
}
