package pages

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/hpplink/hpplink/internal/ledger"
	"github.com/hpplink/hpplink/internal/lookup"
	"github.com/hpplink/hpplink/internal/order"
)

// replayBound is how long replaying one order may take: it is brought to its end even if the browser has gone.
const replayBound = 10 * time.Second

// confirmView asks before orders are replayed.
type confirmView struct {
	failedList
	One    *failedRow // the only one, or nil
	Code   string     // of all that are meant, if not one
	Cutoff string     // those that failed later are not meant
	Advice string
	Count  int
	Doubts int  // of them
	More   bool // there are more than were counted
}

// Certain reports whether all that are meant are doubtful ones: then the question about them is the question.
func (v confirmView) Certain() bool { return v.One == nil && v.Code == v.doubtful }

// confirm asks whether one order, or all of a code, are to be replayed.
func (p *Pages) confirm(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	v := confirmView{failedList: listNamed(q.Get("list")), Code: q.Get("code")}
	if q.Get("key") != "" {
		p.confirmOne(w, r, v, q.Get("key"))
		return
	}
	if v.Code == "" {
		http.Redirect(w, r, at("/orders/failed", "list", v.param()), http.StatusSeeOther)
		return
	}
	v.Advice = v.advice(v.Code)
	if err := p.count(r.Context(), &v); err != nil {
		p.fault(w, r, err)
		return
	}
	p.show(w, r, http.StatusOK, "confirm", frame{Title: "Replay?", Nav: "failed", Body: v})
}

// count counts those that would be replayed, among the first that are looked at.
func (p *Pages) count(ctx context.Context, v *confirmView) error {
	cutoff, err := p.Ledger.Cutoff(ctx)
	if err != nil {
		return err
	}
	v.Cutoff = strconv.FormatInt(cutoff.UnixMilli(), 10)
	var cursor ledger.Cursor
	for looked := 0; ; {
		page, next, err := v.of(p.Ledger).After(ctx, cursor, failedStep)
		if err != nil || next == cursor {
			return err
		}
		cursor, looked = next, looked+len(page)
		for _, o := range page {
			if o.Code != v.Code || !o.FailedAt.Before(cutoff) {
				continue
			}
			v.Count++
			if o.LinkMayExist() {
				v.Doubts++
			}
		}
		if looked >= failedLooked {
			v.More = true
			return nil
		}
	}
}

func (p *Pages) confirmOne(w http.ResponseWriter, r *http.Request, v confirmView, text string) {
	key, err := order.ParseKey(text)
	if err != nil {
		p.nowhere(w, r)
		return
	}
	named, err := v.of(p.Ledger).Named(r.Context(), []order.Key{key})
	if err != nil {
		p.fault(w, r, err)
		return
	}
	if !named[0].Listed {
		http.Redirect(w, r, orderPath(key)+"?replayed=no", http.StatusSeeOther)
		return
	}
	v.One = &failedRow{named[0].FailedOrder, v.param()}
	p.show(w, r, http.StatusOK, "confirm", frame{Title: "Replay?", Nav: "failed", Body: v})
}

// replay replays one order, or its email, and leads to its page, which says how it stands.
func (p *Pages) replay(w http.ResponseWriter, r *http.Request) {
	list := listNamed(r.PostFormValue("list"))
	key, err := order.ParseKey(r.PostFormValue("key"))
	generation, errGeneration := strconv.Atoi(r.PostFormValue("generation"))
	if err != nil || errGeneration != nil {
		p.tell(w, r, http.StatusBadRequest, notice{"Nothing was replayed", look, []sentence{say("The form was not complete. Go back, and try again.")}})
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), replayBound)
	defer cancel()
	named, err := list.of(p.Ledger).Named(ctx, []order.Key{key})
	switch {
	case err != nil:
		p.fault(w, r, err)
		return
	case named[0].Listed && named[0].LinkMayExist() && r.PostFormValue("sure") == "":
		http.Redirect(w, r, failedRow{named[0].FailedOrder, list.param()}.Confirm(), http.StatusSeeOther)
		return
	}
	again, err := p.replayOne(ctx, list, key, generation)
	switch {
	case errors.Is(err, ledger.ErrStale):
		http.Redirect(w, r, orderPath(key)+"?replayed=no", http.StatusSeeOther)
	case err != nil:
		p.fault(w, r, err)
	default:
		p.changed()
		p.Log.Info("replayed from the pages", "merchant", key.MerchantID, "ref", key.Ref, "what", list.noun, "generation", again)
		http.Redirect(w, r, at(orderPath(key), "replayed", strconv.Itoa(again), "list", list.param()), http.StatusSeeOther)
	}
}

// replayOne returns the generation that the order is in then.
func (p *Pages) replayOne(ctx context.Context, list failedList, key order.Key, generation int) (int, error) {
	if list.Emails() {
		return generation, p.Door.ReplayMail(ctx, key, generation)
	}
	return p.Door.Replay(ctx, key, generation)
}

// changed has the pages look again.
func (p *Pages) changed() {
	for _, c := range p.codes {
		c.forget()
	}
	p.now.forget()
}

// replayedNotice says what became of a replay, as far as the order's record bears it out: the address alone proves nothing.
func replayedNotice(r *http.Request, v lookup.OrderView) *matter {
	text := r.URL.Query().Get("replayed")
	generation, err := strconv.Atoi(text)
	switch {
	case text == "no":
		return &matter{look, say("Nothing was replayed: the order had moved on, or was never on the list. This is how it stands."), nil}
	case err != nil || generation != v.Generation:
		return nil
	case r.URL.Query().Get("list") == mailFailures.name && v.Email != nil && v.Email.State != string(ledger.MailFailed):
		return &matter{fine, say("Its email is sent again; the link stays as it is."), nil}
	case generation > 1 && time.Since(v.Accepted) < time.Hour:
		return &matter{fine, say("Replayed at ", v.Accepted, ": generation "+text+" began, and is "+string(v.State)+" now."), nil}
	}
	return nil
}
