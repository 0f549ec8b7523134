package inbox

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

const fileName = "inbox.jsonl"

// store is the file: a line per message, oldest first. It grows to twice the
// limit and is then rewritten. A nil store keeps nothing.
type store struct {
	file  *os.File
	limit int
	lines int
	path  string
}

// openStore reads what was kept. A line that is no message, such as the torn end
// of a killed process, is skipped.
func openStore(dir string, limit int) (*store, []record, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, nil, fmt.Errorf("inbox: data directory: %w", err)
	}
	s := &store{limit: limit, path: filepath.Join(dir, fileName)}
	entries, err := readRecords(s.path, limit)
	if err != nil {
		return nil, nil, err
	}
	if err := s.rewrite(entries); err != nil {
		return nil, nil, err
	}
	return s, entries, nil
}

func readRecords(path string, limit int) ([]record, error) {
	file, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("inbox: open: %w", err)
	}
	defer func() { _ = file.Close() }()
	var entries []record
	reader := bufio.NewReader(file)
	for {
		line, err := reader.ReadBytes('\n')
		var r record
		if json.Unmarshal(bytes.TrimSpace(line), &r) == nil && r.Channel != "" {
			if r.Links == nil {
				r.Links = []string{}
			}
			if entries = append(entries, r); len(entries) > limit {
				entries = entries[1:]
			}
		}
		if errors.Is(err, io.EOF) {
			return entries, nil
		}
		if err != nil {
			return nil, fmt.Errorf("inbox: read: %w", err)
		}
	}
}

// append adds one record; all is what the file should hold, for the rewrite.
func (s *store) append(r record, all []record) error {
	if s == nil {
		return nil
	}
	if s.lines >= 2*s.limit {
		return s.rewrite(all)
	}
	line, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("inbox: encode: %w", err)
	}
	if _, err := s.file.Write(append(line, '\n')); err != nil {
		return fmt.Errorf("inbox: write: %w", err)
	}
	s.lines++
	return nil
}

// rewrite replaces the file as a whole, by rename, and opens it for appending.
func (s *store) rewrite(entries []record) error {
	if s == nil {
		return nil
	}
	var buffer bytes.Buffer
	encoder := json.NewEncoder(&buffer)
	for _, r := range entries {
		if err := encoder.Encode(r); err != nil {
			return fmt.Errorf("inbox: encode: %w", err)
		}
	}
	// CreateTemp makes the file with mode 0600.
	next, err := os.CreateTemp(filepath.Dir(s.path), fileName+".*")
	if err != nil {
		return fmt.Errorf("inbox: create: %w", err)
	}
	_, err = next.Write(buffer.Bytes())
	if err == nil {
		err = os.Rename(next.Name(), s.path)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("inbox: rewrite: %w", err), next.Close(), os.Remove(next.Name()))
	}
	_ = s.close()
	s.file, s.lines = next, len(entries)
	return nil
}

func (s *store) close() error {
	if s == nil || s.file == nil {
		return nil
	}
	err := s.file.Close()
	s.file = nil
	return err
}
