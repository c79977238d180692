package cli

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"

	"github.com/hpplink/hpplink/internal/intake"
)

// enqueueProgress shows a person how far a long input is, unless the lines about each order already do.
type enqueueProgress struct {
	bar  *progressbar.ProgressBar // nil where nobody looks
	read *int64
}

// newEnqueueProgress counts what is read of in. The returned reader is to be read in its place.
func newEnqueueProgress(s Streams, in io.ReadCloser) (enqueueProgress, io.Reader) {
	if !isTerminal(s.Err) || isTerminal(s.Out) {
		return enqueueProgress{}, in
	}
	size := int64(-1) // not known
	if f, ok := in.(*os.File); ok {
		if info, err := f.Stat(); err == nil && info.Mode().IsRegular() {
			size = info.Size()
		}
	}
	counted := &countingReader{r: in}
	return enqueueProgress{read: &counted.n, bar: progressbar.NewOptions64(size,
		progressbar.OptionSetWriter(s.Err), progressbar.OptionSetWidth(30), progressbar.OptionThrottle(100*time.Millisecond),
		progressbar.OptionShowDescriptionAtLineEnd(), progressbar.OptionSetPredictTime(false), progressbar.OptionSetElapsedTime(false),
		progressbar.OptionClearOnFinish())}, counted
}

func (p enqueueProgress) show(total int, counts map[intake.Status]int) {
	if p.bar == nil {
		return
	}
	text := fmt.Sprintf("%s, %d accepted", counted(total, "order"), counts[intake.Accepted])
	if bad := counts[intake.Rejected] + counts[intake.Conflict] + counts[intake.Unknown]; bad > 0 {
		text += fmt.Sprintf(", %d refused", bad)
	}
	p.bar.Describe(text)
	_ = p.bar.Set64(*p.read)
}

func (p enqueueProgress) end() {
	if p.bar != nil {
		_ = p.bar.Finish()
	}
}

type countingReader struct {
	r io.Reader
	n int64
}

func (c *countingReader) Read(b []byte) (int, error) {
	n, err := c.r.Read(b)
	c.n += int64(n)
	return n, err
}
