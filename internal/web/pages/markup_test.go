package pages_test

import (
	"strings"

	"golang.org/x/net/html"
)

// textOf is what a page says: its text, with any white space as one space.
func textOf(page string) string {
	root, err := html.Parse(strings.NewReader(page))
	if err != nil {
		return err.Error()
	}
	var b strings.Builder
	for n := range root.Descendants() {
		if n.Type == html.TextNode && n.Parent.Data != "script" && n.Parent.Data != "style" {
			b.WriteString(n.Data)
		}
		if n.Type == html.ElementNode && n.Data != "a" && n.Data != "time" && n.Data != "bdi" && n.Data != "code" && n.Data != "span" && n.Data != "strong" {
			b.WriteString(" ")
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

// elements are those of a page with this name.
func elements(page, name string) (all []*html.Node) {
	root, err := html.Parse(strings.NewReader(page))
	if err != nil {
		return nil
	}
	for n := range root.Descendants() {
		if n.Type == html.ElementNode && n.Data == name {
			all = append(all, n)
		}
	}
	return all
}

func attribute(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func byID(page, id string) *html.Node {
	root, err := html.Parse(strings.NewReader(page))
	if err != nil {
		return nil
	}
	for n := range root.Descendants() {
		if attribute(n, "id") == id {
			return n
		}
	}
	return nil
}

// within is the text of an element.
func within(n *html.Node) string {
	var b strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode {
			b.WriteString(d.Data)
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

// rowsOf are the rows of all tables by their heading, and their cells by their labels.
func rowsOf(page string) map[string]map[string]string {
	rows := map[string]map[string]string{}
	for _, tr := range elements(page, "tr") {
		name, cells := "", map[string]string{}
		for c := range tr.ChildNodes() {
			switch {
			case c.Data == "th":
				name = within(c)
			case c.Data == "td":
				cells[attribute(c, "data-label")] = within(c)
			}
		}
		if len(cells) > 0 {
			rows[name] = cells
		}
	}
	return rows
}
