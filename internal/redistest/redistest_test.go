package redistest_test

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/hpplink/hpplink/internal/redistest"
)

// crashEnv makes this test binary start a server, print its address, and panic.
const crashEnv = "REDISTEST_CRASH"

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(redistest.M{M: m})
}

func TestEachStartsEmpty(t *testing.T) {
	for range 2 {
		redistest.Each(t, func(t *testing.T, addr string) {
			rdb, ctx := redistest.Client(t, addr), context.Background()
			if n := rdb.DBSize(ctx).Val(); n != 0 {
				t.Errorf("%d keys left by an earlier test", n)
			}
			if err := rdb.Set(ctx, "left", "over", 0).Err(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestServerIsSharedByTheBinary(t *testing.T) {
	if a, b := redistest.Server(t), redistest.Server(t); a != b {
		t.Errorf("two servers: %s and %s", a, b)
	}
}

func TestServersOfOneTestAreApart(t *testing.T) {
	a, b := redistest.StartServer(t), redistest.StartServer(t)
	if a.Addr == b.Addr || a.PID == b.PID {
		t.Errorf("one server for both: %+v, %+v", a, b)
	}
}

func TestRestartKeepsAddressAndAppendOnlyFile(t *testing.T) {
	ctx := context.Background()
	p := redistest.StartServer(t, "--appendonly", "yes", "--appendfsync", "always")
	if err := redistest.Client(t, p.Addr).Set(ctx, "k", "v", 0).Err(); err != nil {
		t.Fatal(err)
	}
	addr, pid := p.Addr, p.PID
	p.Kill()
	if _, err := net.Dial("tcp", addr); err == nil {
		t.Error("still listens after Kill")
	}
	p.Restart(t)
	if p.Addr != addr || p.PID == pid {
		t.Errorf("restarted as %s, process %d; was %s, process %d", p.Addr, p.PID, addr, pid)
	}
	if v := redistest.Client(t, p.Addr).Get(ctx, "k").Val(); v != "v" {
		t.Errorf("after a restart the value is %q", v)
	}
}

func TestServerDiesWithAPanickingBinary(t *testing.T) {
	if os.Getenv(crashEnv) != "" {
		fmt.Println("addr", redistest.Server(t))
		panic("as a broken test does")
	}
	cmd := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$")
	cmd.Env = append(os.Environ(), crashEnv+"=1", "TMPDIR="+t.TempDir())
	out, err := cmd.CombinedOutput()
	if err == nil {
		t.Fatalf("the binary did not panic: %s", out)
	}
	awaitRefused(t, printedAddr(string(out)))
}

func printedAddr(out string) string {
	lines := bufio.NewScanner(strings.NewReader(out))
	for lines.Scan() {
		if addr, ok := strings.CutPrefix(lines.Text(), "addr "); ok {
			return addr
		}
	}
	return ""
}

// awaitRefused gives the kernel a moment: the parent is waited for before its children are signalled.
func awaitRefused(t *testing.T, addr string) {
	t.Helper()
	if addr == "" {
		t.Fatal("the binary printed no address")
	}
	for end := time.Now().Add(5 * time.Second); time.Now().Before(end); time.Sleep(time.Millisecond) {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			return
		}
		conn.Close()
	}
	t.Errorf("the server at %s outlived its test binary", addr)
}

func TestWithoutRedisServerSaysWhatToDo(t *testing.T) {
	t.Setenv("PATH", "")
	got := fatalOf(t, func(tb testing.TB) { redistest.StartServer(tb) })
	if !strings.Contains(got, "make test") || strings.Contains(got, "\n") {
		t.Errorf("got %q", got)
	}
}

// fatalOf runs f and returns what it ended the test with.
func fatalOf(t *testing.T, f func(testing.TB)) string {
	r := &recorder{TB: t}
	func() {
		defer func() {
			if x := recover(); x != nil && x != any(r) {
				panic(x)
			}
		}()
		f(r)
	}()
	return r.message
}

type recorder struct {
	testing.TB
	message string
}

func (r *recorder) Fatal(args ...any) {
	r.message = fmt.Sprint(args...)
	panic(any(r))
}
