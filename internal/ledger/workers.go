package ledger

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/hpplink/hpplink/internal/redisconn"
)

// Worker is a worker that has lately given a sign of life.
type Worker struct {
	Host    string
	PID     int
	Version string    // of its program; "" where it does not say
	Seen    time.Time // its last sign of life, by Redis' clock
}

// WorkerID makes the id of a worker for ForWorker, which tells it from every other there is or was.
func WorkerID(host string, pid int, version string) string {
	return strings.Join([]string{host, strconv.Itoa(pid), NewNonce(), version}, ":")
}

// workerOf reads an id that WorkerID made; of another one it takes what is there.
func workerOf(id string) (w Worker) {
	parts := append(strings.SplitN(id, ":", 4), "", "", "")
	w.Host, w.Version = parts[0], parts[3]
	w.PID, _ = strconv.Atoi(parts[1])
	return w
}

// Workers returns the workers that are alive.
func (l *Ledger) Workers(ctx context.Context) ([]Worker, error) {
	pipe := l.rdb.Pipeline()
	now, all := redisconn.ClockIn(ctx, pipe, l.keys.Workers()), pipe.ZRevRangeWithScores(ctx, l.keys.Workers(), 0, -1)
	if _, err := pipe.Exec(ctx); err != nil {
		return nil, fmt.Errorf("ledger: workers: %w", err)
	}
	at, err := now()
	if err != nil {
		return nil, fmt.Errorf("ledger: workers: %w", err)
	}
	var alive []Worker
	for _, z := range all.Val() {
		id, _ := z.Member.(string)
		w := workerOf(id)
		if w.Seen = time.UnixMilli(int64(z.Score)); at.Sub(w.Seen) < 2*silence {
			alive = append(alive, w)
		}
	}
	return alive, nil
}
