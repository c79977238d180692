package redisconn

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
	"golang.org/x/sync/singleflight"
)

const (
	// askBound is how long a Sentinel may take to name the master.
	askBound = time.Second
	// settleBound is how long after a change of masters a Sentinel may not have heard of it.
	settleBound = 10 * time.Second
)

// sentinels find the master, and end the connections to one that is it no longer.
//
// The client of go-redis 9.23 for this asks one Sentinel, within the time for one dial, and no other one as long as that
// one is silent (sentinel.go, MasterAddr): where a machine dies with the master and that Sentinel on it, it finds the new
// master when the machine is back. These ask all at the same time.
type sentinels struct {
	master  string // its name
	of      string // for people to read
	log     *slog.Logger
	clients []*redis.SentinelClient
	dial    func(ctx context.Context, network, addr string) (net.Conn, error)
	asking  singleflight.Group
	loops   sync.WaitGroup
	closing context.Context
	close   context.CancelFunc

	mu    sync.Mutex
	now   named                  // the master, as far as is known
	since time.Time              // of now
	conns map[*masterConn]string // those that are open, with the address they go to
}

// named is what a Sentinel says: an address, and the number of the configuration that names it. Of two numbers the higher
// is the newer (the documentation of Sentinel, "Configuration epochs").
type named struct {
	addr  string
	epoch uint64
}

func newSentinels(t target, log *slog.Logger) *sentinels {
	s := &sentinels{master: t.master, of: t.addr, log: log, dial: t.options.Dialer, conns: map[*masterConn]string{}}
	s.closing, s.close = context.WithCancel(context.Background())
	for _, host := range t.hosts {
		s.clients = append(s.clients, redis.NewSentinelClient(&redis.Options{
			Addr: host, Username: t.sentinelUser, Password: t.sentinelPassword, Protocol: t.options.Protocol,
			Dialer: s.dial, DialTimeout: askBound, ReadTimeout: askBound, ContextTimeoutEnabled: true,
			MaxRetries: -1, DialerRetries: 1, PoolSize: 2,
			DisableIdentity: true, MaintNotificationsConfig: t.options.MaintNotificationsConfig,
		}))
	}
	for _, client := range s.clients {
		s.loops.Go(func() { s.listen(client) })
	}
	return s
}

// newSentinelClient makes a client of whichever server is the master when it connects.
func (t target) newSentinelClient() redis.UniversalClient {
	options := t.options
	options.Addr, options.Dialer, options.OnConnect = t.master, t.sentinels.dialMaster, mustBeMaster
	return redis.NewClient(&options)
}

// errReplica begins as Redis would say it, so that the client tries again at once.
var errReplica = errors.New("READONLY the server that was named master is a replica")

// mustBeMaster refuses a connection to a server that is not the master: nothing is ever to be read from a replica. A user
// who may not ask is believed to have reached the master.
func mustBeMaster(ctx context.Context, conn *redis.Conn) error {
	role, err := conn.Do(ctx, "role").Slice()
	if err == nil && len(role) > 0 && role[0] == "slave" {
		return errReplica
	}
	return nil
}

// end closes what the Sentinels are asked by.
func (s *sentinels) end() {
	s.close()
	for _, client := range s.clients {
		client.Close()
	}
	s.loops.Wait()
}

// listen hears of changes from one Sentinel. What it does not hear is learnt with the next connection.
func (s *sentinels) listen(client *redis.SentinelClient) {
	sub := client.Subscribe(s.closing, "+switch-master")
	defer sub.Close()
	changes := sub.Channel()
	for {
		select {
		case <-s.closing.Done():
			return
		case change, ok := <-changes:
			if !ok {
				return
			}
			if strings.HasPrefix(change.Payload, s.master+" ") {
				s.asking.Forget("") // who asks at present may have asked before the change
				_, _ = s.find(s.closing)
			}
		}
	}
}

