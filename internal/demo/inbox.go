package demo

import (
	_ "embed"
	"fmt"
	htmltemplate "html/template"
	"net/http"
	"strconv"

	"github.com/hpplink/hpplink/internal/postbox"
)

// inbox is a mail server in which all emails of the demo arrive, and the pages that show them.
type inbox struct{ *postbox.Box }

const inboxPath = "/inbox/"

// url is the server as a setting has it.
func (b *inbox) url() string { return "smtp://" + b.Addr() }

// delivered is an email that arrived.
type delivered struct {
	postbox.Letter
	To string
}

func (b *inbox) delivered() ([]delivered, error) {
	var all []delivered
	for i, m := range b.Mails() {
		l, err := postbox.Read(m.Data)
		if err != nil {
			return nil, fmt.Errorf("email %d can not be read: %w", i+1, err)
		}
		all = append(all, delivered{l, m.To})
	}
	return all, nil
}

//go:embed inbox.html
var inboxHTML string

var inboxPage = htmltemplate.Must(htmltemplate.New("inbox").Parse(inboxHTML))

// serve adds the list of emails, and each as a page of its own.
func (b *inbox) serve(pages *http.ServeMux) {
	pages.HandleFunc("GET "+inboxPath+"{$}", func(w http.ResponseWriter, _ *http.Request) {
		all, err := b.delivered()
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_ = inboxPage.Execute(w, all) // the browser has gone
	})
	pages.HandleFunc("GET "+inboxPath+"{n}", func(w http.ResponseWriter, r *http.Request) {
		all, err := b.delivered()
		n, bad := strconv.Atoi(r.PathValue("n"))
		if err != nil || bad != nil || n < 0 || n >= len(all) {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprint(w, all[n].HTML)
	})
}
