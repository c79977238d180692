package strictyaml

import (
	"bytes"
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// maxDepth is how deep mappings and lists may lie in one another on one line. By indentation a file of MaxBytes goes no
// deeper than the parser, which calls itself for each step, can go.
const maxDepth = 20

// maxKeys bounds one mapping: the parser calls itself for each of its keys, and takes longer with each.
const maxKeys = 1000

var (
	errEmpty     = errors.New("is empty")
	errDocuments = errors.New("holds a second document: keep one, without a second '---'")
	errSyntax    = errors.New("can not be read as YAML: look here and at the line before for a missing colon, quote, comma or bracket, " +
		"a tab, or an indentation that does not fit")
	errKeys = fmt.Errorf("is in a mapping of more than %d keys", maxKeys)
	errDeep = fmt.Errorf("nests deeper than %d mappings and lists", maxDepth)
)

// refused are the parts of YAML that no settings need.
var refused = map[token.Type]error{
	token.AnchorType:     errors.New("has an anchor (&): write the value out, or put it in quotes if it begins with &"),
	token.AliasType:      errors.New("has an alias (*): write the value out, or put it in quotes if it begins with *"),
	token.MergeKeyType:   errors.New("has a merge key (<<): write the values out"),
	token.TagType:        errors.New("has a tag (!): leave it out, or put the value in quotes if it begins with an exclamation mark"),
	token.MappingKeyType: errors.New("has a complex key (?): write \"key: value\""),
	token.DirectiveType:  errors.New("has a directive (%): leave it out"),
}

// checkText takes the byte order mark off, and notes what is no text.
func (d *Document) checkText(text []byte) ([]byte, bool) {
	if len(text) > MaxBytes {
		d.fail(place{}, "", fmt.Errorf("is larger than %d bytes", MaxBytes))
		return nil, false
	}
	text = bytes.TrimPrefix(text, []byte("\ufeff"))
	line, column := 1, 1
	for i := 0; i < len(text); {
		c, size := utf8.DecodeRune(text[i:])
		if c == utf8.RuneError && size == 1 || c < ' ' && c != '\n' && c != '\r' && c != '\t' || c == 0x7f {
			d.fail(place{line, column}, "", errors.New("has a byte that is no text in UTF-8"))
			return nil, false
		}
		if i, column = i+size, column+1; c == '\n' {
			line, column = line+1, 1
		}
	}
	return text, true
}

// parse sets the document's body. The library is no part of this program, and its errors quote the file: only the place
// is taken from them; and a panic of it must not end a worker that only looks at a changed file.
func (d *Document) parse(text []byte) {
	defer func() {
		if recover() != nil {
			d.body = nil
			d.fail(place{}, "", errSyntax)
		}
	}()
	tokens := lexer.Tokenize(string(text))
	if !d.checkTokens(tokens) {
		return
	}
	file, err := parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		d.fail(errorPlace(err), "", errSyntax)
		return
	}
	d.only(file)
}

// only takes the one document there is to be.
func (d *Document) only(file *ast.File) {
	for _, doc := range file.Docs {
		switch {
		case doc.Body == nil:
		case d.body != nil:
			d.fail(placeOf(doc.Body), "", errDocuments)
		default:
			d.body = doc.Body
		}
	}
	if d.body == nil {
		d.fail(place{}, "", errEmpty)
	}
}

// checkTokens keeps from the parser what is refused anyway, and what it could not bear.
func (d *Document) checkTokens(tokens token.Tokens) bool {
	var depth nesting
	headers := 0
	for _, t := range tokens {
		if t.Type == token.DocumentHeaderType {
			headers++
		}
		err := refused[t.Type]
		if headers == 2 {
			err = errDocuments
		}
		if tooMuch := depth.step(t); tooMuch != nil {
			d.fail(tokenPlace(t), "", tooMuch)
			return false
		}
		if err != nil {
			d.fail(tokenPlace(t), "", err)
		}
		if headers == 2 {
			return false
		}
	}
	return len(d.problems) == 0
}

// nesting follows how far the parser has to go, from token to token.
type nesting struct {
	flow    int       // brackets and braces that are open
	line    int       // the current one
	entries int       // that begin on it
	blocks  []mapping // by indentation, those that are open
}

type mapping struct{ column, keys int }

func (n *nesting) step(t *token.Token) error {
	if t.Position.Line != n.line {
		n.line, n.entries = t.Position.Line, 0
	}
	switch t.Type {
	case token.MappingStartType, token.SequenceStartType:
		n.flow++
	case token.MappingEndType, token.SequenceEndType:
		n.flow--
	case token.SequenceEntryType:
		n.entries++
		n.close(t.Position.Column)
	case token.MappingValueType:
		if t.Prev != nil && n.flow == 0 && n.key(t.Prev.Position.Column) > maxKeys {
			return errKeys
		}
	}
	if n.flow+n.entries > maxDepth {
		return errDeep
	}
	return nil
}

// close leaves the mappings that are indented more than a column.
func (n *nesting) close(column int) {
	for len(n.blocks) > 0 && n.blocks[len(n.blocks)-1].column > column {
		n.blocks = n.blocks[:len(n.blocks)-1]
	}
}

// key counts a key, and returns how many its mapping has.
func (n *nesting) key(column int) int {
	n.close(column)
	if len(n.blocks) == 0 || n.blocks[len(n.blocks)-1].column < column {
		n.blocks = append(n.blocks, mapping{column: column})
	}
	last := &n.blocks[len(n.blocks)-1]
	last.keys++
	return last.keys
}

func errorPlace(err error) place {
	if e, ok := errors.AsType[yaml.Error](err); ok && e.GetToken() != nil {
		return tokenPlace(e.GetToken())
	}
	return place{}
}
