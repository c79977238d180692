package bench

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
)

// server is a redis-server of one run, set up as hpplink's documentation wants it: an append-only file written every
// second, nothing evicted.
type server struct {
	*process
	addr  string
	rdb   *redis.Client
	asked atomic.Int64 // commands that we sent
}

const startBound = 20 * time.Second

func startRedis(ctx context.Context, dir string) (*server, error) {
	path, err := exec.LookPath("redis-server")
	if err != nil {
		return nil, errors.New("redis-server is not installed: run `make bench`, which installs it")
	}
	data, err := os.MkdirTemp(dir, "redis-")
	if err != nil {
		return nil, err
	}
	addr, err := freeAddr()
	if err != nil {
		return nil, err
	}
	_, port, _ := net.SplitHostPort(addr)
	p, err := start(dir, "redis-server", command{path: path, args: []string{
		"--port", port, "--bind", "127.0.0.1", "--dir", data, "--save", "",
		"--appendonly", "yes", "--appendfsync", "everysec", "--auto-aof-rewrite-percentage", "0", "--maxmemory-policy", "noeviction",
	}}, nil, nil)
	if err != nil {
		return nil, err
	}
	// One connection, whose memory is there from the beginning, and no command that is not ours.
	rdb := redis.NewClient(&redis.Options{Addr: addr, PoolSize: 4, DisableIdentity: true})
	s := &server{process: p, addr: addr, rdb: rdb}
	rdb.AddHook(countAsked{s})
	if err := s.await(ctx); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func (s *server) await(ctx context.Context) error {
	for deadline := time.Now().Add(startBound); ; time.Sleep(5 * time.Millisecond) {
		if err := s.gone(); err != nil {
			return err
		}
		err := s.rdb.Ping(ctx).Err()
		if err == nil || time.Now().After(deadline) || ctx.Err() != nil {
			return err
		}
	}
}

func (s *server) close() {
	s.rdb.Close()
	s.kill()
}

func freeAddr() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}

// info asks for sections of INFO.
func (s *server) info(ctx context.Context, sections ...string) (info, error) {
	all := info{}
	for _, section := range sections {
		text, err := s.rdb.Info(ctx, section).Result()
		if err != nil {
			return nil, fmt.Errorf("INFO %s: %w", section, err)
		}
		for name, value := range parseInfo(text) {
			all[name] = value
		}
	}
	return all, nil
}

// stream is what a run needs to know of a stream.
type stream struct {
	length      int
	first, last time.Time // by Redis' clock
	bytes       int
}

func (s *server) stream(ctx context.Context, key string) (st stream, err error) {
	pipe := s.rdb.Pipeline()
	length := pipe.XLen(ctx, key)
	first, last := pipe.XRangeN(ctx, key, "-", "+", 1), pipe.XRevRangeN(ctx, key, "+", "-", 1)
	bytes := pipe.MemoryUsage(ctx, key, 0)
	if _, err := pipe.Exec(ctx); err != nil && !errors.Is(err, redis.Nil) {
		return st, err
	}
	st.length, st.bytes = int(length.Val()), int(bytes.Val())
	if st.length == 0 {
		return st, nil
	}
	if st.first, err = timeOf(first.Val()[0].ID); err != nil {
		return st, err
	}
	st.last, err = timeOf(last.Val()[0].ID)
	return st, err
}

// timeOf reads the time of an entry's id, "ms-n".
func timeOf(id string) (time.Time, error) {
	text, _, _ := strings.Cut(id, "-")
	ms, err := parseNumber(text)
	return time.UnixMilli(int64(ms)), err
}
