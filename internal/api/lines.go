package api

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/hpplink/hpplink/internal/order"
)

// A chunk of a batch is handed in together. These bound what is held of a body that has no end.
const (
	chunkLines = 200
	chunkBytes = 1 << 20
)

var tooLong = fmt.Sprintf("the line is longer than the %d bytes that an order has at most", order.MaxBytes)

// line is one line of a body that is not empty.
type line struct {
	number int
	text   []byte
	long   bool // longer than any order, and not kept
}

// lineReader reads lines ahead of who handles them, so that what has come can be told from what has not.
type lineReader struct {
	lines chan line // closed at the end of the body
	quit  chan struct{}
	rc    *http.ResponseController
	last  int   // the number of the last line that was handed out
	ended bool  // lines is closed, and err may be read
	err   error // what the body ended with, other than its end
}

// readLines begins to read. A line has the given time to come, from the one before it.
func readLines(body io.Reader, rc *http.ResponseController, within time.Duration) *lineReader {
	l := &lineReader{lines: make(chan line), quit: make(chan struct{}), rc: rc}
	go l.run(bufio.NewReaderSize(body, 32<<10), within)
	return l
}

func (l *lineReader) run(in *bufio.Reader, within time.Duration) {
	defer close(l.lines)
	for number := 1; ; number++ {
		_ = l.rc.SetReadDeadline(time.Now().Add(within))
		text, long, err := readLine(in)
		if err != nil && !errors.Is(err, io.EOF) { // a line that broke off is none
			l.err = err
			return
		}
		if number == 1 {
			text = bytes.TrimPrefix(text, []byte("\ufeff"))
		}
		if text = bytes.Trim(text, " \t\r\n"); long || len(text) > 0 { // white space in JSON, and no more
			long = long || len(text) > order.MaxBytes
			select {
			case l.lines <- line{number, text, long}:
			case <-l.quit:
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// readLine returns a copy of the next line. Of one that is too long it keeps nothing.
func readLine(in *bufio.Reader) (text []byte, long bool, err error) {
	for {
		part, err := in.ReadSlice('\n')
		if long = long || len(text)+len(part) > order.MaxBytes+len("\r\n"); long {
			text = nil
		} else {
			text = append(text, part...)
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return text, long, err
		}
	}
}

// chunk returns the next line with all that comes within a moment of it. more is false at the end of the body, which is also where
// the client has gone, and when the server is to stop.
func (l *lineReader) chunk(stopping context.Context, gather time.Duration) (chunk []line, more bool) {
	size, enough := 0, (<-chan time.Time)(nil)
	for len(chunk) < chunkLines && size < chunkBytes {
		select {
		case next, ok := <-l.lines:
			if l.ended = !ok; l.ended {
				return chunk, false
			}
			if chunk == nil {
				enough = time.After(gather)
			}
			chunk, size, l.last = append(chunk, next), size+len(next.text), next.number
		case <-enough:
			return chunk, true
		case <-stopping.Done():
			return chunk, false
		}
	}
	return chunk, true
}

// next is the number of the first line that was not handed out.
func (l *lineReader) next() int { return l.last + 1 }

// problem is what the body ended with before its end, as far as it was read.
func (l *lineReader) problem() error {
	if !l.ended {
		return nil
	}
	return l.err
}

// stop ends the reading, which may be waiting for a client that sends nothing.
func (l *lineReader) stop() {
	close(l.quit)
	if !l.ended {
		_ = l.rc.SetReadDeadline(time.Unix(1, 0))
	}
	for range l.lines { // until it is closed
	}
}
