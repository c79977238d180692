package sheet

import (
	"fmt"
	"io"
	"maps"
	"os"
	"slices"

	"github.com/goccy/go-yaml"
)

// Mapping says which header is which field. It wins over what headers seem to say.
type Mapping struct {
	Fields map[string]string // field with dots, "billing_address.city", to header
	Ignore []string          // headers of columns that are no part of the order
}

// ignoreKey holds Ignore in a mapping file, among the fields.
const ignoreKey = "ignore"

// maxMappingBytes is far more than a mapping of all fields has.
const maxMappingBytes = 1 << 20

// LoadMapping reads a mapping file, YAML of a field and its header a line:
//
//	merchant_txn_ref: "Order ID"
//	ignore: ["Notes"]
func LoadMapping(path string) (Mapping, error) {
	f, err := os.Open(path)
	if err != nil {
		return Mapping{}, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxMappingBytes+1))
	if err != nil {
		return Mapping{}, err
	}
	return ParseMapping(data)
}

// ParseMapping reads the content of a mapping file. Fields that do not exist are
// errors, in a *FileError.
func ParseMapping(data []byte) (Mapping, error) {
	if len(data) > maxMappingBytes {
		return Mapping{}, &FileError{Message: "the mapping is longer than 1 MiB"}
	}
	var raw map[string]any
	if err := yaml.Unmarshal(data, &raw); err != nil {
		return Mapping{}, &FileError{Message: "the mapping is not YAML with a field and its header a line, like merchant_txn_ref: \"Order ID\"", Err: err}
	}
	m := Mapping{Fields: make(map[string]string)}
	for _, key := range slices.Sorted(maps.Keys(raw)) {
		if err := m.set(key, raw[key]); err != nil {
			return Mapping{}, err
		}
	}
	return m, nil
}

func (m *Mapping) set(key string, value any) error {
	if key == ignoreKey {
		return m.ignore(value)
	}
	header, ok := value.(string)
	if !ok || header == "" {
		return &FileError{Message: fmt.Sprintf("the mapping of %.60q is no header: write it in quotation marks", key)}
	}
	if _, ok := fieldNamed(key); !ok {
		return &FileError{Message: unknownField(key)}
	}
	m.Fields[key] = header
	return nil
}

func (m *Mapping) ignore(value any) error {
	list, ok := value.([]any)
	if !ok {
		return &FileError{Message: "ignore in the mapping is no list of headers: write it like [\"Notes\", \"Paid\"]"}
	}
	for _, v := range list {
		header, ok := v.(string)
		if !ok {
			return &FileError{Message: "ignore in the mapping has an entry that is no header: write each in quotation marks"}
		}
		m.Ignore = append(m.Ignore, header)
	}
	return nil
}

// names tells whether the mapping has a header.
func (m Mapping) names(header string) bool {
	for _, h := range m.Fields {
		if loose(h) == loose(header) {
			return true
		}
	}
	return false
}

func unknownField(name string) string {
	return fmt.Sprintf("%.60q is no field of an order; the nearest is %q", name, nearestField(name))
}

// Save writes the mapping to a file, replacing it at once.
func (m Mapping) Save(path string) error {
	raw := yaml.MapSlice{}
	for _, f := range slices.Sorted(maps.Keys(m.Fields)) {
		raw = append(raw, yaml.MapItem{Key: f, Value: m.Fields[f]})
	}
	if len(m.Ignore) > 0 {
		raw = append(raw, yaml.MapItem{Key: ignoreKey, Value: m.Ignore})
	}
	data, err := yaml.Marshal(raw)
	if err != nil {
		return err
	}
	f, err := createAtomic(path)
	if err != nil {
		return err
	}
	if _, err := f.Write(data); err != nil {
		return f.abort(err)
	}
	return f.commit()
}

// MappingOf returns the mapping that reads columns as they were read, to be saved.
func MappingOf(columns []Column) Mapping {
	m := Mapping{Fields: make(map[string]string)}
	for _, c := range columns {
		if c.Field != "" {
			m.Fields[c.Field] = c.Header
		} else if c.Ignored {
			m.Ignore = append(m.Ignore, c.Header)
		}
	}
	return m
}
