package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/hpplink/hpplink/internal/results"
)

// TestReadmeTakesResultsOut runs every block of the section as a consumer that comes back after a crash, beside another that
// did not: both were handed an event that they did not acknowledge.
func TestReadmeTakesResultsOut(t *testing.T) {
	t.Parallel()
	const n = 7
	r := startReadme(t)
	r.produce(t, n, 1)
	r.drain(t, n)
	for _, b := range readmeBlocks(t, "Taking results out") {
		t.Run(fmt.Sprintf("line%d-%s", b.line, b.language), func(t *testing.T) {
			if !strings.Contains(b.text, "billing") {
				t.Fatalf("README.md:%d: the block reads no results of group billing", b.line)
			}
			r.takesOut(t, b)
		})
	}
}

func (r *readme) takesOut(t *testing.T, b block) {
	t.Helper()
	id := r.crashConsumers(t)
	os.Remove(filepath.Join(r.folder, "events.jsonl"))
	b.text = strings.ReplaceAll(b.text, "1795334772960-0", id)
	if b.language == "python" && exec.Command("python3", "-c", "import redis").Run() != nil {
		r.command(t, b)
		if out, err := exec.Command("python3", "-m", "py_compile", filepath.Join(r.folder, "block.py")).CombinedOutput(); err != nil {
			t.Fatalf("README.md:%d: %v\n%s", b.line, err, out)
		}
		t.Skipf("README.md:%d is compiled, not run: python3 has no package redis on this machine", b.line)
	}
	left := int64(0)
	if strings.Contains(b.text, "XACK") { // each command once: of all events one is acknowledged
		left = r.rdb.XLen(t.Context(), "{hpp}:results").Val() - 1
	}
	out := r.consume(t, b, left)
	if left != 0 {
		return
	}
	if _, err := r.base.Results.Read(t.Context(), results.Start, func(e results.Event) error {
		d, err := results.Decode[results.Issued](e)
		if n := strings.Count(out, d.LinkID); err != nil || n != 1 {
			t.Errorf("README.md:%d: event %s was stored %d times, want once (%v)", b.line, e.ID, n, err)
		}
		return nil
	}); err != nil {
		t.Error(err)
	}
}

// crashConsumers leaves the group with two consumers that were handed an event long ago, and returns the entry of host-1.
func (r *readme) crashConsumers(t *testing.T) (id string) {
	t.Helper()
	r.rdb.XGroupDestroy(t.Context(), "{hpp}:results", "billing")
	if err := r.rdb.XGroupCreate(t.Context(), "{hpp}:results", "billing", "0").Err(); err != nil {
		t.Fatal(err)
	}
	for _, consumer := range []string{"host-2", "host-1"} {
		read, err := r.rdb.XReadGroup(t.Context(), &redis.XReadGroupArgs{
			Group: "billing", Consumer: consumer, Streams: []string{"{hpp}:results", ">"}, Count: 1,
		}).Result()
		if err != nil {
			t.Fatal(err)
		}
		id = read[0].Messages[0].ID
		err = r.rdb.Do(t.Context(), "XCLAIM", "{hpp}:results", "billing", consumer, 0, id, "IDLE", (2 * time.Minute).Milliseconds(), "JUSTID").Err()
		if err != nil {
			t.Fatal(err)
		}
	}
	return id
}

// consume runs a block until the group was handed everything and has acknowledged all but so many events, ends it if it has
// not ended by itself, and returns what it wrote.
func (r *readme) consume(t *testing.T, b block, left int64) string {
	t.Helper()
	cmd := r.command(t, b)
	out, err := os.Create(filepath.Join(r.folder, "out"))
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	waited := eventually("the group to be through", func() error {
		groups, err := r.rdb.XInfoGroups(t.Context(), "{hpp}:results").Result()
		if err != nil || len(groups) != 1 || groups[0].Pending != left || groups[0].Lag != 0 {
			return fmt.Errorf("%+v %v", groups, err)
		}
		return nil
	})
	if !strings.Contains(b.text, "for ") && !strings.Contains(b.text, "while ") {
		err = cmd.Wait()
	} else {
		cmd.Process.Kill()
		cmd.Wait()
	}
	text, _ := os.ReadFile(out.Name())
	stored, _ := os.ReadFile(filepath.Join(r.folder, "events.jsonl"))
	if text = append(text, stored...); err != nil || waited != nil {
		t.Fatalf("README.md:%d: %v %v\n%s", b.line, err, waited, text)
	}
	return string(text)
}
