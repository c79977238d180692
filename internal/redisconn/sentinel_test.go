package redisconn_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/hpplink/hpplink/internal/redisconn"
	"github.com/hpplink/hpplink/internal/redistest"
)

// TestSentinel goes through the life of a master with replicas: what is asked at the start, a change of masters on
// purpose, the death of the master together with a Sentinel, and Sentinels that ask for a password.
func TestSentinel(t *testing.T) {
	s := redistest.StartSentinel(t)
	c := open(t, s.URL())
	t.Run("tells", func(t *testing.T) { sentinelTells(t, s, c) })
	t.Run("misnamed", func(t *testing.T) { sentinelMisnamed(t, s) })
	t.Run("no Sentinel", func(t *testing.T) { noSentinel(t, s.Servers[0]) })
	t.Run("changes on purpose", func(t *testing.T) { masterChanges(t, s, c) })
	t.Run("dies with a silent Sentinel", func(t *testing.T) { masterDies(t, s, c) })
	t.Run("asks for a password", func(t *testing.T) { sentinelPassword(t, s) })
}

func sentinelTells(t *testing.T, s *redistest.Sentinel, c *redisconn.Conn) {
	r, err := c.Check(context.Background())
	if err != nil || r.Masters != 1 || r.Replicas != 2 || r.Version == "" {
		t.Errorf("%+v, %v", r, err)
	}
	if want := strings.TrimPrefix(s.URL(), "redis+sentinel://"); c.Addr() != want {
		t.Errorf("it is at %s, want %s", c.Addr(), want)
	}
	if m, err := c.Memory(context.Background()); err != nil || m.Used == 0 {
		t.Errorf("%+v, %v", m, err)
	}
}

func sentinelMisnamed(t *testing.T, s *redistest.Sentinel) {
	_, err := redisconn.Open(context.Background(), strings.TrimSuffix(s.URL(), s.Master)+"nobody", quiet())
	if !redisconn.IsAway(err) || errors.Is(err, redis.Nil) || !strings.Contains(err.Error(), `its Sentinels know no master named "nobody"`) {
		t.Errorf("got %v", err)
	}
}

