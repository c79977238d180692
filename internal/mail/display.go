package mail

import (
	"encoding/base64"
	"strings"
	"unicode"
	"unicode/utf8"
)

// display makes foreign text fit to be shown: one line, without control characters, and without the marks that change
// the direction of what stands around it. Joiners stay, since Persian and emoji need them.
func display(s string) string {
	return oneLine(strings.Map(func(c rune) rune {
		if unicode.Is(unicode.Bidi_Control, c) {
			return -1
		}
		return c
	}, s))
}

// oneLine drops control characters and makes each run of blanks a single one.
func oneLine(s string) string {
	visible := strings.Map(func(c rune) rune {
		switch {
		case unicode.IsSpace(c):
			return ' '
		case unicode.IsControl(c), c == unicode.ReplacementChar, c == '\ufeff':
			return -1
		}
		return c
	}, strings.ToValidUTF8(s, ""))
	return strings.Join(strings.Fields(visible), " ")
}

// header keeps what looks like an encoded word (RFC 2047) from being read as one: an invisible word joiner has it
// encoded itself, so that it is read as it was written.
func header(s string) string { return strings.ReplaceAll(s, "=?", "=\u2060?") }

// encodedWords writes a subject in ASCII (RFC 2047), in words short enough that the first fits behind "Subject: ": some
// programs read the fold before a longer one as a blank.
func encodedWords(s string) string {
	const most = 36 // bytes, 60 when encoded
	if isASCII(s) {
		return s
	}
	var all []string
	for s != "" {
		n := 0
		for i, c := range s {
			if i+utf8.RuneLen(c) > most {
				break
			}
			n = i + utf8.RuneLen(c)
		}
		all = append(all, "=?UTF-8?B?"+base64.StdEncoding.EncodeToString([]byte(s[:n]))+"?=")
		s = s[n:]
	}
	return strings.Join(all, " ")
}

// ltr keeps a reference such as "2027-08-A" in its order within text that runs from right to left.
func ltr(s string) string {
	const mark = "\u200e"
	return mark + s + mark
}

// cut bounds a text, in characters.
func cut(s string, most int) string {
	if runes := []rune(s); len(runes) > most {
		return string(runes[:most-1]) + "…"
	}
	return s
}
