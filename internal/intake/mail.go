package intake

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/hpplink/hpplink/internal/ledger"
	"github.com/hpplink/hpplink/internal/order"
	"github.com/hpplink/hpplink/internal/queue"
)

// mailLook is how long it is believed that emails are sent.
const mailLook = 10 * time.Second

// mailers remembers that somebody sends emails.
type mailers struct {
	mu   sync.Mutex
	seen time.Time
}

// sendsMail reports whether some worker sends emails. A door without a ledger can not know, and takes it to. While Redis does not say,
// so does any: then the order is not taken
// in either, and its producer is told to send it again.
func (d *Door) sendsMail() bool {
	d.mail.mu.Lock()
	defer d.mail.mu.Unlock()
	if d.ledger == nil || time.Since(d.mail.seen) < mailLook {
		return true
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	up, err := d.ledger.HasMailers(ctx)
	if err != nil {
		return true
	}
	if up {
		d.mail.seen = time.Now()
	}
	return up
}

// ReplayMail has an email that failed in the given generation sent again; its link stays as it is. The error is
// ledger.ErrStale when the order has moved on.
func (d *Door) ReplayMail(ctx context.Context, key order.Key, generation int) error {
	r, err := d.ledger.ReplayEmail(ctx, key, generation, ledger.NewNonce())
	if err != nil {
		return err
	}
	d.enqueueMail(ctx, r.Namespace, r.TaskID, key)
	return nil
}

// EnqueueMail enqueues the task of the email that is owed since an attempt brought the link. The email is safe even if
// that does not succeed: a reaper makes it another task.
func (d *Door) EnqueueMail(ctx context.Context, a ledger.Attempt) {
	d.enqueueMail(ctx, a.Namespace, ledger.TaskID(a.Key, fmt.Sprintf("%d.%d", a.Generation, a.Number)), a.Key)
}

func (d *Door) enqueueMail(ctx context.Context, namespace, id string, key order.Key) {
	errs := d.queue.EnqueueMany(ctx, []queue.Entry{{Lane: queue.Email, TaskID: id, Payload: key.Reference(), Namespace: namespace}})
	if err := errs[0]; err != nil {
		d.log.Warn("an email waits for the reaper: its task was not enqueued", "task", id, "error", err)
	}
}
