package pages

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/hpplink/hpplink/internal/ledger"
	"github.com/hpplink/hpplink/internal/order"
)

const (
	replayedAtOnce = 5000             // orders that one click replays; then it is asked again
	replayingFor   = 20 * time.Second // and for how long it goes on
	replayers      = 16
	listedReplayed = 100
)

// replayedView says what became of many.
type replayedView struct {
	failedList
	Code, Cutoff, Sure string
	After              string // the place to go on from
	Done, Gone, Left   int    // replayed; moved on by themselves; left out since something may exist
	Orders             []replayedOrder
	More               bool  // it did not come to the end
	Err                error // why
}

type replayedOrder struct {
	Key        order.Key
	Generation int
}

// replayAll replays all that failed with a code before the question was asked, so that none is replayed twice, even if it fails
// again meanwhile. It stops after some thousands, and asks whether to go on.
func (p *Pages) replayAll(w http.ResponseWriter, r *http.Request) {
	v := replayedView{
		failedList: listNamed(r.PostFormValue("list")), Code: r.PostFormValue("code"), Cutoff: r.PostFormValue("cutoff"), Sure: r.PostFormValue("sure"),
	}
	cutoff, errCutoff := strconv.ParseInt(v.Cutoff, 10, 64)
	from, errPlace := ledger.ParseCursor(r.PostFormValue("after"))
	if v.Code == "" || errCutoff != nil || errPlace != nil {
		p.tell(w, r, http.StatusBadRequest, notice{"Nothing was replayed", look, []sentence{say("The form was not complete. Go back, and try again.")}})
		return
	}
	// What has begun is brought to an end, even if the browser has gone.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), replayingFor+replayBound)
	defer cancel()
	p.replayMany(ctx, &v, from, time.UnixMilli(cutoff))
	p.changed()
	p.Log.Info("replayed from the pages", "what", v.noun, "code", v.Code, "replayed", v.Done, "gone", v.Gone, "left_out", v.Left)
	if v.Err != nil && v.Done == 0 {
		p.fault(w, r, v.Err)
		return
	}
	p.show(w, r, http.StatusOK, "replayed", frame{Title: "Replayed", Nav: "failed", Body: v})
}

func (p *Pages) replayMany(ctx context.Context, v *replayedView, cursor ledger.Cursor, cutoff time.Time) {
	until := time.Now().Add(replayingFor)
	for {
		page, next, err := v.of(p.Ledger).After(ctx, cursor, failedStep)
		if err != nil || next == cursor {
			v.Err, v.More = err, err != nil
			v.After = cursor.String()
			return
		}
		var chosen []ledger.FailedOrder
		for _, o := range page {
			switch {
			case o.Code != v.Code || !o.FailedAt.Before(cutoff):
			case o.LinkMayExist() && v.Sure == "":
				v.Left++
			default:
				chosen = append(chosen, o)
			}
		}
		if v.Err = p.replayPage(ctx, v, chosen); v.Err != nil {
			v.More, v.After = true, cursor.String()
			return
		}
		cursor = next
		if v.Done >= replayedAtOnce || time.Now().After(until) {
			v.More, v.After = true, cursor.String()
			return
		}
	}
}

// replayPage replays orders, many at once.
func (p *Pages) replayPage(ctx context.Context, v *replayedView, chosen []ledger.FailedOrder) error {
	var mu sync.Mutex
	group, working := errgroup.WithContext(ctx)
	group.SetLimit(replayers)
	for _, o := range chosen {
		group.Go(func() error {
			again, err := p.replayOne(working, v.failedList, o.Key, o.Generation)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case errors.Is(err, ledger.ErrStale):
				v.Gone++
			case err != nil:
				return err
			default:
				v.Done++
				if len(v.Orders) < listedReplayed {
					v.Orders = append(v.Orders, replayedOrder{o.Key, again})
				}
			}
			return nil
		})
	}
	return group.Wait()
}
