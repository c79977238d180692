package pages_test

import (
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/hpplink/hpplink/internal/ledger"
	"github.com/hpplink/hpplink/internal/order"
)

func (b *bench) batchOf(id string, n int) {
	b.t.Helper()
	if _, err := b.ledger.OpenBatch(ctx, id, "invoices <1>.csv", false); err != nil {
		b.t.Fatal(err)
	}
	for i := range n {
		k := key(fmt.Sprintf("row-%03d", i))
		s := ledger.Submission{Key: k, Lane: order.Bulk, Fingerprint: order.Fingerprint{Sum: "1:x", Fields: "acEUR"}, Order: payload(k), Batch: id}
		if _, err := b.ledger.Accept(ctx, s); err != nil {
			b.t.Fatal(err)
		}
	}
}

func TestBatches(t *testing.T) {
	each(t, func(b *bench) {
		b.alive()
		b.get("/orders/batches").want(http.StatusOK).says("There are none yet.")
		b.batchOf("invoices-3f9a1c77", 130)
		for i := range 4 {
			b.failOpen(key(fmt.Sprintf("row-%03d", 10*i)), refused)
		}
		b.issue(key("row-001"), usualLink)
		b.release(key("row-002"), ledger.Return{Why: "unavailable (http_503): later", After: time.Hour, Asked: true})
		b.fresh("/orders").says("Batches that run", "invoices-3f9a1c77", "not all in yet", "3%")
		if err := b.ledger.SealBatch(ctx, "invoices-3f9a1c77", 1, 2); err != nil {
			b.t.Fatal(err)
		}
		list := b.get("/orders/batches")
		if row := rowsOf(list.body)["invoices-3f9a1c77"]; row["State"] != "running" || row["Orders"] != "130" || row["Wait"] != "125" || row["Failed"] != "4" || row["Links"] != "1" {
			b.t.Errorf("%v", row)
		}
		page := b.get(list.link("invoices-3f9a1c77")).want(http.StatusOK)
		page.says("invoices <1>.csv", "Refused 2", "Waiting: the gateway answers 503; the next try is at", "All 130", "Failed 4").saysNot(private)
		if refs := refsOn(page); len(refs) != 100 || refs[0] != "row-000" {
			b.t.Errorf("%d rows from %s", len(refs), refs[0])
		}
		if refs := refsOn(b.get(page.link("Next page"))); len(refs) != 30 || refs[29] != "row-129" {
			b.t.Errorf("%v", refs)
		}
		if refs := refsOn(b.get(page.link("Failed 4"))); !slices.Equal(refs, []string{"row-000", "row-010", "row-020", "row-030"}) {
			b.t.Errorf("%v", refs)
		}
		b.get(orderPath(key("row-000"))).says("Batch invoices-3f9a1c77")
		b.get("/orders/batches/nobody").want(http.StatusNotFound).says("No batch “nobody” is known")
		b.get("/orders/batches/invoices-3f9a1c77?from=99999&state=nonsense").want(http.StatusOK)
	})
}
