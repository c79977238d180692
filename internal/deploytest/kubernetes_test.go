package deploytest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

// kustomize builds the manifests. It is no dependency of the program: go run fetches it.
const kustomize = "sigs.k8s.io/kustomize/kustomize/v5@v5.8.1"

// overlays are the folders that are to be applied.
var overlays = []string{"production", "single"}

// object is one manifest: as it is, and what the checks look at.
type object struct {
	raw any // as JSON

	APIVersion string `json:"apiVersion"`
	Kind       string
	Metadata   struct{ Name, Namespace string }
	Data       map[string]string // of a ConfigMap
	Spec       spec
}

func (o object) String() string { return o.Kind + " " + o.Metadata.Name }

// labels pick pods.
type labels struct {
	MatchLabels map[string]string `json:"matchLabels"`
}

func (l labels) match(pod map[string]string) bool {
	for name, value := range l.MatchLabels {
		if pod[name] != value {
			return false
		}
	}
	return true
}

// spec has the parts of all kinds that the checks look at.
type spec struct {
	Replicas       *int
	Selector       json.RawMessage // labels, but of a Service the pairs themselves
	Template       template
	PodSelector    labels   `json:"podSelector"`
	PolicyTypes    []string `json:"policyTypes"`
	Ports          []struct{ TargetPort string }
	ScaleTargetRef struct{ Name string } `json:"scaleTargetRef"`
	Triggers       []struct{ Metadata struct{ Query string } }
	MaxUnavailable int `json:"maxUnavailable"`

	PodMetricsEndpoints []struct {
		Port          string
		Authorization struct {
			Credentials struct{ Name, Key string }
		}
	} `json:"podMetricsEndpoints"`
}

// picks are the labels by which it picks pods.
func (s spec) picks() labels {
	var l labels
	if json.Unmarshal(s.Selector, &l) != nil || l.MatchLabels == nil {
		_ = json.Unmarshal(s.Selector, &l.MatchLabels)
	}
	return l
}

type template struct {
	Metadata struct{ Labels map[string]string }
	Spec     pod
}

type pod struct {
	TerminationGracePeriodSeconds int   `json:"terminationGracePeriodSeconds"`
	AutomountServiceAccountToken  *bool `json:"automountServiceAccountToken"`
	EnableServiceLinks            *bool `json:"enableServiceLinks"`
	SecurityContext               struct {
		RunAsNonRoot   bool                  `json:"runAsNonRoot"`
		RunAsUser      int                   `json:"runAsUser"`
		FSGroup        int                   `json:"fsGroup"`
		SeccompProfile struct{ Type string } `json:"seccompProfile"`
	} `json:"securityContext"`
	Containers []container
	Volumes    []struct {
		Name      string
		Secret    struct{ SecretName string }
		ConfigMap struct{ Name string }
	}
}

type container struct {
	Image string
	Args  []string
	Env   []struct {
		Name, Value string
		ValueFrom   any
	}
	EnvFrom []any
	Ports   []struct {
		Name          string
		ContainerPort int `json:"containerPort"`
	}
	StartupProbe, ReadinessProbe, LivenessProbe *probe
	Lifecycle                                   struct {
		PreStop struct{ Sleep struct{ Seconds int } }
	}
	Resources       struct{ Requests, Limits map[string]string }
	SecurityContext struct {
		AllowPrivilegeEscalation *bool
		ReadOnlyRootFilesystem   bool
		Capabilities             struct{ Drop []string }
	}
	VolumeMounts []struct{ Name, MountPath string }
}

type probe struct {
	HTTPGet struct{ Path, Port string } `json:"httpGet"`
}

// env returns the value of a variable.
func (c container) env(name string) string {
	for _, e := range c.Env {
		if e.Name == name {
			return e.Value
		}
	}
	return ""
}

// buildManifests builds an overlay in a folder that is laid out as deploy/kubernetes.
func buildManifests(folder, overlay string) (text string, err error) {
	cmd := exec.Command("go", "run", kustomize, "build", filepath.Join(folder, "overlays", overlay))
	cmd.Env = append(os.Environ(), "GOFLAGS=", "GOWORK=off")
	cmd.Dir = os.TempDir() // no module: what the program depends on is of no matter
	var bad bytes.Buffer
	cmd.Stderr = &bad
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("kustomize: %w: %s", err, bad.String())
	}
	return string(out), nil
}

func parseManifests(text string) (all []object, err error) {
	documents := yaml.NewDecoder(strings.NewReader(text))
	for {
		var document any
		if err := documents.Decode(&document); errors.Is(err, io.EOF) {
			return all, nil
		} else if err != nil {
			return nil, err
		}
		asJSON, err := json.Marshal(document)
		if err != nil {
			return nil, err
		}
		var o object
		if err := errors.Join(json.Unmarshal(asJSON, &o), json.Unmarshal(asJSON, &o.raw)); err != nil {
			return nil, fmt.Errorf("%s: %w", o, err)
		}
		all = append(all, o)
	}
}

func mustBuild(t *testing.T, overlay string) (text string, all []object) {
	t.Helper()
	folder, err := filepath.Abs(filepath.Join(deploy, "kubernetes"))
	if err != nil {
		t.Fatal(err)
	}
	if text, err = buildManifests(folder, overlay); err == nil {
		all, err = parseManifests(text)
	}
	if err != nil {
		t.Fatal(err)
	}
	return text, all
}

