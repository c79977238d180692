package redisconn

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestURLsOfManyHosts(t *testing.T) {
	tests := map[string]struct {
		url   string
		hosts []string
		addr  string
		more  func(target) bool // what else holds
	}{
		"sentinels": {
			"redis+sentinel://u:p%40ss@h1:26380,h2,[::1]/my-master?db=3&pool_size=7", []string{"h1:26380", "h2:26379", "[::1]:26379"}, "h1:26380,h2:26379,[::1]:26379/my-master",
			func(t target) bool {
				o := t.options
				return t.kind == sentinel && t.master == "my-master" && o.Username == "u" && o.Password == "p@ss" && o.DB == 3 && o.PoolSize == 7 && o.TLSConfig == nil
			},
		},
		"sentinels with a password": {
			"redis+sentinel://h1/m?sentinel_user=s&sentinel_password=a%2Fb", []string{"h1:26379"}, "h1:26379/m",
			func(t target) bool {
				return t.sentinelUser == "s" && t.sentinelPassword == "a/b" && t.options.Password == ""
			},
		},
		"sentinels by TLS": {
			"rediss+sentinel://h1,h2/m", []string{"h1:26379", "h2:26379"}, "h1:26379,h2:26379/m",
			func(t target) bool { return t.options.TLSConfig != nil && t.options.TLSConfig.ServerName == "" },
		},
		"cluster": {
			"redis+cluster://:p,w@h1:7000,h2,h3:7002", []string{"h1:7000", "h2:6379", "h3:7002"}, "h1:7000,h2:6379,h3:7002",
			func(t target) bool {
				o := t.clusterOptions()
				return t.kind == cluster && o.Password == "p,w" && !o.ReadOnly && o.ContextTimeoutEnabled && slices.Equal(o.Addrs, t.hosts)
			},
		},
		"cluster, database 0": {"redis+cluster://h1/0?db=0", []string{"h1:6379"}, "h1:6379", func(t target) bool { return true }},
		"cluster by TLS": {
			"rediss+cluster://h1?skip_verify=true&read_timeout=9s", []string{"h1:6379"}, "h1:6379",
			func(t target) bool {
				o := t.clusterOptions()
				return o.TLSConfig.InsecureSkipVerify && o.ReadTimeout == 9*time.Second
			},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := parse(test.url)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(got.hosts, test.hosts) || got.addr != test.addr || !test.more(got) {
				t.Errorf("%+v", got.place)
			}
		})
	}
}

func TestBadURLsOfManyHosts(t *testing.T) {
	const secret = "s3cr3t-passw0rd"
	tests := map[string]struct {
		url  string
		want []string
	}{
		"no master":         {"redis+sentinel://:" + secret + "@h1,h2", []string{"names no master"}},
		"two masters":       {"redis+sentinel://:" + secret + "@h1/a/b", []string{"names no master"}},
		"empty host":        {"redis+cluster://:" + secret + "@h1,,h2", []string{"a host that is empty"}},
		"no host":           {"redis+cluster://:" + secret + "@", []string{"a host that is empty"}},
		"bad port":          {"redis+cluster://h1:" + secret, []string{"no host:port"}},
		"high port":         {"redis+cluster://h1:65536", []string{"no host:port"}},
		"database":          {"redis+cluster://:" + secret + "@h1/3", []string{"a Redis Cluster has none but 0"}},
		"database option":   {"redis+cluster://:" + secret + "@h1?db=" + secret, []string{"a Redis Cluster has none but 0"}},
		"slash in password": {"redis+sentinel://:pa/" + secret + "@h1/m", []string{"percent-encoded"}},
		"hash in password":  {"redis+sentinel://:pa#" + secret + "@h1/m", []string{"percent-encoded"}},
		"half an escape":    {"redis+sentinel://:" + secret + "%4@h1/m", []string{"percent-encoded"}},
		"bad database":      {"redis+sentinel://h1/m?db=" + secret, []string{"unreadable value"}},
		"all at once":       {"redis+sentinel://:" + secret + "@h1:x,h2?pool=" + secret, []string{"no host:port", "names no master", "an unknown option"}},
		"not for a server":  {"redis://h1/0?sentinel_password=" + secret, []string{"an unknown option"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := parse(test.url)
			var bad *URLError
			if !errors.As(err, &bad) || strings.Contains(err.Error(), secret) {
				t.Fatalf("got %v", err)
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q lacks %q", err, want)
				}
			}
		})
	}
}

func TestPasswordOfSentinelsGivenApart(t *testing.T) {
	for url, want := range map[string]string{
		"redis+sentinel://h1/m":      "redis+sentinel://h1/m?sentinel_password=a%26%40b",
		"redis+sentinel://h1/m?db=2": "redis+sentinel://h1/m?db=2&sentinel_password=a%26%40b",
		"redis://h1/2":               "redis://h1/2",
		"embedded":                   "embedded",
	} {
		if got := WithSentinelPassword(url, "a&@b"); got != want {
			t.Errorf("%s: got %s, want %s", url, got, want)
		}
	}
	got, err := parse(WithSentinelPassword("redis+sentinel://h1/m", "a&@b"))
	if err != nil || got.sentinelPassword != "a&@b" {
		t.Errorf("%+v, %v", got, err)
	}
}

func FuzzParseNeverShowsTheSecret(f *testing.F) {
	const secret = "s3cr3t-passw0rd"
	for _, s := range []string{
		"redis+sentinel://:X@h,h2/m", "redis+sentinel://h/m?sentinel_password=X", "redis+cluster://u:X@[::1]:7000,h", "redis+cluster://h:X", "rediss+sentinel://X",
		"redis://:X@h", "redis+cluster://h/X", "redis+sentinel://:a#X@h", "redis+sentinel://h/m?db=X",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, shape string) {
		if strings.Contains(shape, secret) {
			return
		}
		got, err := parse(strings.ReplaceAll(shape, "X", secret))
		switch {
		case err != nil && strings.Contains(err.Error(), secret):
			t.Errorf("%v", err)
		case err == nil && got.kind != single && len(got.hosts) == 0:
			t.Errorf("no hosts in %q", shape)
		}
	})
}
