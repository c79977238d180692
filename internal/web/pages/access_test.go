package pages_test

import (
	"net/http"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/hpplink/hpplink/internal/ledger"
	"github.com/hpplink/hpplink/internal/order"
	"github.com/hpplink/hpplink/internal/redistest"
)

// everyPage are pages with something on each.
func everyPage(t *testing.T) map[string]*answer {
	b := newBench(t, redistest.Mini(t).Addr(), true)
	held := order.Key{MerchantID: "M-2002", Ref: "held"}
	b.alive()
	b.submit(key("open"), held)
	b.release(held, unauthorized)
	b.fail(key("failed"), refused)
	b.failEmail(key("unmailed"), noSuchMailbox)
	b.fail(key("maybe"), ledger.Failure{Code: ledger.CodePossiblyIssued, Message: "x", Asked: true})
	b.batchOf("a-batch", 3)
	pages := map[string]*answer{}
	for _, path := range []string{
		"/orders", "/orders/minutes", "/orders/failed", "/orders/failed?code=rejected", "/orders/failed?list=emails", "/orders/failed/replay?code=rejected",
		"/orders/failed/replay?key=M-1001%3Amaybe", "/orders/find", "/orders/find?q=x", "/orders/batches", "/orders/batches/a-batch", "/orders/surplus", "/orders/nowhere",
		orderPath(held), orderPath(key("failed")), orderPath(key("unmailed")),
	} {
		pages[path] = b.get(path)
	}
	pages["replayed"] = b.post("/orders/failed/replay", formOf(pages["/orders/failed/replay?code=rejected"])...).want(http.StatusOK)
	return pages
}

// TestEveryPageCanBeReadByEverybody checks what a screen reader and the policy of contents build on.
func TestEveryPageCanBeReadByEverybody(t *testing.T) {
	for path, a := range everyPage(t) {
		for _, name := range []string{"h1", "main", "header", "footer", "title"} {
			if n := len(elements(a.body, name)); n != 1 && name != "title" || n < 1 {
				t.Errorf("%s has %d of %s", path, n, name)
			}
		}
		if lang := attribute(elements(a.body, "html")[0], "lang"); lang != "en" {
			t.Errorf("%s is in %q", path, lang)
		}
		headings(t, path, a.body)
		tables(t, path, a.body)
		names(t, path, a.body)
		nothingInline(t, path, a.body)
	}
}

// headings go down by one level at a time.
func headings(t *testing.T, path, body string) {
	level := 0
	root, _ := html.Parse(strings.NewReader(body))
	for n := range root.Descendants() {
		if n.Type == html.ElementNode && len(n.Data) == 2 && n.Data[0] == 'h' && n.Data[1] >= '1' && n.Data[1] <= '6' {
			if now := int(n.Data[1] - '0'); now > level+1 {
				t.Errorf("%s: h%d %q follows h%d", path, now, within(n), level)
			}
			level = int(n.Data[1] - '0')
		}
	}
}

// tables say what each cell is, beside it too, for narrow windows.
func tables(t *testing.T, path, body string) {
	for _, n := range elements(body, "th") {
		if s := attribute(n, "scope"); s != "col" && s != "row" {
			t.Errorf("%s: a heading %q without scope", path, within(n))
		}
	}
	for _, n := range elements(body, "td") {
		if attribute(n, "data-label") == "" {
			t.Errorf("%s: a cell %q without a label", path, within(n))
		}
	}
	for _, n := range elements(body, "tr") {
		cells := 0
		for c := range n.ChildNodes() {
			if c.Data == "td" || c.Data == "th" {
				cells++
			}
		}
		if head := elements(render(n.Parent.Parent), "thead"); len(head) == 1 && cells != len(elements(render(head[0]), "th")) && n.Parent.Data != "thead" {
			t.Errorf("%s: a row of %d cells: %s", path, cells, within(n))
		}
	}
}

func render(n *html.Node) string {
	var b strings.Builder
	_ = html.Render(&b, n)
	if n.Data == "thead" {
		return "<table>" + b.String() + "</table>"
	}
	return b.String()
}

// names: what can be used has one, and ids are there once and lead somewhere.
func names(t *testing.T, path, body string) {
	ids, labelled := map[string]int{}, map[string]bool{}
	root, _ := html.Parse(strings.NewReader(body))
	for n := range root.Descendants() {
		if id := attribute(n, "id"); id != "" {
			ids[id]++
		}
		labelled[attribute(n, "for")] = true
	}
	for id, n := range ids {
		if n > 1 {
			t.Errorf("%s: %d times the id %q", path, n, id)
		}
	}
	for n := range root.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		for id := range strings.FieldsSeq(attribute(n, "aria-labelledby") + " " + strings.TrimPrefix(attribute(n, "list"), "#")) {
			if ids[id] != 1 {
				t.Errorf("%s: %s is named by %q, which is not there", path, n.Data, id)
			}
		}
		named := within(n) + attribute(n, "aria-label")
		switch {
		case n.Data == "input" && attribute(n, "type") != "hidden" && !labelled[attribute(n, "id")] && n.Parent.Data != "label",
			(n.Data == "a" || n.Data == "button") && named == "",
			n.Data == "section" && attribute(n, "aria-labelledby")+attribute(n, "aria-label") == "",
			n.Data == "svg" && attribute(n, "aria-hidden") != "true" && (attribute(n, "role") != "img" || attribute(n, "aria-labelledby") == ""):
			t.Errorf("%s: %s without a name: %s", path, n.Data, render(n))
		}
	}
	for _, n := range elements(body, "time") {
		if at := attribute(n, "datetime"); !strings.HasSuffix(at, "Z") {
			t.Errorf("%s: a time %q", path, at)
		}
	}
}

// nothingInline: the policy of contents lets neither pass.
func nothingInline(t *testing.T, path, body string) {
	root, _ := html.Parse(strings.NewReader(body))
	for n := range root.Descendants() {
		if n.Data == "style" || n.Data == "script" && (within(n) != "" || !strings.HasPrefix(attribute(n, "src"), "/assets/")) {
			t.Errorf("%s: %s", path, render(n))
		}
		for _, a := range n.Attr {
			if a.Key == "style" || strings.HasPrefix(a.Key, "on") {
				t.Errorf("%s: %s=%q", path, a.Key, a.Val)
			}
		}
	}
}
