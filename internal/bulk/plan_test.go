package bulk_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hpplink/hpplink/internal/bulk"
	"github.com/hpplink/hpplink/internal/ledger"
	"github.com/hpplink/hpplink/internal/redistest"
)

func TestPlanSortsRows(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		before := b.file(t, "before.csv", "ref,amount,currency", "open,1,JPY", "issued,2,JPY", "failed,3,JPY", "doubtful,4,JPY", "other,5,JPY")
		b.send(t, before, bulk.Retry{})
		b.issue(t, "issued")
		b.fail(t, "failed", ledger.Failure{Code: "rejected"})
		b.fail(t, "doubtful", ledger.Failure{Code: ledger.CodePossiblyIssued})

		var found []string
		in := b.file(t, "invoices.csv", "ref,amount,currency,note",
			"open,1,JPY,", "issued,2,JPY,", "failed,3,JPY,", "doubtful,4,JPY,", "other,6,JPY,", // 2 to 6
			"new,1250000,JPY,a", "new,1250000,JPY,the same", "fils,12.5,KWD,", "fils2,0.001,KWD,", // 7 to 10
			"twice,7,JPY,", "twice,8,JPY,", "twice,8,JPY,", // 11 to 13
			"bad,-1,YEN,", ",1,JPY,") // 14 and 15
		p, err := b.Plan(ctx, in, bulk.Watch{Finding: func(f bulk.Finding) error {
			found = append(found, fmt.Sprint(f.Row, " ", f.Kind, " ", f.Column))
			return nil
		}})
		if err != nil {
			t.Fatal(err)
		}
		got := []int{p.Rows, p.Valid(), p.Fresh, p.Open, p.Issued, p.Failed, p.Doubtful, p.Conflicts, p.Repeated, p.Clashes, p.Invalid}
		if want := []int{14, 9, 3, 1, 1, 1, 1, 1, 1, 3, 2}; !slices.Equal(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
		want := []string{"6 conflict ", "12 conflict_in_file ref", "11 conflict_in_file ref",
			"13 conflict_in_file ref", "14 invalid amount", "14 invalid currency", "15 invalid ref"}
		if diff := cmp.Diff(want, found); diff != "" {
			t.Error(diff)
		}
		if s := fmt.Sprint(p.Totals); s != "[¥1,250,010 KWD 12.501]" {
			t.Error(s)
		}
		if !slices.Equal(p.Unsent(), []string{"note"}) || !strings.HasPrefix(p.Batch, "invoices-") {
			t.Errorf("%q %s", p.Unsent(), p.Batch)
		}
		if n := b.rdb.Exists(ctx, b.Ledger.Keys().BatchOrders(p.Batch)).Val(); n != 0 {
			t.Error("a plan began the batch")
		}
	})
}

func TestProblemsAreToldOnceAndAllAtOnce(t *testing.T) {
	b := newBench(t, redistest.Mini(t).Addr())
	p := b.plan(t, b.file(t, "x.csv", "ref,amount,currency,country", "1.23E+12,x,JPY,Japan", "A-1,,JPY,JP", "A-2,1,JPY"))
	var got []string
	for _, f := range p.Problems {
		got = append(got, fmt.Sprintf("%d %s", f.Row, f.Column))
	}
	if want := []string{"2 ref", "2 amount", "2 country", "3 amount"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q: %v", got, want, p.Problems)
	}
}

func TestSameFileIsTheSameBatch(t *testing.T) {
	b := newBench(t, redistest.Mini(t).Addr())
	header := "ref,amount,currency"
	one := b.plan(t, b.file(t, "march 2026.csv", header, "A,1,JPY", "B,2,JPY")).Batch
	for name, test := range map[string]struct {
		file  []string
		same  bool
		named string
	}{
		"other amount":   {[]string{header, "A,1,JPY", "B,3,JPY"}, true, "march 2026.csv"},
		"a bad amount":   {[]string{header, "A,1,JPY", "B,x,JPY"}, true, "march 2026.csv"},
		"its result":     {[]string{header, "A,1,JPY", "B,2,JPY"}, true, "march 2026.result.csv"},
		"other order":    {[]string{header, "B,2,JPY", "A,1,JPY"}, false, "march 2026.csv"},
		"one row more":   {[]string{header, "A,1,JPY", "B,2,JPY", "C,2,JPY"}, false, "march 2026.csv"},
		"another name":   {[]string{header, "A,1,JPY", "B,2,JPY"}, false, "april 2026.csv"},
		"name of no use": {[]string{header, "A,1,JPY", "B,2,JPY"}, false, "請求書.csv"},
	} {
		t.Run(name, func(t *testing.T) {
			got := b.plan(t, b.file(t, test.named, test.file...)).Batch
			if (got == one) != test.same || strings.ContainsAny(got, " /:{}") || got == "" {
				t.Errorf("%s, and it was %s", got, one)
			}
		})
	}
	if !strings.HasPrefix(one, "march-2026-") {
		t.Error(one)
	}
}

func TestTotalsAsPeopleReadThem(t *testing.T) {
	for _, test := range []struct {
		total bulk.Total
		want  string
	}{
		{bulk.Total{Currency: "JPY", Amount: "1250000"}, "¥1,250,000"},
		{bulk.Total{Currency: "KWD", Amount: "12.500"}, "KWD 12.500"},
		{bulk.Total{Currency: "EUR", Amount: "999.90"}, "€999.90"},
		{bulk.Total{Currency: "USD", Amount: "12345678901234567890.12"}, "$12,345,678,901,234,567,890.12"},
	} {
		if got := test.total.String(); strings.ReplaceAll(got, "\u00a0", " ") != test.want {
			t.Errorf("got %q, want %q", got, test.want)
		}
	}
}

func TestSumsAreExact(t *testing.T) {
	b := newBench(t, redistest.Mini(t).Addr())
	lines := []string{"ref,amount,currency"}
	for i := range 1000 {
		lines = append(lines, fmt.Sprintf("A%d,99999999.99,EUR", i), fmt.Sprintf("B%d,0.1,EUR", i))
	}
	p := b.plan(t, b.file(t, "x.csv", lines...))
	if p.Totals[0].Amount != "100000000090.00" || p.Totals[0].Orders != 2000 {
		t.Errorf("%+v", p.Totals)
	}
}

func TestFileThatChanges(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		in := b.file(t, "x.csv", rows(3)...)
		p := b.plan(t, in)
		b.file(t, "x.csv", rows(4)...)
		if _, err := b.Send(ctx, in, p, bulk.Retry{}, nil); err != bulk.ErrChanged {
			t.Error(err)
		}
		if n := b.rdb.HLen(ctx, b.Ledger.Keys().OpenOrders()).Val(); n != 0 {
			t.Error("something was sent")
		}
	})
}
