//go:build faults

package killpoint

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

var (
	kill    = read("HPPLINK_KILL_AT")
	stop    = read("HPPLINK_STOP_AT")
	resumed = make(chan struct{}) // closed once a stopped process runs again
)

// point is what a variable asks for.
type point struct {
	name   string
	n      int64
	delay  time.Duration
	passes atomic.Int64
}

// read ends the process on a malformed variable: a fault that never strikes would prove nothing.
func read(variable string) *point {
	text := os.Getenv(variable)
	if text == "" {
		return &point{}
	}
	name, rest, _ := strings.Cut(text, ":")
	count, wait, delayed := strings.Cut(rest, ":")
	if !delayed {
		wait = "0s"
	}
	n, err := strconv.ParseInt(count, 10, 64)
	delay, wrong := time.ParseDuration(wait)
	if err != nil || wrong != nil {
		fmt.Fprintf(os.Stderr, "%s=%q: want NAME:N or NAME:N:DELAY\n", variable, text)
		os.Exit(2)
	}
	return &point{name: name, n: n, delay: delay}
}

// At passes a point. In this build it may end or stop the process.
func At(name string) {
	if name == kill.name && kill.passes.Add(1) == kill.n {
		if kill.delay > 0 {
			time.AfterFunc(kill.delay, die)
			return
		}
		die()
	}
	if name != stop.name {
		return
	}
	n := stop.passes.Add(1)
	if n == stop.n {
		go freeze()
	}
	if n >= stop.n {
		<-resumed
	}
}

func die() {
	syscall.Kill(os.Getpid(), syscall.SIGKILL)
	select {} // nothing may happen after the point
}

func freeze() {
	time.Sleep(stop.delay)
	syscall.Kill(os.Getpid(), syscall.SIGSTOP)
	time.Sleep(50 * time.Millisecond) // the signal may reach another thread first
	close(resumed)
}
