package deploytest

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hpplink/hpplink/internal/app"
	"github.com/hpplink/hpplink/internal/config"
	"github.com/hpplink/hpplink/internal/merchant"
)

// promises says what the manifests of one overlay do not keep of what deploy/README.md promises.
func promises(t *testing.T, all []object) (wrong []string) {
	t.Helper()
	settings := settingsOf(t, all)
	roles := map[string]bool{}
	for _, o := range all {
		if o.Kind != "Deployment" && o.Kind != "StatefulSet" {
			wrong = append(wrong, picksPods(o, all)...)
			continue
		}
		for _, problem := range append(restricted(o.Spec.Template.Spec), selected(o, all)...) {
			wrong = append(wrong, fmt.Sprintf("%s: %s", o, problem))
		}
		for _, c := range o.Spec.Template.Spec.Containers {
			if !strings.Contains(c.Image, "hpplink") {
				continue
			}
			for _, role := range rolesOf(c) {
				roles[role] = true
			}
			for _, problem := range slices.Concat(secretsAsFiles(o, c, settings), probesOf(c), endsInTime(o.Spec.Template.Spec, c, settings)) {
				wrong = append(wrong, fmt.Sprintf("%s: %s", o, problem))
			}
		}
	}
	if len(all) > 0 && len(roles) != 3 {
		wrong = append(wrong, fmt.Sprintf("only the roles %v", roles))
	}
	return append(wrong, settings.problems...)
}

// overlaySettings are the merchants of an overlay.
type overlaySettings struct {
	merchants []merchant.Profile
	files     []string // of secrets
	problems  []string
}

func settingsOf(t *testing.T, all []object) (s overlaySettings) {
	t.Helper()
	for _, o := range all {
		text, has := o.Data["hpplink.yaml"]
		if o.Kind != "ConfigMap" || !has {
			continue
		}
		path := filepath.Join(t.TempDir(), "hpplink.yaml")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		read, err := config.LoadDefaults(path)
		if err != nil {
			s.problems = append(s.problems, err.Error())
		}
		s.merchants = read.Merchants
		for _, m := range regexp.MustCompile(`\{file: ([^}]*)\}`).FindAllStringSubmatch(text, -1) {
			s.files = append(s.files, m[1])
		}
	}
	return s
}

// restricted says what the Pod Security Standard of that name would refuse, and what it had better.
func restricted(p pod) (wrong []string) {
	say := func(ok bool, what string) {
		if !ok {
			wrong = append(wrong, what)
		}
	}
	no := func(b *bool) bool { return b != nil && !*b }
	say(p.SecurityContext.RunAsNonRoot && p.SecurityContext.RunAsUser > 0, "runAsNonRoot")
	say(p.SecurityContext.FSGroup > 0, "without fsGroup its secrets can not be read")
	say(p.SecurityContext.SeccompProfile.Type == "RuntimeDefault", "seccompProfile")
	say(no(p.AutomountServiceAccountToken), "automountServiceAccountToken")
	say(no(p.EnableServiceLinks), "enableServiceLinks sets variables that begin as ours")
	for _, c := range p.Containers {
		say(no(c.SecurityContext.AllowPrivilegeEscalation), "allowPrivilegeEscalation")
		say(c.SecurityContext.ReadOnlyRootFilesystem, "readOnlyRootFilesystem")
		say(slices.Equal(c.SecurityContext.Capabilities.Drop, []string{"ALL"}), "capabilities")
		say(c.Resources.Limits["memory"] != "" && c.Resources.Requests["memory"] != "" && c.Resources.Requests["cpu"] != "", "resources")
		say(c.StartupProbe != nil && c.ReadinessProbe != nil && c.LivenessProbe != nil, "a probe is missing")
		say(regexp.MustCompile(`:v?\d+\.\d+\.\d+(-alpine)?$`).MatchString(c.Image), "image "+c.Image+" has no version")
	}
	return wrong
}

// selected says which guard a workload lacks.
func selected(workload object, all []object) (wrong []string) {
	pod, budgets := workload.Spec.Template.Metadata.Labels, 0
	if !workload.Spec.picks().match(pod) {
		wrong = append(wrong, "its selector does not match its pods")
	}
	guarded := map[string]bool{}
	for _, o := range all {
		switch {
		case o.Kind == "PodDisruptionBudget" && o.Spec.picks().match(pod):
			budgets++
		case o.Kind == "NetworkPolicy" && o.Spec.PodSelector.match(pod):
			for _, direction := range o.Spec.PolicyTypes {
				guarded[direction] = true
			}
		}
	}
	if budgets != 1 && workload.Kind == "Deployment" {
		wrong = append(wrong, fmt.Sprintf("%d PodDisruptionBudgets", budgets))
	}
	if !guarded["Ingress"] || !guarded["Egress"] {
		wrong = append(wrong, fmt.Sprintf("NetworkPolicies guard only %v", guarded))
	}
	return wrong
}

