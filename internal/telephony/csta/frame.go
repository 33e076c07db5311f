package csta

import (
	"bufio"
	"encoding/binary"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Framing is how messages are told apart on a connection. Invoke is four digits: of a request, of the answer to it, or Unasked.
type Framing interface {
	Read(r *bufio.Reader) (invoke string, body []byte, err error)
	Write(w io.Writer, invoke string, body []byte) error
}

// Unasked is the invoke identifier of events.
const Unasked = "9999"

// ECMA323 is the framing of ECMA-323 (annex on TCP without SOAP): two zero bytes, the length of the whole in two bytes, four digits.
type ECMA323 struct{}

const (
	head    = 8
	maxBody = 1<<16 - 1 - head
)

var errFrame = errors.New("csta: what arrives is not framed as ECMA-323 says")

// Read implements Framing.
func (ECMA323) Read(r *bufio.Reader) (string, []byte, error) {
	var h [head]byte
	if _, err := io.ReadFull(r, h[:]); err != nil {
		return "", nil, err
	}
	n := int(binary.BigEndian.Uint16(h[2:])) - head
	if h[0] != 0 || h[1] != 0 || n <= 0 {
		return "", nil, errFrame
	}
	for _, d := range h[4:] {
		if d < '0' || d > '9' {
			return "", nil, errFrame
		}
	}
	body := make([]byte, n)
	if _, err := io.ReadFull(r, body); err != nil {
		return "", nil, err
	}
	return string(h[4:]), body, nil
}

// Write implements Framing.
func (ECMA323) Write(w io.Writer, invoke string, body []byte) error {
	if len(body) == 0 || len(body) > maxBody || len(invoke) != 4 {
		return fmt.Errorf("csta: a message of %d bytes cannot be framed", len(body))
	}
	h := make([]byte, head, head+len(body))
	binary.BigEndian.PutUint16(h[2:], uint16(head+len(body)))
	copy(h[4:], invoke)
	_, err := w.Write(append(h, body...))
	return err
}

// node is an element. Names are local ones: systems differ in their namespaces.
type node struct {
	name  string
	space string
	text  string
	nodes []*node
}

const maxDepth = 32

// parse reads a message.
func parse(body []byte) (*node, error) {
	d := xml.NewDecoder(strings.NewReader(string(body)))
	d.CharsetReader = func(charset string, r io.Reader) (io.Reader, error) {
		if strings.EqualFold(charset, "iso-8859-1") || strings.EqualFold(charset, "us-ascii") {
			return latin1{bufio.NewReader(r)}, nil
		}
		return r, nil
	}
	var stack []*node
	for {
		t, err := d.Token()
		if err != nil {
			return nil, fmt.Errorf("csta: read a message: %w", err)
		}
		switch t := t.(type) {
		case xml.StartElement:
			n := &node{name: t.Name.Local, space: t.Name.Space}
			if len(stack) > 0 {
				up := stack[len(stack)-1]
				up.nodes = append(up.nodes, n)
			}
			if len(stack) > maxDepth {
				return nil, errors.New("csta: a message is too deep")
			}
			stack = append(stack, n)
		case xml.CharData:
			if len(stack) > 0 {
				stack[len(stack)-1].text += string(t)
			}
		case xml.EndElement:
			n := stack[len(stack)-1]
			n.text = strings.TrimSpace(n.text)
			if stack = stack[:len(stack)-1]; len(stack) == 0 {
				return n, nil
			}
		}
	}
}

// latin1 reads ISO 8859-1 as UTF-8.
type latin1 struct{ r *bufio.Reader }

func (l latin1) Read(p []byte) (int, error) {
	if len(p) < 2 {
		return 0, io.ErrShortBuffer
	}
	b, err := l.r.ReadByte()
	if err != nil {
		return 0, err
	}
	return copy(p, string(rune(b))), nil
}

// at is the element that a path leads to, by names; nil: there is none. It may be called on nil.
func (n *node) at(path ...string) *node {
	for _, name := range path {
		if n == nil {
			return nil
		}
		var found *node
		for _, c := range n.nodes {
			if c.name == name {
				found = c
				break
			}
		}
		n = found
	}
	return n
}

// value is the text at a path; empty: there is none.
func (n *node) value(path ...string) string {
	if n = n.at(path...); n == nil {
		return ""
	}
	return n.text
}

// el makes an element of others.
func el(name string, nodes ...*node) *node { return &node{name: name, nodes: nodes} }

// leaf makes an element with a text.
func leaf(name, text string) *node { return &node{name: name, text: text} }

// write is a message in a namespace.
func (n *node) write(space string) []byte {
	var b strings.Builder
	b.WriteString(`<?xml version="1.0" encoding="UTF-8"?>`)
	n.append(&b, space)
	return []byte(b.String())
}

func (n *node) append(b *strings.Builder, space string) {
	b.WriteString("<" + n.name)
	if n.space != "" {
		space = n.space
	}
	if space != "" {
		b.WriteString(` xmlns="`)
		xml.EscapeText(b, []byte(space))
		b.WriteString(`"`)
	}
	b.WriteString(">")
	xml.EscapeText(b, []byte(n.text))
	for _, c := range n.nodes {
		c.append(b, "")
	}
	b.WriteString("</" + n.name + ">")
}
