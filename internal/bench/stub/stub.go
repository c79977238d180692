// Package stub is a gateway that costs as little as one can that speaks HTTP: it answers every order with a link, in the
// shape of the gateway's documentation (page hpp/generate-link), and counts the POSTs of each ref.
//
// It checks nothing; that is what the simulated gateway of package sandbox is for.
package stub

import (
	"bufio"
	"bytes"
	"encoding/json"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// Counts is what the gateway saw.
type Counts struct {
	Posts   int `json:"posts"`
	Refs    int `json:"refs"`
	Doubled int `json:"doubled"` // refs that were posted more than once
}

// CountsPath is where Counts are served as JSON. Every other path makes a link.
const CountsPath = "/counts"

// Gateway answers every POST after Latency. It is safe for concurrent use.
type Gateway struct {
	Latency time.Duration

	// Admit says of each POST whether it is served, and what is to be done when it has been answered; it may wait. One that is not is
	// answered with 429 at once, and not counted. Nil: all are served.
	Admit func() (done func(), served bool)

	mu      sync.Mutex
	posts   map[string]int
	all     int
	doubled int
}

// New returns a gateway that answers after so long.
func New(latency time.Duration) *Gateway {
	return &Gateway{Latency: latency, posts: map[string]int{}}
}

// Serve answers until the listener closes, and returns why. net/http's server would take twice the time, which is not what is to
// be measured.
func (g *Gateway) Serve(l net.Listener) error {
	for {
		conn, err := l.Accept()
		if err != nil {
			return err
		}
		go g.converse(conn)
	}
}

func (g *Gateway) converse(conn net.Conn) {
	defer conn.Close()
	in, body, out := bufio.NewReader(conn), new(bytes.Buffer), make([]byte, 0, 2048)
	for {
		r, err := http.ReadRequest(in)
		if err != nil {
			return
		}
		body.Reset()
		if _, err := body.ReadFrom(r.Body); err != nil {
			return
		}
		content, served := g.content(r.URL.Path, body.Bytes())
		head := "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: "
		if !served {
			head = "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 1\r\nContent-Length: "
		}
		out = append(out[:0], head...)
		out = append(strconv.AppendInt(out, int64(len(content)), 10), "\r\n\r\n"...)
		if _, err := conn.Write(append(out, content...)); err != nil {
			return
		}
	}
}

func (g *Gateway) content(path string, order []byte) (content []byte, served bool) {
	if path == CountsPath {
		counts, _ := json.Marshal(g.Counts()) // three numbers
		return counts, true
	}
	if g.Admit != nil {
		done, served := g.Admit()
		if !served {
			return nil, false
		}
		defer done()
	}
	ref := member(order, refName)
	number := g.count(string(ref))
	if g.Latency > 0 {
		time.Sleep(g.Latency)
	}
	return answer(order, ref, number), true
}

// Counts returns what was seen so far.
func (g *Gateway) Counts() Counts {
	g.mu.Lock()
	defer g.mu.Unlock()
	return Counts{Posts: g.all, Refs: len(g.posts), Doubled: g.doubled}
}

func (g *Gateway) count(ref string) (number int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.all++
	if g.posts[ref]++; g.posts[ref] == 2 {
		g.doubled++
	}
	return g.all
}

var (
	refName      = []byte(`"merchant_txn_ref":`)
	merchantName = []byte(`"merchant_id":`)
	amountName   = []byte(`"amount":`)
	currencyName = []byte(`"currency":`)
)

// member finds the value of a member, as it is written. It relies on compact JSON, on names that occur once, and on texts
// without quotes and commas, as in the orders of the benchmark.
func member(order, name []byte) []byte {
	at := bytes.Index(order, name)
	if at < 0 {
		return []byte("null")
	}
	value := order[at+len(name):]
	if end := bytes.IndexAny(value, ",}"); end >= 0 {
		return value[:end]
	}
	return value
}

const (
	idForm   = "f49173ce-4916-445c-a831-000000000000"
	linkForm = "https://checkout-dev.paymentoptions.com/jp/HostedPaymentPage/"
	rest     = `,"merchant_email":"merchant@testemail.com","return_url":{"webhook_url":"https://shop.example/hook",` +
		`"success_url":"https://shop.example/ok","decline_url":"https://shop.example/declined","cancel_url":"https://shop.example/cancelled"},` +
		`"billing_address":{"city":"Shinjuku-ku","email":"billing@testemail.com","phone_number":"8112345678","state":"Tokyo",` +
		`"country":"JP","address1":"1-2-3 Shinjuku","postal_code":"1600022"},"shipping_address":{"city":"Shinjuku-ku",` +
		`"email":"shipping@testemail.com","phone_number":"8112345678","state":"Tokyo","country":"JP","address1":"1-2-3 Shinjuku","postal_code":"1600022"}}`
)

// answer writes the gateway's answer: the number of the POST makes id and URL unique.
func answer(order, ref []byte, number int) []byte {
	n := strconv.Itoa(number)
	b := make([]byte, 0, 1024)
	b = append(b, `{"id":"`...)
	b = append(append(b, idForm[:len(idForm)-len(n)]...), n...)
	b = append(append(append(b, `","url":"`...), linkForm...), n...)
	b = append(append(b, `","amount":`...), member(order, amountName)...)
	b = append(append(b, `,"currency":`...), member(order, currencyName)...)
	b = append(append(b, `,"merchant_txn_ref":`...), ref...)
	b = append(append(b, `,"merchant_id":`...), member(order, merchantName)...)
	return append(b, rest...)
}
