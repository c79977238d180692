package deploytest

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/hpplink/hpplink/internal/postbox"
	"github.com/hpplink/hpplink/internal/redistest"
)

// liveBound is for everything that is waited for, with two busy cores in mind.
const liveBound = 30 * time.Second

const liveToken = "a-token-of-this-test"

// liveInImage has the program work one order with nothing but the image's files: the gateway is trusted by the image's certificates,
// and the customer reads the time of their own zone.
func liveInImage(t *testing.T, root, gatewayURL string) {
	redis := redistest.StartServer(t, "--appendonly", "yes", "--requirepass", "planted")
	box, err := postbox.Open(false, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { box.Close() })
	listen := "0.0.0.0:" + freePort(t)
	room := newRoom(t, root, map[string]string{
		"/run/secrets/redis-url": "redis://:planted@" + redis.Addr + "/0", "/run/secrets/api-key": "any", "/run/secrets/x-api-key": "any",
		"/run/secrets/token": liveToken,
	}, nil)
	env := []string{
		"HPPLINK_REDIS_FILE=/run/secrets/redis-url", "HPPLINK_API_KEY_FILE=/run/secrets/api-key", "HPPLINK_X_API_KEY_FILE=/run/secrets/x-api-key",
		"HPPLINK_TOKEN_FILE=/run/secrets/token", "HPPLINK_LISTEN=" + listen,
		"HPPLINK_GATEWAY_URL=" + gatewayURL + "/api/v1", "HPPLINK_MERCHANT_ID=M-1", "HPPLINK_SMTP=smtp://" + box.Addr(),
	}
	_, final := readDockerfile(t)
	entrypoint := final.exec(t, "ENTRYPOINT")
	run := start(t, room.command(t, append(entrypoint, final.exec(t, "CMD")...)...), env)
	run.says(t, "msg=working")

	for name, words := range map[string][]string{
		"HEALTHCHECK": final.exec(t, "HEALTHCHECK"), "readiness": append(entrypoint, "healthy", "--ready"),
	} {
		probe := room.command(t, words...)
		probe.Env = append(probe.Env, env...)
		if out, err := probe.CombinedOutput(); err != nil {
			t.Errorf("%s: %v %s", name, err, out)
		}
	}
	answer := postOrder(t, "http://127.0.0.1:"+strings.TrimPrefix(listen, "0.0.0.0:"), liveToken)
	if !strings.Contains(answer, `"state":"issued"`) {
		t.Errorf("the order: %s", answer)
	}
	if mail := firstMail(t, box); !strings.Contains(mail, "2126年1月1日 09:00 (UTC+9)") {
		t.Errorf("the customer in Tokyo does not read their own time:\n%s", mail)
	}
	run.stop(t)
}

func postOrder(t *testing.T, url, token string) string {
	t.Helper()
	const order = `{"merchant_txn_ref":"IMAGE-1","amount":1000,"currency":"JPY","merchant_email":"shop@shop.example",
		"return_url":{"success_url":"https://shop.example/ok"},"payment_method":{"type":"scheme"},"billing_address":{"country":"JP"},
		"time_zone":"Asia/Tokyo","expires_at":"2126-01-01T00:00:00Z","delivery":{"email":{"to":"taro@customer.example","locale":"ja"}}}`
	ctx, cancel := context.WithTimeout(t.Context(), liveBound)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url+"/v1/orders?wait=20s", strings.NewReader(order))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Authorization", "Bearer "+token)
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// firstMail returns the text of the first email that comes.
func firstMail(t *testing.T, box *postbox.Box) string {
	t.Helper()
	for end := time.Now().Add(liveBound); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if all := box.Mails(); len(all) > 0 {
			letter, err := postbox.Read(all[0].Data)
			if err != nil {
				t.Fatal(err)
			}
			return letter.Text
		}
	}
	t.Fatal("no email came")
	return ""
}

func freePort(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	return port
}

// running is a program that runs.
type running struct {
	cmd   *exec.Cmd
	lines chan string // of its standard error; closed at its end
	ended chan error
	mu    sync.Mutex
	log   strings.Builder
}

func start(t *testing.T, cmd *exec.Cmd, env []string) *running {
	t.Helper()
	cmd.Env = append(cmd.Env, env...)
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p := &running{cmd: cmd, lines: make(chan string, 1000), ended: make(chan error, 1)}
	go p.read(stderr)
	t.Cleanup(func() {
		cmd.Process.Kill()
		<-p.ended
	})
	return p
}

func (p *running) read(stderr io.Reader) {
	for lines := bufio.NewScanner(stderr); lines.Scan(); {
		p.mu.Lock()
		fmt.Fprintln(&p.log, lines.Text())
		p.mu.Unlock()
		select {
		case p.lines <- lines.Text():
		default: // nobody waits for that many
		}
	}
	close(p.lines)
	p.ended <- p.cmd.Wait()
	close(p.ended)
}

// said returns the end of what it wrote.
func (p *running) said() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	lines := strings.SplitAfter(p.log.String(), "\n")
	return strings.Join(lines[max(0, len(lines)-20):], "")
}

// says waits for a line with a text.
func (p *running) says(t *testing.T, text string) {
	t.Helper()
	bound := time.After(liveBound)
	for {
		select {
		case line, more := <-p.lines:
			if strings.Contains(line, text) {
				return
			}
			if !more {
				t.Fatalf("it ended without %q:\n%s", text, p.said())
			}
		case <-bound:
			t.Fatalf("it does not say %q:\n%s", text, p.said())
		}
	}
}

// stop asks it to end, and wants it to.
func (p *running) stop(t *testing.T) {
	t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-p.ended:
		if err != nil {
			t.Errorf("at SIGTERM: %v\n%s", err, p.said())
		}
	case <-time.After(liveBound):
		t.Errorf("SIGTERM does not end it:\n%s", p.said())
	}
}
