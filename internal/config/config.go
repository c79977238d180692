// Package config holds the settings: those of flags and environment variables, those of the settings file, and which of
// them are in force. It turns them into what the other packages take, and has changed ones take effect. It knows names,
// defaults and files; it does not know what any setting does.
//
// The structs are embedded in the commands that need them; each field's tags are its one
// definition, of flag, variable, default and help. Package strictyaml reads the file's YAML.
package config

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/hpplink/hpplink/internal/merchant"
	"github.com/hpplink/hpplink/internal/order"
	"github.com/hpplink/hpplink/internal/partition"
	"github.com/hpplink/hpplink/internal/redisconn"
)

// Redis says where orders are kept.
type Redis struct {
	Redis     string `env:"HPPLINK_REDIS" default:"redis://127.0.0.1:6379/0" placeholder:"URL" help:"Where orders are kept: redis://host, redis+sentinel://host1,host2,host3/master or redis+cluster://host1,host2,host3 (with TLS each begins with rediss), or, to try 'run', 'embedded': a Redis inside the process that forgets everything at its end."`
	RedisFile string `env:"HPPLINK_REDIS_FILE" placeholder:"FILE" help:"File that holds the URL, for one with a password."`

	SentinelPassword     string `env:"HPPLINK_SENTINEL_PASSWORD" placeholder:"PASSWORD" help:"Password of the Sentinels of redis+sentinel://, where they ask for one of their own."`
	SentinelPasswordFile string `env:"HPPLINK_SENTINEL_PASSWORD_FILE" placeholder:"FILE" help:"File that holds it."`

	Durability string `env:"HPPLINK_DURABILITY" default:"master" enum:"master,replica" help:"When an order is acknowledged and a link is published: as soon as Redis' 'master' has it, or once every 'replica' has it too, so that neither is lost with the master. Set it alike for all processes."`

	Partitions int `env:"HPPLINK_PARTITIONS" default:"0" help:"How many partitions orders are spread over, so that the masters of a Redis Cluster share the work: 1 to 16, the same for all processes. It is stored with the first start; 0 goes by that, and is 1 before."`

	Namespace string `env:"HPPLINK_NAMESPACE" default:"hpp" help:"First part of every key and queue name, so that several installations can share one Redis."`
}

// defaultRedis is what Redis.Redis is unless it is set; its tag repeats it.
const defaultRedis = "redis://127.0.0.1:6379/0"

// AfterApply has the URL and the password of the Sentinels read from their files, and the one put into the other. The parser
// of the command line calls it, for every command that has a Redis.
func (r *Redis) AfterApply() error {
	url, err := r.url()
	if err != nil {
		return err
	}
	password, err := secret("sentinel-password", r.SentinelPassword, r.SentinelPasswordFile)
	if err != nil {
		return err
	}
	if r.Redis = redisconn.WithSentinelPassword(url, password); password != "" && r.Redis == url {
		return errors.New("--sentinel-password / HPPLINK_SENTINEL_PASSWORD is set, and --redis / HPPLINK_REDIS is no redis+sentinel://…: remove one, or mend the other")
	}
	return nil
}

func (r *Redis) url() (string, error) {
	if r.RedisFile == "" {
		return r.Redis, nil
	}
	if r.Redis != "" && r.Redis != defaultRedis {
		return "", errors.New("--redis / HPPLINK_REDIS and --redis-file / HPPLINK_REDIS_FILE are both set: keep one")
	}
	url, err := secret("redis", "", r.RedisFile)
	if err == nil && url == "" {
		err = errors.New("--redis-file / HPPLINK_REDIS_FILE: it is empty")
	}
	return url, err
}

// ErrEmbedded refuses a Redis inside the process to a command that ends with its work: whatever is handed to it would be
// gone at once, and whatever another process keeps is not there.
var ErrEmbedded = errors.New("--redis / HPPLINK_REDIS: an embedded Redis lives and dies with its process; give the address of one that stays: " +
	"of a redis-server with appendonly yes, or, to try things, the one that 'hpplink run --redis embedded' prints")

// Check reports a namespace that would not survive as part of a key. It is not named Validate, since the parser of the
// command line calls what is, before a command can say what else is wrong.
func (r Redis) Check() error {
	var errs Errors
	if r.Namespace == "" || strings.Trim(r.Namespace, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-") != "" {
		errs = append(errs, fmt.Errorf("--namespace / HPPLINK_NAMESPACE: %q may hold letters, digits, '.', '_' and '-' only", r.Namespace))
	}
	if r.Partitions < 0 || r.Partitions > partition.Most {
		errs = append(errs, fmt.Errorf("--partitions / HPPLINK_PARTITIONS: %d is not between 1 and %d", r.Partitions, partition.Most))
	}
	if r.Durable() && r.Redis == "embedded" {
		errs = append(errs, errors.New("--durability / HPPLINK_DURABILITY: an embedded Redis has no replica: remove it, or give the address of a Redis that has one"))
	}
	if len(errs) > 0 {
		return errs
	}
	return nil
}

