package sheet

import (
	"regexp"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// numberFormat is what a cell's number format makes of a number.
type numberFormat struct {
	kind cellKind
	code string // what is shown differs from what is stored; "" if not but for separators and rounding
}

type xmlStyles struct {
	Formats []struct {
		ID   int    `xml:"numFmtId,attr"`
		Code string `xml:"formatCode,attr"`
	} `xml:"numFmts>numFmt"`
	Cells []struct {
		Format int `xml:"numFmtId,attr"`
	} `xml:"cellXfs>xf"`
}

func (b *book) loadStyles(part string) ([]numberFormat, error) {
	var x xmlStyles
	if err := b.decode(part, &x); err != nil {
		return nil, err
	}
	codes := make(map[int]string)
	for _, f := range x.Formats {
		codes[f.ID] = f.Code
	}
	all := make([]numberFormat, len(x.Cells))
	for i, c := range x.Cells {
		if code, ok := codes[c.Format]; ok {
			all[i] = readFormat(code)
		} else {
			all[i] = builtIn(c.Format)
		}
	}
	return all, nil
}

// builtIn is one of the formats that a workbook need not spell out (ECMA-376 part 1,
// 18.8.30, with those of East Asian programs).
func builtIn(id int) numberFormat {
	switch {
	case id == 9 || id == 10:
		return numberFormat{kind: percentCell}
	case id >= 14 && id <= 22, id >= 27 && id <= 36, id >= 45 && id <= 47, id >= 50 && id <= 58:
		return numberFormat{kind: dateCell}
	}
	return numberFormat{kind: numberCell}
}

// readFormat reads a format code's first section, the one for positive numbers.
func readFormat(code string) numberFormat {
	bare, literal := bareFormat(code)
	lower := strings.ToLower(bare)
	switch {
	case strings.HasPrefix(lower, "general"), bare == "@":
		return numberFormat{kind: numberCell}
	case strings.ContainsAny(strings.ReplaceAll(lower, "e+", ""), "ymdhsgeab年月日時分秒"):
		return numberFormat{kind: dateCell}
	case strings.Contains(bare, "%"):
		return numberFormat{kind: percentCell}
	case zeros.MatchString(bare) && !literal:
		return numberFormat{kind: numberCell, code: bare}
	case literal, strings.HasPrefix(bare, "00"), strings.HasSuffix(bare, ","), strings.Trim(bare, "0#?.,$¥￥€£+() ") != "":
		return numberFormat{kind: numberCell, code: code}
	}
	return numberFormat{kind: numberCell}
}

var formatTokens = regexp.MustCompile(`"[^"]*"|\\.|[_*].|\[[^\]]*\]|.`)

// bareFormat leaves out what is shown as it is, colours, conditions and fill characters;
// elapsed times like [h] stay. literal tells that letters or digits are shown as they are.
func bareFormat(code string) (bare string, literal bool) {
	var b strings.Builder
	for _, tok := range formatTokens.FindAllString(code, 1000) {
		switch {
		case tok == ";":
			return strings.TrimSpace(b.String()), literal
		case len(tok) == 1 || tok[0] >= utf8.RuneSelf:
			b.WriteString(tok)
		case tok[0] == '[' && strings.Trim(strings.ToLower(tok), "[hms]") == "":
			b.WriteString(tok)
		case tok[0] == '"' || tok[0] == '\\':
			literal = literal || strings.ContainsFunc(tok, isShown)
		}
	}
	return strings.TrimSpace(b.String()), literal
}

// isShown tells what makes a ref another one: not a currency sign or a blank.
func isShown(c rune) bool {
	return unicode.IsLetter(c) || unicode.IsDigit(c) || strings.ContainsRune("-/#_.:", c)
}

// dateText writes a day number as ISO 8601, for a person to read in the result.
func dateText(days float64, date04 bool) string {
	epoch := time.Date(1899, 12, 30, 0, 0, 0, 0, time.UTC)
	if date04 {
		epoch = time.Date(1904, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	whole := int(days)
	at := epoch.AddDate(0, 0, whole).Add(time.Duration((days - float64(whole)) * float64(24*time.Hour))).Round(time.Second)
	switch {
	case whole == 0:
		return at.Format("15:04:05")
	case at.Hour() == 0 && at.Minute() == 0 && at.Second() == 0:
		return at.Format(time.DateOnly)
	}
	return at.Format("2006-01-02T15:04:05")
}
