package fleet_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/hpplink/hpplink/internal/redistest"
	"github.com/hpplink/hpplink/internal/results"
)

const (
	masters        = 3
	partitions     = 6
	clusterWorkers = 4
	mostUneven     = 0.20 // (most-least)/most of the masters
)

// TestCluster works the orders of a namespace on three masters: each carries its share, and one of them may die.
func TestCluster(t *testing.T) {
	together(t)
	c := redistest.StartCluster(t, masters, 1, "--cluster-require-full-coverage", "no") // or else all of it stands still with one
	t.Run("each master its share", func(t *testing.T) { eachItsShare(t, c) })
	t.Run("a master dies", func(t *testing.T) { masterDies(t, c) })
}

func eachItsShare(t *testing.T, c *redistest.Cluster) {
	n := sized(2000, 50_000)
	f := (&fleet{url: c.URL(), namespace: "share", partitions: partitions}).begin(t, 5*time.Millisecond)
	f.start(clusterWorkers)
	before, begun := loads(t, c.Nodes[:masters]), time.Now()
	f.produce(0, n).wait(f)
	f.drained(n, sized(time.Minute, 5*time.Minute))
	took := time.Since(begun)
	done := since(loads(t, c.Nodes[:masters]), before)

	count := f.count(n)
	t.Logf("%v; %.0f links/s with all %d workers, %d producers and %d servers on this machine", count, float64(n)/took.Seconds(), clusterWorkers, producers, len(c.Nodes))
	count.once(f)
	f.worked()
	for i, l := range done {
		t.Logf("master %d: %d commands (those in scripts included), %d scripts, %.1f s of CPU", i, l.commands, l.scripts, l.cpu)
	}
	byCommands := uneven(done, func(l load) int { return l.commands })
	t.Logf("(most-least)/most of the masters: %.3f by commands, %.3f by scripts, %.3f by CPU", byCommands,
		uneven(done, func(l load) int { return l.scripts }), uneven(done, func(l load) int { return int(1000 * l.cpu) }))
	if byCommands > mostUneven {
		t.Errorf("the masters' shares are %.3f apart, want at most %.2f", byCommands, mostUneven)
	}
	f.idle(c)
}

// idle logs what one worker without orders asks of the cluster.
func (f *fleet) idle(c *redistest.Cluster) {
	f.t.Helper()
	for _, p := range f.workers[1:] {
		p.stop(f.t)
	}
	before, begun := loads(f.t, c.Nodes[:masters]), time.Now()
	<-time.After(sized(time.Second, 10*time.Second)) // the span that is measured, not a wait for something
	done, seconds := since(loads(f.t, c.Nodes[:masters]), before), time.Since(begun).Seconds()
	commands, scripts := 0, 0
	for _, l := range done {
		commands, scripts = commands+l.commands, scripts+l.scripts
	}
	f.t.Logf("one idle worker of %d partitions: %.0f commands a second in all (those in scripts included), %.0f scripts; over %.1f s: %s",
		partitions, float64(commands)/seconds, float64(scripts)/seconds, seconds, most(done, 12))
	f.workers[0].stop(f.t)
}

// masterDies kills a master in the middle of the work, and starts it again some seconds after a replica has taken its place: until
// then that one has no replica, and nothing of its partitions is acknowledged or published.
func masterDies(t *testing.T, c *redistest.Cluster) {
	n, pause := sized(3000, 50_000), sized(0, 5*time.Second)
	f := (&fleet{url: c.URL(), namespace: "dies", partitions: partitions, durable: true, timeout: 2 * time.Second}).begin(t, 20*time.Millisecond)
	f.produce(0, 4*n/5).wait(f) // so that the other partitions have work while producers wait for that one
	reader := follow(f)
	f.start(clusterWorkers)
	work := f.produce(4*n/5, n)
	f.asked(n / 5)
	victim := f.base.Ledger.Streams()[1]
	lost := f.streamsOf(c, c.MasterOf(t, victim))
	killed := time.Now()
	master := c.KillMaster(t, victim)
	failedOver := time.Since(killed)
	<-time.After(pause) // as long as somebody takes to start it again
	master.Restart(t)
	restarted := time.Since(killed)
	work.wait(f)
	f.drained(n, 2*patience)
	live := reader.stop()
	count := f.count(n, live)
	t.Logf("%v; %d orders were sent again; a replica took over after %v, the dead master came back as a replica after %v", count,
		work.resent.Load(), failedOver.Round(time.Millisecond), restarted.Round(time.Millisecond))
	f.standstills(count, killed)
	lives := 0
	for _, one := range f.base.Ledger.All() {
		if stream := one.Keys().Results(); !lost[stream] {
			lives += between(count.told.times[stream], killed, killed.Add(failedOver))
		}
	}
	t.Logf("links of the other masters until the replica had taken over: %d", lives)
	if lives == 0 {
		t.Error("the masters that live stood still with the one that died")
	}
	f.worked()
}

// between is how many times are within a span.
func between(times []time.Time, from, to time.Time) (n int) {
	for _, at := range times {
		if at.After(from) && at.Before(to) {
			n++
		}
	}
	return n
}

// streamsOf are the result streams that a master has.
func (f *fleet) streamsOf(c *redistest.Cluster, master *redistest.Process) map[string]bool {
	has := map[string]bool{}
	for _, stream := range f.base.Ledger.Streams() {
		has[stream] = c.MasterOf(f.t, stream) == master
	}
	return has
}

// standstills logs for how long each stream had no link around a moment.
func (f *fleet) standstills(c *count, at time.Time) {
	f.t.Helper()
	for _, one := range f.base.Ledger.All() {
		times := c.told.times[one.Keys().Results()]
		longest, from := standstill(times)
		f.t.Logf("%s: %d links, the longest time without one %v, from %v after the kill", one.Namespace(), len(times),
			longest.Round(time.Millisecond), from.Sub(at).Round(time.Millisecond))
	}
	longest, from := standstill(c.told.each())
	f.t.Logf("all streams: %v without a link, from %v after the kill", longest.Round(time.Millisecond), from.Sub(at).Round(time.Millisecond))
}

// follower reads all the time, as a consumer does. What it has read stays read, whatever Redis loses.
type follower struct {
	told *told
	stop func() *told
}

func follow(f *fleet) *follower {
	f.t.Helper()
	r := &follower{told: nothing()}
	following, cancel := context.WithCancel(ctx)
	var reading sync.WaitGroup
	reading.Go(func() {
		if err := f.base.Results.Follow(following, results.Start, r.told.hear); err != nil {
			f.t.Errorf("following: %v", err)
		}
	})
	r.stop = func() *told {
		cancel()
		reading.Wait()
		return r.told
	}
	f.t.Cleanup(func() { r.stop() })
	return r
}
