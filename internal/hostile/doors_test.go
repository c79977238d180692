package hostile_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"

	"github.com/hpplink/hpplink/internal/order"
	"github.com/hpplink/hpplink/internal/results"
)

// answer is what a door says about an event.
type answer struct {
	status string   // accepted, known or rejected; "" where a door answers only what it refuses
	errors []string // "field: message"
}

// door hands events in, one after the other, and returns the answer to each. An event that it can not carry has none.
type door struct {
	name  string
	hand  func(t *testing.T, s *system, events []string) map[int]answer
	lines bool // it carries one event a line
	http  bool
}

var doors = []door{
	{name: "http", hand: overHTTP, http: true},
	{name: "batch", hand: inABatch, lines: true, http: true},
	{name: "stream", hand: byStream},
	{name: "task", hand: byTask},
	{name: "enqueue", hand: byCommand, lines: true},
}

// carries says whether an event fits between two line breaks.
func (d door) carries(event string) bool {
	return !d.lines || strings.Trim(event, " \t\r\n") != "" && !strings.Contains(event, "\n")
}

func lined(problems []order.Problem) (all []string) {
	for _, p := range problems {
		all = append(all, p.Field+": "+p.Message)
	}
	return all
}

func overHTTP(t *testing.T, s *system, events []string) map[int]answer {
	all := map[int]answer{}
	for i, e := range events {
		status, body := s.request(t, http.MethodPost, "/v1/orders", "application/json", e)
		var said struct {
			Status, Detail any
			Errors         []order.Problem
		}
		if err := json.Unmarshal([]byte(body), &said); err != nil {
			t.Fatalf("%d %q: %v", status, body, err)
		}
		switch status {
		case http.StatusOK, http.StatusAccepted:
			all[i] = answer{status: said.Status.(string)}
		case http.StatusUnprocessableEntity:
			all[i] = answer{"rejected", lined(said.Errors)}
		default:
			all[i] = answer{"rejected", []string{fmt.Sprintf("%d: %s", status, said.Detail)}}
		}
	}
	return all
}

// lineAnswer is an answer of both ways in that take lines.
type lineAnswer struct {
	Line, Number int
	Status       string
	Errors       []order.Problem
}

func answersByLine(t *testing.T, text string) map[int]answer {
	t.Helper()
	all := map[int]answer{}
	for line := range strings.Lines(text) {
		var l lineAnswer
		if err := json.Unmarshal([]byte(line), &l); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		all[l.Line+l.Number-1] = answer{l.Status, lined(l.Errors)}
	}
	return all
}

func inABatch(t *testing.T, s *system, events []string) map[int]answer {
	_, body := s.request(t, http.MethodPost, "/v1/orders/batch", "application/x-ndjson", strings.Join(events, "\n"))
	return answersByLine(t, body)
}

func byCommand(t *testing.T, s *system, events []string) map[int]answer {
	_, out, errs := s.command(strings.Join(events, "\n"), "enqueue", "--config", s.config, "--json", "-")
	if errs != "" {
		t.Errorf("enqueue says %s", errs)
	}
	return answersByLine(t, out)
}

func byStream(t *testing.T, s *system, events []string) map[int]answer {
	ids := map[string]int{}
	for i, e := range events {
		fields := []any{"order", e}
		for name, value := range s.context {
			fields = append(fields, name, value)
		}
		ids[s.add(t, fields...)] = i
	}
	eventually(t, "entries are handled", s.handled)
	return s.rejections(t, ids)
}

func (s *system) add(t *testing.T, fields ...any) string {
	t.Helper()
	id, err := s.rdb.XAdd(ctx, &redis.XAddArgs{Stream: keys.Orders(), Values: fields}).Result()
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func byTask(t *testing.T, s *system, events []string) map[int]answer {
	client := asynq.NewClient(s.asynq)
	defer client.Close()
	ids := map[string]int{}
	for i, e := range events {
		id := fmt.Sprintf("task-%d-%p", i, events)
		ids[id] = i
		if _, err := client.Enqueue(asynq.NewTaskWithHeaders("link:generate", []byte(e), s.context), asynq.Queue("hpp-bulk"), asynq.TaskID(id)); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "tasks are done", func() bool { return s.tasks() == 0 })
	return s.rejections(t, ids)
}

// rejections returns the answers that were published about these sources.
func (s *system) rejections(t *testing.T, at map[string]int) map[int]answer {
	t.Helper()
	all := map[int]answer{}
	for _, e := range s.results(t) {
		if e.Type != results.OrderRejected {
			continue
		}
		d, err := results.Decode[results.Rejected](e)
		if err != nil {
			t.Fatal(err)
		}
		if i, ours := at[d.SourceID]; ours {
			if _, twice := all[i]; twice {
				t.Errorf("%s was answered twice", d.SourceID)
			}
			all[i] = answer{"rejected", lined(d.Errors)}
		}
	}
	return all
}
