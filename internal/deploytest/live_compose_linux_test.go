package deploytest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hpplink/hpplink/internal/postbox"
)

// town has the containers of the compose file, without an engine: each program of ours in a room made of the image, with its
// service's own words, variables, secrets and volumes, and each service at a loopback address of its own.
type town struct {
	image     string
	compose   compose
	secrets   string            // where secrets.sh has made them
	certs     string            // the volume
	addresses map[string]string // of services
	mailPort  string
}

// liveInCompose has the compose file's services work one order.
func liveInCompose(t *testing.T, image string) {
	box, err := postbox.Open(false, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { box.Close() })
	host, mailPort, _ := strings.Cut(box.Addr(), ":")
	net := fmt.Sprintf("127.%d.%d.", 1+os.Getpid()%250, 1+os.Getpid()/250%250)
	v := &town{image: image, compose: mustReadCompose(t), secrets: makeSecrets(t), certs: t.TempDir(), mailPort: mailPort, addresses: map[string]string{
		"redis": net + "1", "sandbox": net + "2", "worker": net + "3", "web": net + "4", "mail": host,
	}}
	if err := os.Chmod(v.certs, 0o777); err != nil { // as the volume's options make it
		t.Fatal(err)
	}
	redis := v.startRedis(t)
	started := []*running{redis}
	for _, name := range []string{"sandbox", "worker", "web"} {
		p := v.start(t, name)
		started = append(started, p)
		t.Cleanup(func() {
			if t.Failed() {
				t.Logf("%s:\n%s", name, p.said())
			}
		})
	}
	token, err := os.ReadFile(filepath.Join(v.secrets, "token"))
	if err != nil {
		t.Fatal(err)
	}
	answer := postOrder(t, "http://"+v.addresses["web"]+":8080", strings.TrimSpace(string(token)))
	if !strings.Contains(answer, `"state":"issued"`) || !strings.Contains(answer, `"url":"https://sandbox.localhost/`) {
		t.Errorf("the order: %s", answer)
	}
	firstMail(t, box)
	for _, p := range slices.Backward(started) {
		p.stop(t)
	}
}

// start starts a service, and waits until its health check passes.
func (v *town) start(t *testing.T, name string) *running {
	t.Helper()
	s := v.compose.Services[name]
	r, env := v.room(t, name), v.environment(t, name)
	_, final := readDockerfile(t)
	p := start(t, r.command(t, append(final.exec(t, "ENTRYPOINT"), v.here(name, s.Command)...)...), env)
	if s.Healthcheck.Test[0] != "CMD" {
		t.Fatalf("%s: there is no shell for %q", name, s.Healthcheck.Test)
	}
	p.waitFor(t, func() *exec.Cmd {
		probe := r.command(t, v.here(name, s.Healthcheck.Test[1:])...)
		probe.Env = append(probe.Env, env...)
		return probe
	})
	return p
}

// here has a service listen at its own address.
func (v *town) here(name string, words []string) (all []string) {
	for _, w := range words {
		all = append(all, strings.ReplaceAll(w, "0.0.0.0:", v.addresses[name]+":"))
	}
	return all
}

func (v *town) room(t *testing.T, name string) room {
	t.Helper()
	s := v.compose.Services[name]
	files, mounts := map[string]string{"/etc/hosts": v.addresses[name] + " localhost\n"}, map[string]string{}
	for n, address := range v.addresses {
		files["/etc/hosts"] += address + " " + n + "\n"
	}
	for _, secret := range s.Secrets {
		text, err := os.ReadFile(filepath.Join(v.secrets, secret.Source))
		if err != nil {
			t.Fatal(err)
		}
		files[secret.Target] = string(text)
	}
	for _, volume := range s.Volumes {
		mounts[volume.Target] = v.certs
	}
	r := newRoom(t, v.image, files, mounts)
	r.host = s.Hostname
	return r
}

func (v *town) environment(t *testing.T, name string) []string {
	t.Helper()
	_, final := readDockerfile(t)
	env := final.all("ENV")
	for variable, value := range v.compose.Services[name].Environment {
		env = append(env, variable+"="+strings.Replace(value, "//mail:1025", "//mail:"+v.mailPort, 1))
	}
	return v.here(name, env)
}

// startRedis runs the very words of the service, with the machine's redis-server.
func (v *town) startRedis(t *testing.T) *running {
	t.Helper()
	s, dir, address := v.compose.Services["redis"], t.TempDir(), v.addresses["redis"]
	text, err := os.ReadFile(filepath.Join(deploy, "compose", "redis.conf"))
	if err != nil {
		t.Fatal(err)
	}
	conf := filepath.Join(dir, "redis.conf")
	own := strings.Replace(string(text), "dir /data", "dir "+dir, 1) + "\nbind " + address + "\n"
	if err := os.WriteFile(conf, []byte(own), 0o600); err != nil {
		t.Fatal(err)
	}
	outside := strings.NewReplacer("/usr/local/etc/redis/redis.conf", conf, "/run/secrets/", v.secrets+"/", "redis-cli ", "redis-cli -h "+address+" ", "$$", "$")
	cmd := exec.Command(s.Entrypoint[0], append(s.Entrypoint[1:], outside.Replace(s.Command[0]))...)
	p := start(t, cmd, os.Environ())
	if s.Healthcheck.Test[0] != "CMD-SHELL" {
		t.Fatalf("%q", s.Healthcheck.Test)
	}
	p.waitFor(t, func() *exec.Cmd { return exec.Command("sh", "-c", outside.Replace(s.Healthcheck.Test[1])) })
	return p
}

// waitFor tries a health check until it passes.
func (p *running) waitFor(t *testing.T, probe func() *exec.Cmd) {
	t.Helper()
	var last string
	for end := time.Now().Add(liveBound); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		out, err := probe().CombinedOutput()
		if err == nil {
			return
		}
		last = fmt.Sprint(err, " ", string(out))
	}
	t.Fatalf("never healthy: %s\n%s", last, p.said())
}
