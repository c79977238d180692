package bench

import (
	"testing"
	"time"
)

const someInfo = "# CPU\r\nused_cpu_sys:1.250000\r\nused_cpu_user:2.500000\r\nused_cpu_sys_children:9.0\r\n\r\n" +
	"# Commandstats\r\ncmdstat_evalsha:calls=20,usec=4000,usec_per_call=200.00,rejected_calls=0,failed_calls=0\r\n" +
	"cmdstat_fcall:calls=3,usec=40,usec_per_call=13.3,rejected_calls=0,failed_calls=0\r\n" +
	"cmdstat_config|get:calls=1,usec=4,usec_per_call=4.00,rejected_calls=0,failed_calls=0\r\n" +
	"cmdstat_xadd:calls=100,usec=4,usec_per_call=4.00,rejected_calls=0,failed_calls=0\r\n"

func TestInfo(t *testing.T) {
	i := parseInfo(someInfo)
	if cpu, err := i.cpu(); err != nil || cpu != 3.75 {
		t.Errorf("CPU %v, %v: not that of children", cpu, err)
	}
	if c, err := i.calls(); err != nil || c != (calls{all: 124, scripts: 23}) {
		t.Errorf("%+v, %v", c, err)
	}
	if _, err := i.number("used_memory"); err == nil {
		t.Error("a field that is not there has no number")
	}
	if _, err := parseInfo("cmdstat_get:usec=1\n").calls(); err == nil {
		t.Error("without calls there is nothing to count")
	}
}

func TestTimeOf(t *testing.T) {
	if at, err := timeOf("1795334772960-7"); err != nil || !at.Equal(time.UnixMilli(1795334772960)) {
		t.Errorf("%v, %v", at, err)
	}
	if _, err := timeOf("x-0"); err == nil {
		t.Error("this is no id")
	}
}

func TestProc(t *testing.T) {
	const stat = "4711 (a (very) odd name) S 1 4711 4711 0 -1 4194560 100 0 0 0 123 45 7 8 20 0 9 0 500 1000 200\n"
	if cpu, err := parseStat(stat); err != nil || cpu != 1680*time.Millisecond {
		t.Errorf("%v, %v: want user and system time, children left out", cpu, err)
	}
	for _, bad := range []string{"", "1 (x) S 1", "1 (x) S 1 1 1 0 -1 1 1 0 0 0 a b"} {
		if _, err := parseStat(bad); err == nil {
			t.Errorf("%q was read", bad)
		}
	}
	if n, err := parsePeak("Name:\tx\nVmPeak:\t  999 kB\nVmHWM:\t    2048 kB\n"); err != nil || n != 2<<20 {
		t.Errorf("%d, %v", n, err)
	}
	if _, err := parsePeak("Name:\tx\n"); err == nil {
		t.Error("there was no peak")
	}
}

func TestMachine(t *testing.T) {
	if v := redisVersion("Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64\n"); v != "7.0.15" {
		t.Errorf("Redis %q", v)
	}
	if m := modelName("processor\t: 0\nmodel name\t: A CPU @ 3:1\n\nprocessor\t: 1\nmodel name\t: B\n"); m != "A CPU @ 3:1" {
		t.Errorf("CPU %q", m)
	}
}

func TestKindOf(t *testing.T) {
	for key, want := range map[string]string{
		"{hpp}:order:BENCH-1:00000017-BENCH":                     "{hpp}:order:BENCH-1:*",
		"asynq:{hpp-bulk}:t:BENCH-1:00000017-BENCH:1-0":          "asynq:{hpp-bulk}:t:BENCH-1:*",
		"asynq:{default}:t:7d9d1d43-93a3-4a4f-9e31-0d1f6f3c5d3e": "asynq:{default}:t:*",
		"{hpp}:results":                        "{hpp}:results",
		"asynq:{default}:processed:2026-11-22": "asynq:{default}:processed:2026-11-22",
	} {
		if got := kindOf(key); got != want {
			t.Errorf("%s: %s", key, got)
		}
	}
}