// TestManifests: each overlay is what Kubernetes takes, and keeps what we promise.
func TestManifests(t *testing.T) {
	schemas := loadSchemas(t)
	for _, overlay := range overlays {
		_, all := mustBuild(t, overlay)
		for _, problem := range append(schemas.problems(all), promises(t, all)...) {
			t.Errorf("%s: %s", overlay, problem)
		}
	}
}

// TestManifestsAreChecked spoils one thing at a time.
func TestManifestsAreChecked(t *testing.T) {
	schemas := loadSchemas(t)
	text, _ := mustBuild(t, "production")
	for name, change := range map[string]struct{ old, new, says string }{
		"an unknown field":              {"  replicas: 2", "  replica: 2", `"replica"`},
		"an unknown field, deep":        {"readOnlyRootFilesystem", "readonlyRootFilesystem", `"readonlyRootFilesystem"`},
		"a wrong type":                  {"timeoutSeconds: 2", "timeoutSeconds: two", "timeoutSeconds"},
		"a field that is missing":       {"containerPort: 8080", "hostIP: 10.0.0.1", `"containerPort"`},
		"an unknown kind":               {"kind: Service\n", "kind: Servicee\n", "Servicee"},
		"an old version":                {"policy/v1\n", "policy/v1beta1\n", "policy/v1beta1"},
		"a custom resource's field":     {"maxReplicaCount", "maxReplicas", `"maxReplicas"`},
		"a secret as a variable":        {"name: HPPLINK_REDIS_FILE", "name: HPPLINK_REDIS", "HPPLINK_REDIS is a secret"},
		"a secret that is not mounted":  {"mountPath: /run/secrets/hpplink", "mountPath: /run/secret", "is in no secret"},
		"too little time to end":        {"terminationGracePeriodSeconds: 110", "terminationGracePeriodSeconds: 30", "SIGKILL"},
		"a longer call than expected":   {"timeout: 15s", "timeout: 2m", "SIGKILL"},
		"a budget for no pods":          {"  maxUnavailable: 1\n  selector:\n    matchLabels:\n      app.kubernetes.io/component: web", "  maxUnavailable: 1\n  selector:\n    matchLabels:\n      app.kubernetes.io/component: www", "PodDisruptionBudget hpplink-web picks no pods"},
		"a policy for no pods":          {"  podSelector:\n    matchLabels:\n      app.kubernetes.io/name: hpplink\n", "  podSelector:\n    matchLabels:\n      app.kubernetes.io/name: hpplinks\n", "NetworkPolicy hpplink picks no pods"},
		"a service for no pods":         {"  selector:\n    app.kubernetes.io/component: web", "  selector:\n    app.kubernetes.io/component: www", "Service hpplink picks no pods"},
		"root":                          {"runAsNonRoot: true", "runAsNonRoot: false", "runAsNonRoot"},
		"a probe of another port":       {"containerPort: 8080", "containerPort: 8081", "8081"},
		"a probe of another page":       {"path: /readyz", "path: /healthz", "a probe"},
		"settings that can not be read": {"rate: 20", "rates: 20", "rates"},
	} {
		spoiled := strings.Replace(text, change.old, change.new, 1)
		if spoiled == text {
			t.Errorf("%s: there is no %q", name, change.old)
			continue
		}
		all, err := parseManifests(spoiled)
		problems := strings.Join(append(schemas.problems(all), promises(t, all)...), "\n")
		if err != nil || !strings.Contains(problems, change.says) {
			t.Errorf("%s: %q does not say %q, %v", name, problems, change.says, err)
		}
	}
}

// TestPatchesAreChecked: one that changes nothing fails the build.
func TestPatchesAreChecked(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "kubernetes")
	if err := os.CopyFS(folder, os.DirFS(filepath.Join(deploy, "kubernetes"))); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(folder, "overlays", "single", "kustomization.yaml")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	broken := strings.Replace(string(text), "{name: hpplink-stream}", "{name: hpplink-streams}", 1)
	if err := os.WriteFile(path, []byte(broken), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := buildManifests(folder, "single"); err == nil || !strings.Contains(err.Error(), "hpplink-streams") {
		t.Error(err)
	}
}

// TestRulesForTheOperator: the page's command makes what the Prometheus operator takes, with all rules in it.
func TestRulesForTheOperator(t *testing.T) {
	_, section, _ := strings.Cut(readRunbook(t), "The alerts, for the operator:\n\n```sh\n")
	script, _, _ := strings.Cut(section, " | kubectl apply -f -")
	cmd := exec.Command("sh", "-ec", script)
	cmd.Dir = top
	out, err := cmd.Output()
	if err != nil || !strings.Contains(script, "PrometheusRule") {
		t.Fatalf("%v: %s", err, script)
	}
	all, err := parseManifests(string(out))
	if err != nil || len(all) != 1 {
		t.Fatalf("%d objects, %v", len(all), err)
	}
	for _, problem := range loadSchemas(t).problems(all) {
		t.Error(problem)
	}
	recorded, alerts := readRules(t)
	if got := strings.Count(string(out), "expr:"); got != len(recorded)+len(alerts) {
		t.Errorf("%d rules, want %d", got, len(recorded)+len(alerts))
	}
}