func noSentinel(t *testing.T, server *redistest.Process) {
	for addr, want := range map[string]string{
		server.Addr:    "what answers is no Sentinel",
		listen(t, nil): "none of its Sentinels answers",
	} {
		_, err := redisconn.Open(context.Background(), "redis+sentinel://"+addr+"/main", quiet())
		if !redisconn.IsAway(err) || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

// masterDies has one Sentinel be silent at the same time, as when they shared a machine that is cut off. go-redis' own
// client for Sentinels would ask it until it answers again, and no other.
func masterDies(t *testing.T, s *redistest.Sentinel, c *redisconn.Conn) {
	ctx := context.Background()
	sub := c.Client().Subscribe(ctx, "bell")
	defer sub.Close()
	rings := sub.Channel()
	s.Sentinels[0].Pause(t)
	defer s.Sentinels[0].Resume(t)
	load := startWriting(t, c.Client(), "k")
	s.KillMaster(t)
	load.mustGoOn(t)
	load.stop(t)
	for ticker, end := time.NewTicker(50*time.Millisecond), time.After(20*time.Second); ; {
		c.Client().Publish(ctx, "bell", "rings")
		select {
		case <-rings:
			return
		case <-end:
			t.Fatal("nobody listens any more")
		case <-ticker.C:
		}
	}
}

// masterChanges looks at where our connections go at the end.
func masterChanges(t *testing.T, s *redistest.Sentinel, c *redisconn.Conn) {
	load := startWriting(t, c.Client(), "k")
	former := s.Failover(t)
	load.mustGoOn(t)
	load.stop(t)
	if r, err := c.Check(context.Background()); err != nil || s.Now(t) == former {
		t.Errorf("%+v, %v", r, err)
	}
	if n := load.latest(t, redistest.Client(t, s.Now(t).Addr)); n != load.acknowledged {
		t.Errorf("the new master has %d, and the last of %d was acknowledged at the end", n, load.acknowledged)
	}
}

func sentinelPassword(t *testing.T, s *redistest.Sentinel) {
	ctx := context.Background()
	for _, p := range s.Sentinels {
		rdb := redistest.Client(t, p.Addr)
		if err := rdb.Do(ctx, "acl", "setuser", "default", "resetpass", ">"+secret).Err(); err != nil {
			t.Fatal(err)
		}
	}
	if err := open(t, redisconn.WithSentinelPassword(s.URL(), secret)).Client().Ping(ctx).Err(); err != nil {
		t.Error(err)
	}
	_, err := redisconn.Open(ctx, redisconn.WithSentinelPassword(s.URL(), "wrong"), quiet())
	var denied *redisconn.DeniedError
	if !errors.As(err, &denied) || !denied.Sentinels {
		t.Errorf("got %v", err)
	}
}

// writing sets a key to 1, 2, 3 … by a script, one after the other, each until it was done.
type writing struct {
	rdb          redis.UniversalClient
	key          string
	end          context.CancelFunc
	done         sync.WaitGroup
	writes       chan int // each that was acknowledged, while somebody listens
	acknowledged int      // the last, once it has stopped
	errs         []error
}

var setScript = redis.NewScript(`return redis.call('SET', KEYS[1], ARGV[1])`)

func startWriting(t *testing.T, rdb redis.UniversalClient, key string) *writing {
	t.Helper()
	w := &writing{rdb: rdb, key: key, writes: make(chan int)}
	ctx, cancel := context.WithCancel(context.Background())
	w.end = cancel
	t.Cleanup(cancel)
	w.done.Go(func() {
		for i := 1; ctx.Err() == nil; {
			err := setScript.Run(context.Background(), rdb, []string{key}, i).Err()
			if err != nil {
				w.errs = append(w.errs, err)
				time.Sleep(5 * time.Millisecond)
				continue
			}
			w.acknowledged = i
			select {
			case w.writes <- i:
			default:
			}
			i++
		}
	})
	w.next(t)
	return w
}

// next waits for a write that begins from now on.
func (w *writing) next(t *testing.T) {
	t.Helper()
	for range 2 {
		select {
		case <-w.writes:
		case <-time.After(30 * time.Second):
			t.Fatal("nothing is written any more")
		}
	}
}

func (w *writing) mustGoOn(t *testing.T) {
	t.Helper()
	begun := time.Now()
	w.next(t)
	if took := time.Since(begun); took > 10*time.Second {
		t.Errorf("it went on %v after the others knew of the new master", took)
	}
}

// stop wants every error on the way to say that it is worth trying again.
func (w *writing) stop(t *testing.T) {
	t.Helper()
	w.end()
	w.done.Wait()
	for _, err := range w.errs {
		if !redisconn.IsAway(err) {
			t.Errorf("an error that is not known to pass: %v", err)
		}
	}
	t.Logf("%d writes, %d errors %v", w.acknowledged, len(w.errs), kinds(w.errs))
}

func kinds(errs []error) map[string]int {
	n := map[string]int{}
	for _, err := range errs {
		var away *redisconn.UnreachableError
		if errors.As(err, &away) {
			n[away.Reason]++
		} else {
			n[fmt.Sprint(err)]++
		}
	}
	return n
}

func (w *writing) latest(t *testing.T, rdb redis.UniversalClient) int {
	t.Helper()
	n, err := rdb.Get(context.Background(), w.key).Int()
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestMostSentinelsConfirmTheMaster: one that is cut off from most of them may have been replaced.
func TestMostSentinelsConfirmTheMaster(t *testing.T) {
	s := redistest.StartSentinel(t)
	c := open(t, s.URL())
	still := c.Named().Begin()
	if !still() {
		t.Error("nothing has changed")
	}
	for _, watcher := range s.Sentinels[1:] {
		watcher.Pause(t)
	}
	if still() {
		t.Error("one of three was believed")
	}
	for _, watcher := range s.Sentinels[1:] {
		watcher.Resume(t)
	}
	eventually(t, still)
	s.Failover(t)
	if still() {
		t.Error("it is another one")
	}
	if single := redistest.StartServer(t); !open(t, "redis://"+single.Addr).Named().Begin()() {
		t.Error("nobody else names the master")
	}
}
