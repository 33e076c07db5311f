package provision

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"

	"github.com/doorlight/doorlight/internal/fault"
)

// MaxRows bounds a list.
const MaxRows = 200_000

// Decode returns the text of a file as spreadsheets write it: UTF-8, UTF-16 with a byte order mark, or else Windows-1252,
// in which every sequence of bytes is some text.
func Decode(file []byte) string {
	switch {
	case bytes.HasPrefix(file, []byte("\xef\xbb\xbf")):
		return strings.ToValidUTF8(string(file[3:]), "�")
	case bytes.HasPrefix(file, []byte("\xff\xfe")), bytes.HasPrefix(file, []byte("\xfe\xff")):
		big, units := file[0] == 0xfe, make([]uint16, 0, len(file)/2)
		for i := 2; i+1 < len(file); i += 2 {
			if big {
				units = append(units, uint16(file[i])<<8|uint16(file[i+1]))
			} else {
				units = append(units, uint16(file[i+1])<<8|uint16(file[i]))
			}
		}
		return string(utf16.Decode(units))
	case utf8.Valid(file):
		return string(file)
	}
	text, err := charmap.Windows1252.NewDecoder().Bytes(file)
	if err != nil { // never: see above
		return strings.ToValidUTF8(string(file), "�")
	}
	return string(text)
}

// ReadCSV reads a list with a heading (RFC 4180; separated by comma, semicolon or tab, whichever the heading has most of).
// Columns have the names of the fields, in any order; login must be one of them. What is wrong with a row is told in
// refusals; err says what is wrong with the whole.
func ReadCSV(text string) (records []Record, refusals []Refusal, err error) {
	heading, _, _ := strings.Cut(strings.TrimPrefix(text, "\ufeff"), "\n")
	if strings.TrimSpace(heading) == "" {
		return nil, nil, fault.Bad("csv", "the first line must name the columns, such as login,name,email,location")
	}
	r := csv.NewReader(strings.NewReader(strings.TrimPrefix(text, "\ufeff")))
	r.FieldsPerRecord = -1
	for _, comma := range []rune{';', '\t'} {
		if strings.Count(heading, string(comma)) > strings.Count(heading, string(r.Comma)) {
			r.Comma = comma
		}
	}
	first, err := r.Read()
	if err != nil {
		return nil, nil, unreadable(err)
	}
	columns := make([]Field, len(first))
	for i, name := range first {
		f := Field(strings.NewReplacer(" ", "_", "-", "_").Replace(strings.ToLower(strings.TrimSpace(name))))
		switch {
		case !slices.Contains(Fields(), f):
			return nil, nil, fault.Bad("csv", "there is no column %q; there are %s", clip(name), joined(Fields()))
		case slices.Contains(columns[:i], f):
			return nil, nil, fault.Bad("csv", "the column %s is there twice", f)
		}
		columns[i] = f
	}
	if !slices.Contains(columns, Login) {
		return nil, nil, fault.Bad("csv", "a column login is needed: it tells people apart")
	}
	rows := map[string]int{} // of logins
	for {
		cells, err := r.Read()
		if errors.Is(err, io.EOF) {
			return records, refusals, nil
		}
		if err != nil {
			return nil, nil, unreadable(err)
		}
		row, _ := r.FieldPos(0)
		if len(cells) == 1 && strings.TrimSpace(cells[0]) == "" {
			continue
		}
		if len(records)+len(refusals) >= MaxRows {
			return nil, nil, fault.Bad("csv", "has more than %d rows", MaxRows)
		}
		values := map[Field]string{}
		for i, cell := range cells {
			if i < len(columns) {
				values[columns[i]] = strings.TrimSpace(cell)
			}
		}
		login := strings.ToLower(values[Login])
		switch before, again := rows[login]; {
		case len(cells) != len(columns):
			refusals = append(refusals, Refusal{row, clip(login), "", fmt.Sprintf("has %d cells; the heading has %d", len(cells), len(columns))})
		case login == "":
			refusals = append(refusals, Refusal{row, "", string(Login), "must not be empty"})
		case again:
			refusals = append(refusals, Refusal{row, clip(login), string(Login), fmt.Sprintf("stands in line %d already", before)})
		default:
			rows[login] = row
			records = append(records, Record{row, values})
		}
	}
}

func unreadable(err error) error {
	var bad *csv.ParseError
	if errors.As(err, &bad) {
		return fault.Bad("csv", "line %d cannot be read: %v", bad.Line, bad.Err)
	}
	return fault.Bad("csv", "cannot be read: %v", err)
}

func joined(fields []Field) string {
	var names []string
	for _, f := range fields {
		names = append(names, string(f))
	}
	return strings.Join(names, ", ")
}

// clip bounds what is said of input.
func clip(s string) string {
	if r := []rune(s); len(r) > 60 {
		return string(r[:60]) + "…"
	}
	return s
}
