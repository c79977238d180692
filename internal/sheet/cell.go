package sheet

import (
	"bytes"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// cellKind is what a spreadsheet program holds a cell for. Text files have texts only.
type cellKind byte

const (
	textCell cellKind = iota
	numberCell
	dateCell
	percentCell
	boolCell
	errorCell
	formulaCell // of which the file has no result
	mergedCell  // covered by another one
)

// cell is one as the file has it.
type cell struct {
	text   string // of a number, its decimal digits; of a date, as ISO 8601 writes it
	kind   cellKind
	format string // of a number, the number format if it shows other digits than it has
}

// blanks says what is wrong with a blank cell, for the fields where it may have been filled
// once: a merged or filled-down cell leaves blanks in CSV.
var blanks = map[string]string{
	"amount":      "is blank: write the amount. An order without one would let the customer choose it; for that leave the whole column out",
	"currency":    "is blank: write the currency in each row, or leave the whole column out to have the merchant's default",
	"merchant_id": "is blank: write the merchant's id in each row, or leave the whole column out to have the only merchant's",
}

// value returns a cell as JSON, nil if it is blank, or what is wrong with it.
func (f field) value(c cell) (jsontext.Value, string) {
	if fault := c.fault(); fault != "" {
		return nil, fault
	}
	if strings.TrimSpace(c.text) == "" {
		return nil, blanks[f.name]
	}
	switch f.kind {
	case amount:
		return amountValue(c)
	case boolean:
		return boolValue(c)
	case whole:
		return eventValue(c)
	}
	return textValue(c)
}

// excelErrors are what spreadsheet programs show in place of a value.
var excelErrors = regexp.MustCompile(`(?s)^(#(REF!|N/A|VALUE!|DIV/0!|NAME\?|NUM!|NULL!|SPILL!|CALC!|FIELD!|BLOCKED!|CONNECT!|BUSY!|UNKNOWN!|EXTERNAL!|PYTHON!|GETTING_DATA|REFUSED!.*)|Err:\d{3}|#{3,})$`)

// refused is how a cell that was refused is written into results if its text alone would
// be taken the next time: a date in a ref's place, a cell of a row out of joint.
func refused(text string) string { return strings.TrimSpace("#REFUSED! " + text) }

// fault says what makes a cell of no use to any field.
func (c cell) fault() string {
	switch {
	case c.kind == mergedCell:
		return "is covered by a merged cell: unmerge it and fill in each row"
	case c.kind == formulaCell:
		return "has a formula without a result: open the file in a spreadsheet program and save it"
	case c.kind == errorCell, isError(strings.TrimSpace(c.text)):
		return "has an error value in place of its content: correct the formula or write the content"
	case strings.ContainsRune(c.text, utf8.RuneError):
		return "has a character that cannot be read: save the file as \"CSV UTF-8\" or .xlsx, or name its encoding"
	}
	return ""
}

// isError looks at the first letter before it asks the slower expression, as isShortened
// does: they are asked for every cell of a million rows.
func isError(s string) bool {
	return s != "" && (s[0] == '#' || s[0] == 'E') && excelErrors.MatchString(s)
}

func isShortened(s string) bool {
	return strings.ContainsRune(s, 'E') && scientific.MatchString(strings.TrimSpace(s))
}

// formulaApostrophe is how a cell of a result begins that has lost what marks it as one.
var formulaApostrophe = regexp.MustCompile(`^'['=+\-@\t\r\n＝＋－＠]`)

var (
	// scientific is how spreadsheet programs shorten a number, not what refs look like.
	scientific = regexp.MustCompile(`^[+-]?\d([.,]\d+)?E[+-]\d{2,3}$`)
	integer    = regexp.MustCompile(`^-?\d{1,15}$`)
	zeros      = regexp.MustCompile(`^0{2,15}$`)
)

func textValue(c cell) (jsontext.Value, string) {
	s := c.text
	switch c.kind {
	case dateCell:
		return nil, "is a date, which the spreadsheet program perhaps made of something else: format the column as text and write the content again"
	case percentCell:
		return nil, "is a percentage: format the column as text and write the content again"
	case boolCell:
		return nil, "is TRUE or FALSE: format the column as text and write the content again"
	case numberCell:
		if !integer.MatchString(s) {
			return nil, "is a number with a fraction or more than 15 digits, which spreadsheet programs round: " +
				"format the column as text and write the content again"
		}
		if zeros.MatchString(c.format) { // 00042 is what everybody sees
			return quote(padded(s, len(c.format))), ""
		}
		if c.format != "" {
			return nil, "is a number that is shown otherwise than it is stored, by its number format: format the column as text and write what it shows"
		}
	}
	if isShortened(s) {
		return nil, "is a number that a spreadsheet program shortened (like 1.23E+12): format the column as text and write all digits again"
	}
	return quote(s), ""
}

func padded(digits string, width int) string {
	return strings.Repeat("0", max(0, width-len(digits))) + digits
}

var bools = map[string]string{
	"true": "true", "yes": "true", "y": "true", "1": "true", "はい": "true", "有": "true",
	"false": "false", "no": "false", "n": "false", "0": "false", "いいえ": "false", "無": "false",
}

func boolValue(c cell) (jsontext.Value, string) {
	v, ok := bools[strings.ToLower(strings.TrimSpace(c.text))]
	if !ok || c.kind == dateCell || c.kind == percentCell {
		return nil, "is neither yes nor no: write TRUE or FALSE"
	}
	return jsontext.Value(v), ""
}

// eventValue takes a cell that has a whole order event in it.
func eventValue(c cell) (jsontext.Value, string) {
	v := jsontext.Value(bytes.TrimSpace([]byte(c.text)))
	twice := jsontext.AllowDuplicateNames(true) // of which the order's own decoder tells
	if v.Kind() != '{' || v.Compact(twice) != nil {
		return nil, "is not an order event: it must be one JSON object"
	}
	return v, ""
}
