package redisconn

import (
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"
)

// embeddedURL asks for a Redis inside the process.
const embeddedURL = "embedded"

// kind is how the servers of a Redis hang together.
type kind int

const (
	single   kind = iota // one server
	sentinel             // a master that the Sentinels name, and its replicas
	cluster              // a Redis Cluster
)

// schemes are those of URLs. The ones with ss speak TLS, to Sentinels too.
var schemes = map[string]kind{
	"redis": single, "rediss": single,
	"redis+sentinel": sentinel, "rediss+sentinel": sentinel,
	"redis+cluster": cluster, "rediss+cluster": cluster,
}

// The ports of hosts that name none.
const (
	serverPort   = "6379"
	sentinelPort = "26379"
)

// Options of a URL with Sentinels: their own user name and password, where they ask for one.
const (
	sentinelUserOption     = "sentinel_user"
	sentinelPasswordOption = "sentinel_password"
)

func parse(rawURL string) (target, error) {
	scheme, rest, ok := strings.Cut(rawURL, "://")
	if !ok {
		return target{}, &URLError{"has no scheme"}
	}
	kind, ok := schemes[scheme]
	if !ok {
		return target{}, &URLError{"has an unknown scheme"}
	}
	if kind == single {
		return parseServer(rawURL)
	}
	secure := strings.HasPrefix(scheme, "rediss")
	return parseMany(kind, secure, rest)
}

func parseServer(rawURL string) (target, error) {
	u, err := url.Parse(rawURL)
	if err != nil { // not wrapped: it quotes the URL, and with it the password
		return target{}, &URLError{malformed}
	}
	if u.Fragment != "" || strings.Contains(u.RawQuery, "@") {
		return target{}, &URLError{cutOff}
	}
	options, err := redis.ParseURL(rawURL)
	if err != nil {
		return target{}, &URLError{problem(err)}
	}
	tune(options)
	return target{&place{options: *options, addr: options.Addr}}, nil
}

const (
	malformed = "is malformed (a password must be percent-encoded: / is %2F, # is %23, ? is %3F, @ is %40)"
	cutOff    = "has a # or ? before the host (in a password write %23 or %3F)"
)

// problem says what is wrong without the words of go-redis, which quote parts of the URL.
func problem(err error) string {
	text := err.Error()
	switch {
	case strings.Contains(text, "database number"), strings.Contains(text, "URL path"):
		return "has a path that is not a database number such as /0"
	case strings.Contains(text, "unexpected option"):
		return "has an unknown option after the question mark"
	}
	return "has an option with an unreadable value after the question mark"
}

// many is a URL of several hosts, which net/url does not read.
type many struct {
	kind     kind
	userinfo string // with its @, or ""
	hosts    []string
	path     string
	query    url.Values
	problems []string
}

func parseMany(kind kind, secure bool, rest string) (target, error) {
	m, ok := split(rest)
	if !ok {
		return target{}, &URLError{malformed}
	}
	m.kind = kind
	t := target{&place{kind: kind}}
	t.hosts = m.seeds()
	if kind == sentinel {
		t.master, t.sentinelUser, t.sentinelPassword = m.masterName(), m.take(sentinelUserOption), m.take(sentinelPasswordOption)
	} else {
		m.onlyDatabase0()
	}
	options := m.options(secure)
	if len(m.problems) > 0 {
		return target{}, &URLError{strings.Join(m.problems, "; it ")}
	}
	tune(options)
	t.options = *options
	t.addr = strings.Join(t.hosts, ",")
	if kind == sentinel {
		t.addr += "/" + t.master
	}
	return t, nil
}

// split finds the parts of what follows the scheme.
func split(rest string) (many, bool) {
	end := strings.IndexAny(rest, "/?#")
	if end < 0 {
		end = len(rest)
	}
	authority, rest := rest[:end], rest[end:]
	path, query, _ := strings.Cut(rest, "?")
	if strings.ContainsAny(rest, "@#") { // what was meant for a password ended the hosts
		return many{}, false
	}
	values, err := url.ParseQuery(query)
	if err != nil {
		return many{}, false
	}
	at := strings.LastIndexByte(authority, '@') + 1
	return many{userinfo: authority[:at], hosts: strings.Split(authority[at:], ","), path: strings.Trim(path, "/"), query: values}, true
}

func (m *many) wrong(what string) { m.problems = append(m.problems, what) }

// seeds returns the hosts, each with a port.
func (m *many) seeds() []string {
	port := serverPort
	if m.kind == sentinel {
		port = sentinelPort
	}
	seeds, wrong := make([]string, len(m.hosts)), false
	for i, host := range m.hosts {
		var ok bool
		seeds[i], ok = withPort(host, port)
		wrong = wrong || !ok
	}
	if wrong {
		m.wrong("has a host that is empty or no host:port (write host1:port,host2:port)")
	}
	return seeds
}

func withPort(host, port string) (string, bool) {
	u, err := url.Parse("//" + host)
	if err != nil || u.Hostname() == "" || u.Host != host {
		return "", false
	}
	if p := u.Port(); p != "" {
		n, err := strconv.Atoi(p)
		if err != nil || n < 1 || n > 65535 {
			return "", false
		}
		port = p
	}
	return net.JoinHostPort(u.Hostname(), port), true
}

func (m *many) masterName() string {
	name, err := url.PathUnescape(m.path)
	if err != nil || name == "" || strings.Contains(m.path, "/") {
		m.wrong("names no master after the hosts, such as /mymaster")
	}
	return name
}

// take returns an option that go-redis does not know.
func (m *many) take(option string) string {
	value := m.query.Get(option)
	m.query.Del(option)
	return value
}

func (m *many) onlyDatabase0() {
	if m.path != "" && m.path != "0" || strings.Trim(m.query.Get("db"), "0") != "" {
		m.wrong("names a database: a Redis Cluster has none but 0")
	}
	m.query.Del("db")
}

// options reads user name, password and the options after the question mark, as those of a single server.
func (m *many) options(secure bool) *redis.Options {
	scheme := "redis"
	if secure {
		scheme = "rediss"
	}
	options, err := redis.ParseURL(fmt.Sprintf("%s://%shost?%s", scheme, m.userinfo, m.query.Encode()))
	switch _, badUser := url.Parse("//" + m.userinfo + "host"); {
	case badUser != nil:
		m.wrong(malformed)
	case err != nil && strings.Contains(err.Error(), "database number"):
		m.wrong("has an option with an unreadable value after the question mark")
	case err != nil:
		m.wrong(problem(err))
	case secure:
		options.TLSConfig.ServerName = "" // each server's certificate is for its own name
	}
	return options
}

// WithSentinelPassword returns a redis+sentinel:// URL with the password of its Sentinels, where it is given apart. Other
// URLs are returned as they are.
func WithSentinelPassword(rawURL, password string) string {
	scheme, _, _ := strings.Cut(rawURL, "://")
	if password == "" || schemes[scheme] != sentinel {
		return rawURL
	}
	separator := "?"
	if strings.Contains(rawURL, "?") {
		separator = "&"
	}
	return rawURL + separator + sentinelPasswordOption + "=" + url.QueryEscape(password)
}
