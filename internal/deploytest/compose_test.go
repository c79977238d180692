package deploytest

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hpplink/hpplink/internal/app"
	"github.com/hpplink/hpplink/internal/merchant"
)

// composeReader is a program around what docker compose itself reads its files with.
const composeReader = "testdata/compose"

// compose is a compose file, as it is after interpolation and merging.
type compose struct {
	Services map[string]service
	Secrets  map[string]struct{ File string }
	Volumes  map[string]any
	Networks map[string]struct{ Internal bool }
}

type service struct {
	Image, User, Hostname string
	Entrypoint, Command   []string
	Environment           map[string]string
	ReadOnly              bool     `json:"read_only"`
	CapDrop               []string `json:"cap_drop"`
	SecurityOpt           []string `json:"security_opt"`
	Restart               string
	StopGracePeriod       string `json:"stop_grace_period"`
	Healthcheck           struct{ Test []string }
	DependsOn             map[string]struct{ Condition string } `json:"depends_on"`
	Ports                 []struct {
		HostIP string `json:"host_ip"`
	}
	Secrets []struct{ Source, Target string }
	Volumes []struct {
		Type, Source, Target string
		ReadOnly             bool `json:"read_only"`
	}
	Networks map[string]any
	Deploy   struct {
		Resources struct{ Limits struct{ Memory string } }
	}
}

// ours reports whether it runs the program.
func (s service) ours() bool { return strings.HasPrefix(s.Image, "hpplink:") }

func (s service) runs(role string) bool {
	i := slices.Index(s.Command, "--roles")
	return s.ours() && i >= 0 && slices.Contains(strings.Split(s.Command[i+1], ","), role)
}

// readCompose reads a compose file with every variable that it takes at its default.
func readCompose(path string) (c compose, problems string, err error) {
	if path, err = filepath.Abs(path); err != nil {
		return c, "", err
	}
	cmd := exec.Command("go", "run", ".", path)
	cmd.Dir = composeReader
	cmd.Env = append(os.Environ(), "GOFLAGS=", "GOWORK=off")
	var out, bad bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &bad
	if err := cmd.Run(); err != nil {
		return c, bad.String(), err
	}
	return c, bad.String(), json.Unmarshal(out.Bytes(), &c)
}

func mustReadCompose(t *testing.T) compose {
	t.Helper()
	c, problems, err := readCompose(filepath.Join(top, "docker-compose.yml"))
	if err != nil || len(c.Services) == 0 {
		t.Fatalf("%v\n%s", err, problems)
	}
	return c
}

var pinned = regexp.MustCompile(`^[a-z/-]+:v?\d+\.\d+\.\d+(-alpine)?$`)

// TestCompose holds what is promised of every container.
func TestCompose(t *testing.T) {
	c := mustReadCompose(t)
	for name, s := range c.Services {
		for what, ok := range map[string]bool{
			"a pinned version":         pinned.MatchString(s.Image) || s.Image == "hpplink:local",
			"a health check":           len(s.Healthcheck.Test) > 1,
			"a restart":                s.Restart == "unless-stopped",
			"its files read-only":      s.ReadOnly,
			"no capability":            slices.Equal(s.CapDrop, []string{"ALL"}),
			"no way to new privileges": slices.Equal(s.SecurityOpt, []string{"no-new-privileges:true"}),
			"a bound of memory":        s.Deploy.Resources.Limits.Memory != "",
			"a user that is not root":  s.ours() || s.User != "" && !strings.HasPrefix(s.User, "0"), // ours has one in the image
			"ports for this machine only": !slices.ContainsFunc(s.Ports, func(p struct {
				HostIP string `json:"host_ip"`
			}) bool {
				return p.HostIP != "127.0.0.1"
			}),
			"a network":                      len(s.Networks) > 0,
			"what it needs healthy before":   !slices.ContainsFunc(slices.Collect(maps.Values(s.DependsOn)), func(d struct{ Condition string }) bool { return d.Condition != "service_healthy" }),
			"Redis before it, if it runs us": s.Command == nil || s.Command[0] != "run" || s.DependsOn["redis"].Condition != "",
		} {
			if !ok {
				t.Errorf("%s does not have %s", name, what)
			}
		}
	}
	if !c.Networks["data"].Internal || len(c.Services["redis"].Networks) != 1 {
		t.Error("Redis can be reached from outside")
	}
}

