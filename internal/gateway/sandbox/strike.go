package sandbox

import (
	"fmt"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// strike answers, or does not, as the fault says. What it mints is minted already.
func (x *exchange) strike(f *fault) {
	switch f.act {
	case actStatus:
		x.strikeStatus(f)
	case actHTML:
		x.html(f.status)
	case actHang:
		x.hang(f)
	case actReset:
		x.reset()
	case actUnreadable:
		body := x.success()
		x.reply(f.status, body[:len(body)/2])
	case actMismatch:
		x.mismatch(f)
	case actWrongHost:
		x.reply(f.status, answerBody(x.order, x.link, "https://checkout."+foreignHost+pagePath+x.link.code))
	case actSlowBody:
		x.dribble(f)
	}
}

func (x *exchange) strikeStatus(f *fault) {
	switch seconds := f.retryAfter(); {
	case f.status < 300:
		x.reply(f.status, x.success())
		return
	case f.status < 400:
		x.w.Header().Set("Location", "https://www."+foreignHost+"/")
	case seconds != "":
		x.w.Header().Set("Retry-After", seconds)
	}
	x.fail(f.status, statusText(f.status))
}

func (x *exchange) html(status int) {
	x.status = status
	x.w.Header().Set("Content-Type", "text/html; charset=utf-8")
	x.w.WriteHeader(status)
	title := strconv.Itoa(status) + " " + statusText(status)
	fmt.Fprintf(x.w, "<html>\r\n<head><title>%s</title></head>\r\n<body>\r\n<center><h1>%[1]s</h1></center>\r\n</body>\r\n</html>\r\n", title)
}

// hang is silent past the time-outs of clients, then answers whoever still waits.
func (x *exchange) hang(f *fault) {
	switch {
	case !x.pause(f.wait):
	case f.mints:
		x.reply(f.status, x.success())
	default:
		x.fail(f.status, statusText(f.status))
	}
}

// reset makes the kernel send RST in place of an answer. Where the connection
// cannot be had (HTTP/2), it is aborted.
func (x *exchange) reset() {
	conn, _, err := http.NewResponseController(x.w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	defer conn.Close()
	raw := conn
	if t, ok := conn.(interface{ NetConn() net.Conn }); ok { // *tls.Conn
		raw = t.NetConn()
	}
	if tcp, ok := raw.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // if it fails, the client sees EOF: as good a fault
		_ = tcp.Close()
	}
}

// mismatch answers as if for an order that never was.
func (x *exchange) mismatch(f *fault) {
	other := *x.order
	other.Ref = "OTHER-" + x.link.code
	other.amount = "987654321"
	if x.order.amount == other.amount {
		other.amount = "123456789"
	}
	other.Amount = jsontext.Value(other.amount)
	x.reply(f.status, answerBody(&other, x.link, x.base()+pagePath+x.link.code))
}

const dribbles = 20

// dribble sends the body in small pieces over the fault's duration.
func (x *exchange) dribble(f *fault) {
	body := x.success()
	x.status = f.status
	x.w.Header().Set("Content-Type", "application/json; charset=utf-8")
	x.w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	x.w.WriteHeader(f.status)
	flush := http.NewResponseController(x.w).Flush
	piece := len(body)/dribbles + 1
	for len(body) > 0 {
		n := min(piece, len(body))
		if _, err := x.w.Write(body[:n]); err != nil || flush() != nil {
			return
		}
		body = body[n:]
		if !x.pause(f.wait / time.Duration(dribbles)) {
			return
		}
	}
}
