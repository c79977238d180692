package merchant

import (
	"errors"
	"fmt"
	"net/mail"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Limits of what stands in a mail's header, in characters.
const (
	maxMailName    = 100
	maxMailAddress = 320
)

// check notes what is wrong, by the setting's name. It shows no address.
func (m Mail) check(note func(field string, err error)) {
	note("name", checkMailName(m.Name))
	note("mail.from", checkMailAddress("mail from", m.From))
	note("mail.reply_to", checkMailAddress("mail reply_to", m.ReplyTo))
	if m.Rate != 0 && !(m.Rate >= MinRate && m.Rate <= MaxRate) {
		note("mail.rate", fmt.Errorf("mail rate %v is not between %v and %v emails a second", m.Rate, MinRate, MaxRate))
	}
	if strings.ContainsFunc(m.Templates, unicode.IsControl) {
		note("mail.templates", errors.New("mail templates has a line break or another control character: name a folder"))
	}
}

// checkMailName keeps a name from becoming more than a name in a mail's header.
func checkMailName(name string) error {
	switch {
	case utf8.RuneCountInString(name) > maxMailName:
		return fmt.Errorf("name is longer than %d characters", maxMailName)
	case !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl):
		return errors.New("name has a line break or another character that is no text")
	case strings.TrimSpace(name) != name:
		return errors.New("name begins or ends with white space")
	}
	return nil
}

func checkMailAddress(name, address string) error {
	if address == "" {
		return nil
	}
	_, err := mail.ParseAddress(address)
	if err != nil || len(address) > maxMailAddress || strings.ContainsFunc(address, unicode.IsControl) { // err quotes the address
		return fmt.Errorf("%s is no mail address: write it like pay@shop.example or \"Shop <pay@shop.example>\"", name)
	}
	return nil
}