// Durable reports whether nothing is to be told before the replicas have it.
func (r Redis) Durable() bool { return r.Durability == "replica" }

// CheckShared is Check for a command that hands something over to others, or looks at what they did: it also refuses an
// embedded Redis, as ErrEmbedded.
func (r Redis) CheckShared() error {
	var errs Errors
	if r.Redis == "embedded" {
		errs = append(errs, ErrEmbedded)
	}
	if err := r.Check(); err != nil {
		errs = append(errs, err)
	}
	if len(errs) > 0 {
		return errs
	}
	return nil
}

// Merchant names the one merchant that is set up without a file. With a file of merchants, its id alone may be given: it
// then names the one that orders without a merchant_id belong to.
type Merchant struct {
	MerchantID    string `env:"HPPLINK_MERCHANT_ID" placeholder:"ID" help:"The merchant's id (DASMID). Orders that name none are this merchant's."`
	MerchantEmail string `env:"HPPLINK_MERCHANT_EMAIL" placeholder:"ADDRESS" help:"merchant_email of orders that give none."`
	MaxOpen       int    `env:"HPPLINK_MAX_OPEN" default:"1000000" help:"Orders of the merchant open at once before the ways in hold more back."`
}

// Defaults returns the directory of the merchant for a door that takes orders in, which needs no
// keys. It is nil when no merchant is named: then the worker's settings alone decide.
func (m Merchant) Defaults() *merchant.Directory {
	if m.MerchantID == "" {
		return nil
	}
	return merchant.NewDirectory(merchant.Profile{ID: m.MerchantID, MaxOpen: m.MaxOpen, Defaults: order.Defaults{MerchantEmail: m.MerchantEmail}})
}

// Gateway says how the merchant's orders reach the gateway.
type Gateway struct {
	GatewayURL     string        `env:"HPPLINK_GATEWAY_URL" placeholder:"URL" help:"The gateway, up to but without /server-to-server-interface, such as https://api-staging.paymentoptions.com/api/v1."`
	APIKey         string        `env:"HPPLINK_API_KEY" placeholder:"KEY" help:"Key for the header Authorization."`
	APIKeyFile     string        `env:"HPPLINK_API_KEY_FILE" placeholder:"FILE" help:"File that holds it."`
	APIKeyEncoding string        `env:"HPPLINK_API_KEY_ENCODING" default:"ready" enum:"ready,user,bare" help:"What the key is: 'ready' to be sent as it is, 'user' to be sent as base64 of \"KEY:\", 'bare' as base64 of KEY. The gateway's pages disagree; ask your account manager."`
	XAPIKey        string        `name:"x-api-key" env:"HPPLINK_X_API_KEY" placeholder:"KEY" help:"Key for the header x-api-key."`
	XAPIKeyFile    string        `name:"x-api-key-file" env:"HPPLINK_X_API_KEY_FILE" placeholder:"FILE" help:"File that holds it."`
	LinkHosts      []string      `env:"HPPLINK_LINK_HOSTS" placeholder:"HOST" help:"Hosts that links may point to. Default: *.paymentoptions.com, and loopback while the gateway is on loopback."`
	GatewayTimeout time.Duration `env:"HPPLINK_GATEWAY_TIMEOUT" default:"${gateway_timeout}" help:"Longest a call of the gateway may take."`
	Rate           float64       `env:"HPPLINK_RATE" default:"0" help:"Calls a second that the gateway allows the merchant, over all workers. 0: no limit."`
	AmountUnit     string        `env:"HPPLINK_AMOUNT_UNIT" default:"major" enum:"major,minor" help:"How the gateway wants amounts: 12.50 (major) or 1250 (minor)."`
}

// Errors are all that is wrong with the settings.
type Errors []error

// Error lists them, one a line.
func (e Errors) Error() string {
	lines := make([]string, len(e))
	for i, err := range e {
		lines[i] = err.Error()
	}
	return strings.Join(lines, "\n")
}

// Unwrap gives each to errors.Is and errors.As.
func (e Errors) Unwrap() []error { return e }

// secret takes a value from its flag or variable, or else from its file.
func secret(flag, value, file string) (string, error) {
	if file == "" {
		return value, nil
	}
	if value != "" {
		return "", fmt.Errorf("--%s and --%s-file are both set: keep one", flag, flag)
	}
	b, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("--%s-file: %w", flag, err)
	}
	return strings.TrimSpace(string(b)), nil
}
