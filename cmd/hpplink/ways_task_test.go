package main

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hibiken/asynq"

	"github.com/hpplink/hpplink/internal/results"
)

// TestWaysTasksOfAPlainAsynqClient enqueues tasks as a program does that knows asynq and nothing of ours.
func TestWaysTasksOfAPlainAsynqClient(t *testing.T) {
	s := startSystem(t, 1)
	opt, err := asynq.ParseRedisURI(s.redisURL)
	if err != nil {
		t.Fatal(err)
	}
	tasks, inspector := asynq.NewClient(opt), asynq.NewInspector(opt)
	defer tasks.Close()
	defer inspector.Close()
	enqueue := func(queue, id string, payload []byte) {
		t.Helper()
		if _, err := tasks.Enqueue(asynq.NewTask("link:generate", payload), asynq.Queue(queue), asynq.TaskID(id)); err != nil {
			t.Fatal(err)
		}
	}
	ids := map[string]string{"cart 77/ä:{x}": "hpp-interactive", "2": "hpp-bulk", "no JSON": "hpp-bulk", "no order": "hpp-interactive", "other": "hpp-bulk"}
	enqueue("hpp-interactive", "cart 77/ä:{x}", loadOrder(1))
	enqueue("hpp-bulk", "2", loadOrder(2))
	enqueue("hpp-bulk", "no JSON", []byte("\xff{"))
	enqueue("hpp-interactive", "no order", []byte(`{"merchant_id":"M-1001","merchant_txn_ref":"R","amuont":1}`))
	s.drain(t, 4)
	enqueue("hpp-bulk", "other", []byte(`{"return_url":{"success_url":"https://shop.example/ok"},"amount":7,"currency":"JPY","merchant_id":"M-1001",`+
		`"merchant_email":"m@shop.example","merchant_txn_ref":"INV-000001","payment_method":{"type":"scheme"},"billing_address":{"country":"JP","city":"Shinjuku-ku"}}`))

	got := map[string]string{} // by ref, or by the task
	for _, e := range s.drain(t, 5) {
		name := e.Ref
		if e.Type == results.OrderRejected || e.Type == results.OrderConflict {
			d, err := results.Decode[results.Rejected](e)
			if err != nil || e.Type == results.OrderRejected && len(d.Errors) == 0 {
				t.Errorf("%+v: %v", e, err)
			}
			name = "task " + d.SourceID
		}
		got[name] += e.Type
	}
	want := map[string]string{
		"INV-000001": results.LinkIssued, "INV-000002": results.LinkIssued,
		"task no JSON": results.OrderRejected, "task no order": results.OrderRejected, "task other": results.OrderConflict,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	s.postedOnce(t, 2)
	for id, queue := range ids {
		if err := eventually("the end of task "+id, func() error {
			if _, err := inspector.GetTaskInfo(queue, id); !errors.Is(err, asynq.ErrTaskNotFound) {
				return errors.New("it is there")
			}
			return nil
		}); err != nil {
			t.Error(err)
		}
	}
}