// dialMaster connects to the master.
func (s *sentinels) dialMaster(ctx context.Context, network, _ string) (net.Conn, error) {
	addr, err := s.find(ctx)
	if err != nil {
		return nil, err
	}
	conn, err := s.dial(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	return s.keep(conn, addr)
}

// find returns the address of the master. Who asks while others do gets their answer.
func (s *sentinels) find(ctx context.Context) (string, error) {
	answer := s.asking.DoChan("", func() (any, error) {
		best, err := s.ask()
		if err != nil {
			return "", err
		}
		return s.settle(best, time.Now()), nil
	})
	select {
	case <-ctx.Done():
		return "", ctx.Err()
	case a := <-answer:
		addr, _ := a.Val.(string)
		return addr, a.Err
	}
}

// answer is that of one Sentinel.
type answer struct {
	named
	err error
}

// ask asks all Sentinels and returns the newest of what most of them say, or of what those say that answer in time.
func (s *sentinels) ask() (named, error) {
	heard, errs := s.hear()
	if len(heard) == 0 {
		return named{}, s.silence(errs)
	}
	return newest(heard), nil
}

// most is how many of the Sentinels are more than half.
func (s *sentinels) most() int { return len(s.clients)/2 + 1 }

// hear returns what most Sentinels say, or those that answer in time.
func (s *sentinels) hear() (heard []answer, errs []error) {
	ctx, cancel := context.WithTimeout(s.closing, askBound)
	defer cancel()
	answers := make(chan answer, len(s.clients))
	for _, client := range s.clients {
		go func() { answers <- s.askOne(ctx, client) }()
	}
	for range s.clients {
		a := <-answers
		if a.err != nil {
			errs = append(errs, a.err)
			continue
		}
		if heard = append(heard, a); len(heard) == s.most() {
			break
		}
	}
	return heard, errs
}

// begin remembers who the master is, and returns a function that reports whether most Sentinels name the same one still. Those that
// are cut off together with a former master are not most of them.
func (s *sentinels) begin() (still func() bool) {
	s.mu.Lock()
	before := s.now.addr
	s.mu.Unlock()
	return func() bool {
		heard, _ := s.hear()
		return len(heard) >= s.most() && newest(heard).addr == before
	}
}

// Named is for asking those who name a master whether that is still the same one. The zero Named is of a Redis whose master
// nobody names, and says yes: a master of a cluster that is cut off from most others takes nothing of its own accord.
type Named struct{ sentinels *sentinels }

// Named returns who names the master of c.
func (c *Conn) Named() Named {
	if c.target.place == nil {
		return Named{}
	}
	return Named{c.target.sentinels}
}

func (n Named) begin() (still func() bool) {
	if n.sentinels == nil {
		return func() bool { return true }
	}
	return n.sentinels.begin()
}

func (s *sentinels) askOne(ctx context.Context, client *redis.SentinelClient) answer {
	// First its number, so that it is not taken for newer than the address. Who may not ask for it goes without.
	state, _ := client.Master(ctx, s.master).Result()
	addr, err := client.GetMasterAddrByName(ctx, s.master).Result()
	if err != nil {
		return answer{err: err}
	}
	epoch, _ := strconv.ParseUint(state["config-epoch"], 10, 64)
	return answer{named: named{net.JoinHostPort(addr[0], addr[1]), epoch}}
}

// newest prefers, among those of the highest number, what most say.
func newest(heard []answer) (best named) {
	votes := map[named]int{}
	for _, a := range heard {
		votes[a.named]++
		if a.epoch > best.epoch || a.epoch == best.epoch && votes[a.named] > votes[best] {
			best = a.named
		}
	}
	return best
}

// settle takes note of the master, and ends the connections to any other server. Sentinels that have not heard of a change
// yet do not undo it. A lower number is believed later: somebody may have set the Sentinels up anew.
func (s *sentinels) settle(best named, now time.Time) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if best.addr == s.now.addr || best.epoch < s.now.epoch && now.Sub(s.since) < settleBound {
		return s.now.addr
	}
	if s.now.addr != "" {
		s.log.Info("Redis has another master", "redis", s.of, "master", best.addr)
	}
	s.now, s.since = best, now
	for conn, addr := range s.conns {
		if addr != best.addr {
			go conn.Conn.Close() // TLS may want to say goodbye to who does not listen any more
		}
	}
	return best.addr
}

// silence says why no Sentinel named the master.
func (s *sentinels) silence(errs []error) error {
	e := &noMasterError{reason: "none of its Sentinels answers"}
	for _, err := range errs {
		var answer redis.Error
		if !errors.As(err, &answer) { // or else redis.Nil, which they answer, would be taken for Redis' own
			e.cause = errors.Join(e.cause, err)
		}
		switch {
		case errors.Is(err, redis.Nil):
			e.reason = fmt.Sprintf("its Sentinels know no master named %q", s.master)
		case isDenied(err):
			e.denied, e.reason = true, "its Sentinels refuse the user name or password"
		case errors.As(err, &answer):
			e.reason = "what answers is no Sentinel, or not in order: " + answer.Error()
		}
	}
	return e
}

// noMasterError says that no Sentinel named the master.
type noMasterError struct {
	reason string
	denied bool // they do not accept the credentials
	cause  error
}

// Error implements error.
func (e *noMasterError) Error() string { return e.reason }

// Unwrap returns what they said.
func (e *noMasterError) Unwrap() error { return e.cause }
