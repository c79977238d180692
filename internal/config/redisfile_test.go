package config_test

import (
	"strings"
	"testing"

	"github.com/alecthomas/kong"

	"github.com/hpplink/hpplink/internal/config"
)

// TestRedisFile: the URL comes from its file, whichever command it is for, and the password of the Sentinels from its own.
func TestRedisFile(t *testing.T) {
	const (
		url      = "redis://user:planted@redis.example:6379/0"
		sentinel = "redis+sentinel://one,two/main"
	)
	for name, test := range map[string]struct {
		args []string
		want string
		says string
	}{
		"neither":   {nil, "redis://127.0.0.1:6379/0", ""},
		"a URL":     {[]string{"--redis", url}, url, ""},
		"a file":    {[]string{"--redis-file", file(t, url+"\n")}, url, ""},
		"both":      {[]string{"--redis", url, "--redis-file", file(t, url)}, "", "keep one"},
		"no file":   {[]string{"--redis-file", "/no/such/file"}, "", "--redis-file: "},
		"Sentinels": {[]string{"--redis", sentinel, "--sentinel-password", "planted"}, sentinel + "?sentinel_password=planted", ""},
		"by files": {
			[]string{"--redis-file", file(t, sentinel), "--sentinel-password-file", file(t, "a&b\n")}, sentinel + "?sentinel_password=a%26b", "",
		},
		"no Sentinels": {[]string{"--redis", url, "--sentinel-password", "planted"}, "", "is no redis+sentinel://"},
		"two passwords": {
			[]string{"--redis", sentinel, "--sentinel-password", "planted", "--sentinel-password-file", file(t, "planted")}, "", "keep one",
		},
		"empty file": {[]string{"--redis-file", file(t, "\n")}, "", "empty"},
	} {
		var c struct {
			Run struct {
				config.Log
				config.Redis
			} `cmd:""`
		}
		parser, err := kong.New(&c)
		if err != nil {
			t.Fatal(err)
		}
		_, err = parser.Parse(append([]string{"run"}, test.args...))
		if test.says == "" {
			if err != nil || c.Run.Redis.Redis != test.want {
				t.Errorf("%s: %q %v", name, c.Run.Redis.Redis, err)
			}
		} else if err == nil || !strings.Contains(err.Error(), test.says) || strings.Contains(err.Error(), "planted") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