// TestComposeWaitsLongEnough: no process is killed while it finishes.
func TestComposeWaitsLongEnough(t *testing.T) {
	for name, s := range mustReadCompose(t).Services {
		if s.Command == nil || s.Command[0] != "run" {
			continue
		}
		want := app.LongestWebStop
		if s.runs("worker") {
			want = app.LongestStop(merchant.DefaultTimeout, s.Environment["HPPLINK_SMTP"] != "")
		}
		if grace, err := time.ParseDuration(s.StopGracePeriod); err != nil || grace < want {
			t.Errorf("%s: %q, want %v at least (%v)", name, s.StopGracePeriod, want, err)
		}
	}
}

// TestComposeSecrets: the script makes every secret that is wanted, the containers' users can read it, and nobody else gets to it.
func TestComposeSecrets(t *testing.T) {
	c, dir := mustReadCompose(t), makeSecrets(t)
	var wanted []string
	for name, s := range c.Secrets {
		wanted = append(wanted, name)
		if want, _ := filepath.Abs(filepath.Join(deploy, "compose", "secrets", name)); s.File != want {
			t.Errorf("%s is at %s", name, s.File)
		}
	}
	slices.Sort(wanted)
	made, before := readSecrets(t, dir)
	if !slices.Equal(made, wanted) {
		t.Errorf("made: %q\nwanted: %q", made, wanted)
	}
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("%v %v", info.Mode(), err)
	}
	if out, err := exec.Command("sh", filepath.Join(filepath.Dir(dir), "secrets.sh")).CombinedOutput(); err != nil {
		t.Errorf("again: %v %s", err, out)
	}
	if _, after := readSecrets(t, dir); !maps.Equal(before, after) {
		t.Error("the second time it made others")
	}
	for name, s := range c.Services {
		for variable, value := range s.Environment {
			if secret := strings.TrimPrefix(value, "/run/secrets/"); secret != value &&
				!slices.ContainsFunc(s.Secrets, func(has struct{ Source, Target string }) bool { return has.Target == value }) {
				t.Errorf("%s has no secret %s for %s", name, secret, variable)
			}
		}
	}
}

// makeSecrets runs the script in a folder of its own, and returns where the secrets are.
func makeSecrets(t *testing.T) (dir string) {
	t.Helper()
	folder := t.TempDir()
	script := filepath.Join(folder, "secrets.sh")
	text, err := os.ReadFile(filepath.Join(deploy, "compose", "secrets.sh"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(script, text, 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("sh", script).CombinedOutput(); err != nil {
		t.Fatalf("%v %s", err, out)
	}
	return filepath.Join(folder, "secrets")
}

func readSecrets(t *testing.T, dir string) (names []string, values map[string]string) {
	t.Helper()
	all, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	values = map[string]string{}
	for _, f := range all {
		text, err := os.ReadFile(filepath.Join(dir, f.Name()))
		info, _ := f.Info()
		if err != nil || len(text) < 32 || info.Mode().Perm() != 0o444 {
			t.Errorf("%s: %d bytes, %v, %v", f.Name(), len(text), info.Mode(), err)
		}
		names, values[f.Name()] = append(names, f.Name()), string(text)
	}
	return names, values
}

// TestComposeIsChecked: a broken file is refused.
func TestComposeIsChecked(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(top, "docker-compose.yml"))
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string][2]string{
		"an unknown key":      {"    restart: unless-stopped\n", "    restarts: unless-stopped\n"},
		"a service not there": {"      prometheus: {condition", "      prometheuss: {condition"},
		"a secret not there":  {"    secrets: [redis-password]\n", "    secrets: [redis-passwords]\n"},
	} {
		broken := strings.Replace(string(text), change[0], change[1], 1)
		path := filepath.Join(t.TempDir(), "docker-compose.yml")
		if err := os.WriteFile(path, []byte(broken), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, _, err := readCompose(path); err == nil || broken == string(text) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestComposePrometheus: its configuration is right, with what is mounted beside it.
func TestComposePrometheus(t *testing.T) {
	dir := t.TempDir()
	mounts := map[string]string{}
	for _, v := range mustReadCompose(t).Services["prometheus"].Volumes {
		mounts[v.Target] = v.Source
	}
	for target, source := range mounts {
		if filepath.Dir(target) != "/etc/prometheus" {
			continue
		}
		text, err := os.ReadFile(source)
		if err != nil {
			t.Fatal(err)
		}
		text = bytes.ReplaceAll(text, []byte("/run/secrets/"), []byte(dir+"/"))
		if err := os.WriteFile(filepath.Join(dir, filepath.Base(target)), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "token"), []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	passes(t, "check", "config", filepath.Join(dir, "prometheus.yml"))
}
