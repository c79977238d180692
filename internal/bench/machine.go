package bench

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"
)

// Machine says where and when was measured.
type Machine struct {
	Time   time.Time `json:"time"`
	Cores  int       `json:"cores"`
	CPU    string    `json:"cpu"`
	Kernel string    `json:"kernel"`
	Go     string    `json:"go"`
	Redis  string    `json:"redis"`
	Load   string    `json:"load"` // what else went on: runnable processes of the last minute, before the first run
}

func (m Machine) String() string {
	return fmt.Sprintf("%s; %d cores, %s; %s; %s; Redis %s; load before: %s",
		m.Time.UTC().Format("2006-01-02 15:04 MST"), m.Cores, m.CPU, m.Kernel, m.Go, m.Redis, m.Load)
}

func describe(ctx context.Context) (Machine, error) {
	m := Machine{Time: time.Now(), Cores: runtime.NumCPU(), Go: runtime.Version(), CPU: "unknown CPU", Kernel: runtime.GOOS, Load: "unknown"}
	version, err := exec.CommandContext(ctx, "redis-server", "--version").Output()
	if err != nil {
		return m, fmt.Errorf("redis-server: %w", err)
	}
	m.Redis = redisVersion(string(version))
	if b, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		m.CPU = modelName(string(b))
	}
	if b, err := os.ReadFile("/proc/sys/kernel/osrelease"); err == nil {
		m.Kernel = "Linux " + strings.TrimSpace(string(b))
	}
	if b, err := os.ReadFile("/proc/loadavg"); err == nil {
		m.Load, _, _ = strings.Cut(string(b), " ")
	}
	return m, nil
}

// redisVersion reads "Redis server v=7.0.15 sha=…".
func redisVersion(text string) string {
	for field := range strings.FieldsSeq(text) {
		if v, found := strings.CutPrefix(field, "v="); found {
			return v
		}
	}
	return strings.TrimSpace(text)
}

func modelName(cpuinfo string) string {
	for line := range strings.Lines(cpuinfo) {
		if name, value, found := strings.Cut(line, ":"); found && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return "unknown CPU"
}