// picksPods says what an object asks of pods that there is not.
func picksPods(o object, all []object) (wrong []string) {
	var pods []template
	for _, w := range all {
		if w.Kind == "Deployment" || w.Kind == "StatefulSet" {
			pods = append(pods, w.Spec.Template)
		}
	}
	picks := o.Spec.picks()
	switch o.Kind {
	case "NetworkPolicy":
		picks = o.Spec.PodSelector
	case "ScaledObject":
		i := slices.IndexFunc(all, func(w object) bool { return w.Kind == "Deployment" && w.Metadata.Name == o.Spec.ScaleTargetRef.Name })
		if i < 0 || all[i].Spec.Replicas != nil {
			wrong = append(wrong, o.String()+": its Deployment is not there, or sets replicas as well")
		}
		return wrong
	case "Service", "PodDisruptionBudget", "PodMonitor":
	default:
		return nil
	}
	pods = slices.DeleteFunc(pods, func(p template) bool { return !picks.match(p.Metadata.Labels) })
	if len(pods) == 0 {
		return []string{o.String() + " picks no pods"}
	}
	for _, port := range portsOf(o) {
		if !slices.ContainsFunc(pods, func(p template) bool { return p.hasPort(port) }) {
			wrong = append(wrong, o.String()+": no pod has a port "+port)
		}
	}
	return wrong
}

func portsOf(o object) (names []string) {
	for _, p := range o.Spec.Ports {
		names = append(names, p.TargetPort)
	}
	for _, p := range o.Spec.PodMetricsEndpoints {
		names = append(names, p.Port)
	}
	return names
}

func (p template) hasPort(name string) bool {
	for _, c := range p.Spec.Containers {
		for _, port := range c.Ports {
			if port.Name == name {
				return true
			}
		}
	}
	return false
}

func rolesOf(c container) []string {
	if i := slices.Index(c.Args, "--roles"); i >= 0 {
		return strings.Split(c.Args[i+1], ",")
	}
	return []string{config.RoleWorker, config.RoleStream, config.RoleWeb}
}

// secretsAsFiles wants each secret as a file of the Secret, none as a variable, which whoever sees the process sees, too.
func secretsAsFiles(o object, c container, s overlaySettings) (wrong []string) {
	var paths []string
	for _, e := range c.Env {
		if e.ValueFrom != nil || regexp.MustCompile(`^HPPLINK_(REDIS|TOKEN|API_KEY|X_API_KEY|SMTP_PASSWORD)$`).MatchString(e.Name) {
			wrong = append(wrong, e.Name+" is a secret in a variable")
		}
		if strings.HasSuffix(e.Name, "_FILE") {
			paths = append(paths, e.Value)
		}
	}
	if len(c.EnvFrom) > 0 {
		wrong = append(wrong, "variables from elsewhere")
	}
	for _, path := range append(paths, s.files...) {
		inSecret := slices.ContainsFunc(c.VolumeMounts, func(m struct{ Name, MountPath string }) bool {
			return filepath.Dir(path) == m.MountPath && slices.ContainsFunc(o.Spec.Template.Spec.Volumes, func(v struct {
				Name      string
				Secret    struct{ SecretName string }
				ConfigMap struct{ Name string }
			}) bool {
				return v.Name == m.Name && v.Secret.SecretName != ""
			})
		})
		if !inSecret {
			wrong = append(wrong, path+" is in no secret that is mounted")
		}
	}
	return wrong
}

// probesOf wants probes where the program listens: of life that does not depend on Redis, and of readiness that does.
func probesOf(c container) (wrong []string) {
	_, listens, _ := net.SplitHostPort(c.env("HPPLINK_LISTEN"))
	for _, p := range c.Ports {
		if p.Name == "http" && strconv.Itoa(p.ContainerPort) != listens {
			wrong = append(wrong, fmt.Sprintf("it listens at %s, and is asked at %d", listens, p.ContainerPort))
		}
	}
	for path, probes := range map[string][]*probe{"/readyz": {c.StartupProbe, c.ReadinessProbe}, "/healthz": {c.LivenessProbe}} {
		for _, p := range probes {
			if p == nil || p.HTTPGet.Path != path || p.HTTPGet.Port != "http" {
				wrong = append(wrong, fmt.Sprintf("a probe %v, want %s", p, path))
			}
		}
	}
	return wrong
}

// endsInTime wants as much time before SIGKILL as the program may need.
func endsInTime(p pod, c container, s overlaySettings) []string {
	needs := app.LongestWebStop
	if slices.Contains(rolesOf(c), config.RoleWorker) {
		call := merchant.DefaultTimeout
		for _, m := range s.merchants {
			call = max(call, m.Timeout)
		}
		needs = app.LongestStop(call, true)
	}
	needs += time.Duration(c.Lifecycle.PreStop.Sleep.Seconds) * time.Second
	if has := time.Duration(p.TerminationGracePeriodSeconds) * time.Second; has < needs {
		return []string{fmt.Sprintf("SIGKILL comes after %v, and it may need %v", has, needs)}
	}
	return nil
}

// TestScaling: the number that workers are scaled by is one that is exposed.
func TestScaling(t *testing.T) {
	c, asked := readCatalog(t), 0
	_, all := mustBuild(t, "production")
	for _, o := range all {
		for _, trigger := range o.Spec.Triggers {
			asked++
			for _, problem := range c.problems(trigger.Metadata.Query) {
				t.Errorf("%s: %s", o, problem)
			}
		}
	}
	if asked == 0 {
		t.Error("nothing is asked for")
	}
}
