package sheet

import (
	"bufio"
	"encoding/binary"
	"encoding/xml"
	"errors"
	"io"
	"os"
)

// sharedStrings are a workbook's texts, kept in a temporary file: of a million rows they
// would take hundreds of megabytes.
type sharedStrings struct {
	file   *os.File
	starts []int64 // of each block
	count  int
	blocks map[int][]string // read lately
	cached int              // bytes of them
}

// perBlock texts are read at once, since programs write them about in the order of the cells.
const (
	perBlock  = 64
	maxCached = 4 << 20 // bytes
)

// loadShared copies the texts to a temporary file, each with its length before it.
func (b *book) loadShared(part string) (*sharedStrings, error) {
	in, err := b.parts[part].Open()
	if err != nil {
		return nil, &FileError{Message: "has a part that cannot be unpacked", Err: err}
	}
	defer in.Close()
	f, err := os.CreateTemp("", "hpplink-strings-*")
	if err != nil {
		return nil, err
	}
	if err := os.Remove(f.Name()); err != nil { // where an open file stays, it stays until closed
		return nil, errors.Join(err, f.Close())
	}
	s := &sharedStrings{file: f, blocks: make(map[int][]string)}
	if err := s.fill(newXMLReader(in)); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return s, nil
}

func (s *sharedStrings) fill(x *xmlReader) error {
	out, at := bufio.NewWriter(s.file), int64(0)
	for {
		tok, err := x.token()
		if errors.Is(err, io.EOF) {
			return out.Flush()
		} else if err != nil {
			return err
		}
		if start, ok := tok.(xml.StartElement); !ok || start.Name.Local != "si" {
			continue
		}
		text, err := x.text("si")
		if err != nil {
			return err
		}
		if s.count%perBlock == 0 {
			s.starts = append(s.starts, at)
		}
		s.count++
		head := binary.AppendUvarint(nil, uint64(len(text)))
		at += int64(len(head) + len(text))
		if _, err := out.Write(append(head, text...)); err != nil {
			return err
		}
	}
}

// get returns a text by its number, false if there is none.
func (s *sharedStrings) get(n int) (string, bool, error) {
	if s == nil || n < 0 || n >= s.count {
		return "", false, nil
	}
	block, ok := s.blocks[n/perBlock]
	if !ok {
		var err error
		if block, err = s.read(n / perBlock); err != nil {
			return "", false, err
		}
		s.keep(n/perBlock, block)
	}
	return block[n%perBlock], true, nil
}

func (s *sharedStrings) keep(n int, block []string) {
	if s.cached > maxCached {
		clear(s.blocks)
		s.cached = 0
	}
	for _, text := range block {
		s.cached += len(text) + 16
	}
	s.blocks[n] = block
}

func (s *sharedStrings) read(block int) ([]string, error) {
	in := bufio.NewReader(io.NewSectionReader(s.file, s.starts[block], 1<<62))
	all := make([]string, min(perBlock, s.count-block*perBlock))
	for i := range all {
		n, err := binary.ReadUvarint(in)
		if err != nil {
			return nil, err
		}
		b := make([]byte, n)
		if _, err := io.ReadFull(in, b); err != nil {
			return nil, err
		}
		all[i] = string(b)
	}
	return all, nil
}

func (s *sharedStrings) close() error {
	if s == nil {
		return nil
	}
	return s.file.Close()
}
