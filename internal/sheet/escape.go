package sheet

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// escape keeps spreadsheet programs from taking a text for a formula: it puts an apostrophe
// before what begins, after blanks, with one of = + - @ (also full-width), and before a tab
// or line end at the beginning. It does the same behind each semicolon, tab and line end
// within, where a program that expects another delimiter would begin a new cell. An
// apostrophe at such a place gets another one before it, so that unescape is exact.
func escape(s string) string {
	var b strings.Builder
	for start := true; s != ""; {
		if start && risky(s) {
			b.WriteByte('\'')
		}
		b.WriteByte(s[0])
		start, s = beginsCell(s[0]), s[1:]
	}
	return b.String()
}

// unescape takes back what escape did.
func unescape(s string) string {
	if !strings.Contains(s, "'") {
		return s
	}
	var b strings.Builder
	for start := true; s != ""; {
		if start {
			if s = strings.TrimPrefix(s, "'"); s == "" {
				break
			}
		}
		b.WriteByte(s[0])
		start, s = beginsCell(s[0]), s[1:]
	}
	return b.String()
}

func beginsCell(behind byte) bool {
	return behind == ';' || behind == '\t' || behind == '\r' || behind == '\n'
}

func risky(s string) bool {
	if strings.IndexByte("'\t\r\n\x00", s[0]) >= 0 {
		return true
	}
	c, _ := utf8.DecodeRuneInString(strings.TrimLeftFunc(s, unicode.IsSpace))
	return strings.ContainsRune("=+-@＝＋－＠", c)
}
