package config_test

import (
	"strings"
	"testing"

	"github.com/hpplink/hpplink/internal/config"
)

// good is a merchant of which a test spoils something.
const good = `merchants:
  - id: M-1
    gateway_url: https://api.paymentoptions.com/api/v1
    api_key: {env: HPPLINK_TEST_X_API_KEY}
    x_api_key: {file: secrets/m1}
`

const noYAML = "can not be read as YAML: look here and at the line before for a missing colon, quote, comma or bracket, " +
	"a tab, or an indentation that does not fit"

// badFiles are files with everything that is said of each, after the file's name.
var badFiles = map[string]struct {
	text string
	want []string
}{
	"empty": {"", []string{
		`is empty`,
	}},
	"only comment": {"# nothing\n", []string{
		`is empty`,
	}},
	"only dashes": {"---\n", []string{
		`is empty`,
	}},
	"a list": {"- a\n", []string{
		`1:1: is a list: it must be a mapping with keys like "merchants: …"`,
	}},
	"a text": {"planted\n", []string{
		`1:1: is a text: it must be a mapping with keys like "merchants: …"`,
	}},
	"two documents": {good + "---\nmerchants: []\n", []string{
		`7:1: holds a second document: keep one, without a second '---'`,
	}},
	"binary": {good + "\x00\xff", []string{
		`6:1: has a byte that is no text in UTF-8`,
	}},
	"no colon": {"merchants:\n  - id M-1\n    gateway_url: x\n", []string{
		"2:5: " + noYAML,
	}},
	"open quote": {"merchants:\n  - id: \"planted-api-key\n", []string{
		"2:9: " + noYAML,
	}},
	"open bracket": {good + "    link_hosts: [planted\n", []string{
		"6:17: " + noYAML,
	}},
	"tab": {"merchants:\n\t- id: M-1\n", []string{
		"2:1: " + noYAML,
	}},
	"anchor": {"merchants: &planted\n  - id: a\ntokens: *planted\n", []string{
		`1:12: has an anchor (&): write the value out, or put it in quotes if it begins with &`,
		`3:9: has an alias (*): write the value out, or put it in quotes if it begins with *`,
	}},
	"bomb": {"a: &a [x,x]\nb: &b [*a,*a]\nc: [*b,*b]\n", []string{
		`1:4: has an anchor (&): write the value out, or put it in quotes if it begins with &`,
		`2:4: has an anchor (&): write the value out, or put it in quotes if it begins with &`,
		`2:8: has an alias (*): write the value out, or put it in quotes if it begins with *`,
		`2:11: has an alias (*): write the value out, or put it in quotes if it begins with *`,
		`3:5: has an alias (*): write the value out, or put it in quotes if it begins with *`,
		`3:8: has an alias (*): write the value out, or put it in quotes if it begins with *`,
	}},
	"tag": {"merchants: !!binary planted\n", []string{
		`1:12: has a tag (!): leave it out, or put the value in quotes if it begins with an exclamation mark`,
	}},
	"merge": {good + "    <<: {rate: 2}\n", []string{
		`6:5: has a merge key (<<): write the values out`,
	}},
	"deep": {"merchants: " + strings.Repeat("[", 1000) + "\n", []string{
		`1:32: nests deeper than 20 mappings and lists`,
	}},
	"deep entries": {strings.Repeat("- ", 1000) + "a\n", []string{
		`1:41: nests deeper than 20 mappings and lists`,
	}},
	"directive": {"%YAML 1.2\n---\n" + good, []string{
		`1:1: has a directive (%): leave it out`,
	}},
	"no merchants": {"merchants: []\ntokens: []\n", []string{
		`1:1: merchants is empty: give it an entry, or leave the key out`,
		`2:1: tokens is empty: give it an entry, or leave the key out`,
	}},
	"nothing": {"{}\n", []string{
		`1:1: holds neither merchants nor tokens`,
	}},
	"null": {"merchants:\ntokens: ~\n", []string{
		`1:1: merchants is empty: give it a value, or leave the key out`,
		`2:1: tokens is empty: give it a value, or leave the key out`,
	}},
	"unknown keys": {"merchant: 1\nshops: planted\n" + strings.Replace(good, "gateway_url", "gatway-url", 1) + "    Rate: 2\n    planted: planted\n", []string{
		`1:1: the key "merchant" is not known: did you mean "merchants"?`,
		`2:1: this key is not known; known here: merchants, tokens`,
		`5:5: the key "gatway-url" is not known: did you mean "gateway_url"?`,
		`8:5: the key "Rate" is not known: did you mean "rate"?`,
		`9:5: this key is not known; known here: id, name, gateway_url, api_key, api_key_encoding, x_api_key, link_hosts, timeout, rate, concurrency, max_open, amount_unit, defaults, mail`,
	}},
	"twice": {good + "    id: M-2\n    rate: 1\n    rate: 2\n", []string{
		`6:5: merchants[0].id is given twice: the first is on line 2`,
		`8:5: merchants[0].rate is given twice: the first is on line 7`,
	}},
	"ids twice": {good + strings.TrimPrefix(good, "merchants:\n"), []string{
		`6:5: merchants[1].id is the same as that of merchants[0]: give each merchant once`,
	}},
	"no id": {strings.Replace(good, "id: M-1", "name: x", 1), []string{
		`2:5: merchants[0]: merchant_id is required: it is part of the order's identity`,
	}},
	"types": {strings.Replace(good, "M-1", "1001", 1) + "    name: true\n    link_hosts: planted\n    timeout: 15\n    rate: \"20\"\n    concurrency: 2.5\n" +
		"    max_open: 1_000\n    amount_unit: planted\n    api_key_encoding: planted\n    defaults: planted\n    mail: []\n", []string{
		`2:5: merchants[0].id is a number: it must be a text, so put it in quotes`,
		`6:5: merchants[0].name is true or false: it must be a text, so put it in quotes`,
		`7:5: merchants[0].link_hosts is a text: it must be a list, each entry on a line that begins with "- "`,
		`8:5: merchants[0].timeout must be a time with its unit, like 15s`,
		`9:5: merchants[0].rate is a text: leave out the quotes`,
		`10:5: merchants[0].concurrency must be a whole number like 50`,
		`11:5: merchants[0].max_open is no plain decimal number: write it like 1000000`,
		`12:5: merchants[0].amount_unit is not known: use major or minor`,
		`13:5: merchants[0].api_key_encoding is not known: use ready or user or bare`,
		`14:5: merchants[0].defaults is a text: it must be a mapping with keys like "merchant_email: …"`,
		`15:5: merchants[0].mail is a list: it must be a mapping with keys like "from: …"`,
	}},
	"numbers": {good + "    timeout: planted\n    rate: .inf\n    concurrency: 0x10\n    max_open: -1\n", []string{
		`6:5: merchants[0].timeout must be a time with its unit, like 15s`,
		`7:5: merchants[0].rate is no plain decimal number: write it like 20`,
		`8:5: merchants[0].concurrency is no plain decimal number: write it like 50`,
		`9:5: merchants[0].max_open must be above zero: leave it out for the default`,
	}},
	"no numbers": {good + "    timeout: 0s\n    rate: 0\n    concurrency: 1e3\n    max_open: {}\n", []string{
		`6:5: merchants[0].timeout must be a time with its unit, like 15s`,
		`7:5: merchants[0].rate must be above zero: leave it out for the default`,
		`8:5: merchants[0].concurrency is a text: it must be a number like 50`,
		`9:5: merchants[0].max_open is a mapping: it must be a number like 1000000`,
	}},
	"out of range": {good + "    timeout: 3m\n    rate: 100001\n    concurrency: 99999\n    max_open: 9999999999\n    link_hosts: [ok.example, \"*\"]\n", []string{
		`6:5: merchant "M-1": timeout 3m0s is not between 1s and 2m0s`,
		`7:5: merchant "M-1": rate 100001 is not between 0.01 and 100000 calls a second`,
		`8:5: merchant "M-1": concurrency 99999 is not between 1 and 10000`,
		`9:5: merchant "M-1": max_open 9999999999 is not between 1 and 1000000000`,
		`10:30: merchant "M-1": link host "*" has a * elsewhere than in "*." at its beginning`,
	}},
	"empties": {good + "    name: \"\"\n    timeout:\n    rate: ~\n    link_hosts: []\n    defaults:\n    mail:\n", []string{
		`6:5: merchants[0].name is empty: give it a value, or leave the key out`,
		`7:5: merchants[0].timeout is empty: give it a value, or leave the key out`,
		`8:5: merchants[0].rate is empty: give it a value, or leave the key out`,
		`9:5: merchants[0].link_hosts is empty: give it an entry, or leave the key out`,
		`10:5: merchants[0].defaults is empty: give it a value, or leave the key out`,
		`11:5: merchants[0].mail is empty: give it a value, or leave the key out`,
	}},
	"defaults": {good + "    defaults:\n      merchant_email: planted\n      return_url: {success_url: planted, success_url: b}\n      payment_method:\n        type: 5\n        planted: ~\n" +
		"      billing_address:\n        country: UK\n        city: planted\n", []string{
		`7:7: merchant "M-1": defaults: /merchant_email: is not a plain e-mail address: write it like name@example.com, without a display name`,
		`8:42: a key of merchants[0].defaults.return_url is given twice`,
		`11:9: a value of merchants[0].defaults.payment_method is empty: give it a value, or leave the key out`,
		`13:9: merchant "M-1": defaults: /billing_address/country: "UK" is not a country code of ISO 3166: write "GB"`,
		`14:9: this key is not known; known here: country`,
	}},
	"defaults' values": {good + "    defaults:\n      return_url:\n        webhook_url: planted\n      payment_method: [planted]\n", []string{
		`8:9: merchant "M-1": defaults: /return_url/webhook_url: is not a web address: write it like https://shop.example/done`,
		`9:7: merchants[0].defaults.payment_method is a list: it must be a mapping`,
	}},
	"mail": {good + "    mail:\n      from: planted\n      reply_to: 5\n      templates: nowhere\n", []string{
		`7:7: merchant "M-1": mail from is no mail address: write it like pay@shop.example or "Shop <pay@shop.example>"`,
		`8:7: merchants[0].mail.reply_to is a number: it must be a text, so put it in quotes`,
		`9:7: merchants[0].mail.templates names a folder that can not be read: no such file or directory`,
	}},
	"templates": {good + "    mail: {templates: token}\n", []string{
		`6:12: merchants[0].mail.templates is no folder`,
	}},
	"gateway URL": {strings.Replace(good, "https://api", "http://planted:planted@api", 1), []string{
		`3:5: merchant "M-1": gateway URL has a user name or password: keys are settings of their own`,
	}},
	"no URL": {strings.Replace(good, "https://api", "https://planted\\x7f:api", 1), []string{
		`3:5: merchants[0].gateway_url is no URL: write it like https://api.paymentoptions.com/api/v1`,
	}},
	"bare secrets": {"merchants:\n  - id: M-1\n    gateway_url: https://api.paymentoptions.com/api/v1\n    api_key: planted-api-key\n    x_api_key: 12345678\n" +
		"tokens:\n  - name: shop\n    token: planted-planted-planted\n", []string{
		`4:5: merchants[0].api_key must say where the secret is: write {file: PATH} or {env: NAME}, or {inline: "…"} if it is to stand in this file`,
		`5:5: merchants[0].x_api_key must say where the secret is: write {file: PATH} or {env: NAME}, or {inline: "…"} if it is to stand in this file`,
		`8:5: tokens[0].token must say where the secret is: write {file: PATH} or {env: NAME}, or {inline: "…"} if it is to stand in this file`,
	}},
	"secrets": {"merchants:\n  - id: M-1\n    gateway_url: https://api.paymentoptions.com/api/v1\n    api_key: {planted: planted}\n    x_api_key: {file: a, env: B}\n" +
		"  - id: M-2\n    gateway_url: https://api.paymentoptions.com/api/v1\n    api_key: {file: planted}\n    x_api_key: {env: PLANTED}\n" +
		"  - id: M-3\n    gateway_url: https://api.paymentoptions.com/api/v1\n    api_key: {env: planted key}\n    x_api_key: {file: empty}\n" +
		"  - id: M-4\n    gateway_url: https://api.paymentoptions.com/api/v1\n    api_key: {file: large}\n    x_api_key: {inline: planted key}\n" +
		"  - id: M-5\n    gateway_url: https://api.paymentoptions.com/api/v1\n    api_key: [planted]\n    x_api_key: {}\n" +
		"  - id: M-6\n    gateway_url: https://api.paymentoptions.com/api/v1\n    api_key: {fiel: planted}\n", []string{
		`4:15: this key is not known; known here: file, env, inline`,
		`5:5: merchants[0].x_api_key must have one of the keys file, env and inline, and only one`,
		`8:15: merchants[1].api_key.file names a file that can not be read: no such file or directory (a relative path begins at this file's folder)`,
		`9:17: merchants[1].x_api_key.env names an environment variable that is not set`,
		`12:15: merchants[2].api_key.env is no name of an environment variable: letters, digits and '_'`,
		`13:17: merchants[2].x_api_key.file names a file that is empty`,
		`16:15: merchants[3].api_key.file names a file of more than 65536 bytes, which is no secret`,
		`17:5: merchant "M-4": x-api-key has a space, line break or other character that no key has`,
		`20:5: merchants[4].api_key is a list: it must be a mapping with keys like "file: …"`,
		`21:5: merchants[4].x_api_key must have one of the keys file, env and inline, and only one`,
		`22:5: merchant "M-6": x-api-key is missing`,
		`24:15: this key is not known; known here: file, env, inline`,
	}},
	"tokens": {good + "tokens:\n  - name: shop\n    token: {inline: planted}\n  - name: shop\n    token: {inline: planted planted planted}\n" +
		"  - name: a b\n    token: {file: short}\n  - token: {file: token}\n  - name: x\n  - planted\n", []string{
		`8:5: tokens[0].token is shorter than 16 characters, and could be guessed`,
		`9:5: tokens[1].name is the same as that of tokens[0]: give each token a name of its own`,
		`10:5: tokens[1].token has a space, line break or other character that can not stand in a header`,
		`11:5: tokens[2].name is missing, or has other than up to 64 letters, digits, '.', '_' and '-'`,
		`12:5: tokens[2].token is shorter than 16 characters, and could be guessed`,
		`13:5: tokens[3].name is missing, or has other than up to 64 letters, digits, '.', '_' and '-'`,
		`14:5: tokens[4].token is missing`,
		`15:5: tokens[5] is a text: it must be a mapping with keys like "name: …"`,
	}},
	"windows": {strings.ReplaceAll("\ufeff"+good+"    rate: planted\n", "\n", "\r\n"), []string{
		`6:5: merchants[0].rate is a text: it must be a number like 20`,
	}},
}

func TestBadFiles(t *testing.T) {
	for name, test := range badFiles {
		t.Run(name, func(t *testing.T) {
			path := settingsFile(t, test.text)
			_, err := config.LoadFile(path)
			if err == nil {
				t.Fatal("no error")
			}
			var got []string
			for line := range strings.Lines(err.Error()) {
				got = append(got, strings.TrimSpace(strings.TrimPrefix(line, path+":")))
			}
			if g, w := strings.Join(got, "\n"), strings.Join(test.want, "\n"); g != w {
				t.Errorf("got\n%s\nwant\n%s", g, w)
			}
			if strings.Contains(strings.ToLower(err.Error()), "planted") {
				t.Errorf("shows what is in the file: %v", err)
			}
		})
	}
}
