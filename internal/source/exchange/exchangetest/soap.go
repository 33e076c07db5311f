package exchangetest

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const (
	soapSpace     = "http://schemas.xmlsoap.org/soap/envelope/"
	messagesSpace = "http://schemas.microsoft.com/exchange/services/2006/messages"
	typesSpace    = "http://schemas.microsoft.com/exchange/services/2006/types"
	errorsSpace   = "http://schemas.microsoft.com/exchange/services/2006/errors"
	xsiSpace      = "http://www.w3.org/2001/XMLSchema-instance"
	xmlSpace      = "http://www.w3.org/XML/1998/namespace"
)

// node is an element of a request. Names are written with the prefixes s, m and t for the namespaces of SOAP, messages
// and types, whatever the request calls them.
type node struct {
	name      string
	attrs     map[string]string // without namespace, but xsi:...
	text      string            // all character data in it
	kids      []*node
	line, col int
}

func (n *node) kid(name string) *node {
	if n != nil {
		for _, k := range n.kids {
			if k.name == name {
				return k
			}
		}
	}
	return nil
}

// at follows a path of names; nil if there is none.
func (n *node) at(path ...string) *node {
	for _, name := range path {
		n = n.kid(name)
	}
	return n
}

func (n *node) attr(name string) string {
	if n == nil {
		return ""
	}
	return n.attrs[name]
}

// value is the text without the space around it, as types of the schema but xs:string take it.
func (n *node) value() string {
	if n == nil {
		return ""
	}
	return strings.TrimSpace(n.text)
}

func shortName(n xml.Name) string {
	switch n.Space {
	case soapSpace:
		return "s:" + n.Local
	case messagesSpace:
		return "m:" + n.Local
	case typesSpace:
		return "t:" + n.Local
	case "":
		return n.Local
	}
	return "{" + n.Space + "}" + n.Local
}

var errNotXML = errors.New("not an XML document")

// parse reads a document as SOAP 1.1 has it: no DTD.
func parse(text []byte) (*node, error) {
	d := xml.NewDecoder(bytes.NewReader(text))
	d.CharsetReader = func(label string, in io.Reader) (io.Reader, error) { return nil, errNotXML } // UTF-8 only
	var root *node
	var open []*node
	for {
		line, col := d.InputPos()
		token, err := d.Token()
		if errors.Is(err, io.EOF) && root != nil && len(open) == 0 {
			return root, nil
		}
		if err != nil {
			return nil, err
		}
		switch token := token.(type) {
		case xml.Directive:
			return nil, errNotXML
		case xml.StartElement:
			n := &node{name: shortName(token.Name), line: line, col: col}
			for _, a := range token.Attr {
				if a.Name.Space == "xmlns" || a.Name.Space == "" && a.Name.Local == "xmlns" {
					continue
				}
				if n.attrs == nil {
					n.attrs = map[string]string{}
				}
				name := a.Name.Local
				switch a.Name.Space {
				case "":
				case xsiSpace:
					name = "xsi:" + name
				case xmlSpace, "xml":
					name = "xml:" + name
				default:
					name = shortName(a.Name)
				}
				n.attrs[name] = a.Value
			}
			if len(open) == 0 {
				if root != nil {
					return nil, errNotXML
				}
				root = n
			} else {
				parent := open[len(open)-1]
				parent.kids = append(parent.kids, n)
			}
			open = append(open, n)
		case xml.EndElement:
			open = open[:len(open)-1]
		case xml.CharData:
			if len(open) > 0 {
				open[len(open)-1].text += string(token)
			}
		}
	}
}

// fault is an answer to the whole request: a SOAP fault with HTTP status 500.
type fault struct {
	code      string // of ResponseCodeType; empty: none, such as for what SOAP itself does not understand
	text      string
	values    []value // for MessageXml
	violation *node   // where the schema was violated
	client    bool    // faultcode is s:Client rather than the code
	action    bool    // faultcode is that of WS-Addressing for what nobody serves
}

type value struct{ name, text string }

func (f *fault) Error() string { return f.code + ": " + f.text }

// notSupported answers what no operation is named by.
func notSupported(action string) *fault {
	return &fault{action: true, text: "The message with Action '" + action + "' cannot be processed at the receiver, due to a ContractFilter mismatch at the EndpointDispatcher."}
}

func faultf(code, format string, args ...any) *fault {
	return &fault{code: code, text: fmt.Sprintf(format, args...)}
}

// innerError is the answer to one part of a request.
type innerError struct {
	code, text string
	values     []value
}

func (e *innerError) Error() string { return e.code + ": " + e.text }

func inner(code, text string) error { return &innerError{code: code, text: text} }

// writer writes XML with fixed prefixes.
type writer struct{ bytes.Buffer }

// open takes attributes in pairs of name and value.
func (w *writer) open(name string, attrs ...string) {
	w.tag(name, attrs)
	w.WriteByte('>')
}

func (w *writer) empty(name string, attrs ...string) {
	w.tag(name, attrs)
	w.WriteString("/>")
}

func (w *writer) tag(name string, attrs []string) {
	w.WriteByte('<')
	w.WriteString(name)
	for i := 0; i+1 < len(attrs); i += 2 {
		w.WriteByte(' ')
		w.WriteString(attrs[i])
		w.WriteString(`="`)
		w.text(attrs[i+1])
		w.WriteByte('"')
	}
}

func (w *writer) close(names ...string) {
	for _, name := range names {
		w.WriteString("</")
		w.WriteString(name)
		w.WriteByte('>')
	}
}

func (w *writer) text(s string) {
	if strings.ContainsAny(s, "<>&\"'\r\n\t") || !plain(s) {
		xml.EscapeText(&w.Buffer, []byte(s))
		return
	}
	w.WriteString(s)
}

func plain(s string) bool {
	for i := range len(s) {
		if s[i] < 0x20 || s[i] >= 0x7f {
			return false
		}
	}
	return true
}

func (w *writer) element(name, text string, attrs ...string) {
	w.open(name, attrs...)
	w.text(text)
	w.close(name)
}

const xmlHead = `<?xml version="1.0" encoding="utf-8"?>`

// Version is what the server says it is: Exchange 2019, or the newest of 2016.
type Version struct{ Major, Minor, Build, Revision int }

// begin writes an envelope up to the element of the answer.
func (w *writer) begin(v Version, name string, streamed bool) {
	w.WriteString(xmlHead + `<s:Envelope xmlns:s="` + soapSpace + `"><s:Header>`)
	w.empty("h:ServerVersionInfo", "MajorVersion", strconv.Itoa(v.Major), "MinorVersion", strconv.Itoa(v.Minor),
		"MajorBuildNumber", strconv.Itoa(v.Build), "MinorBuildNumber", strconv.Itoa(v.Revision), "Version", "V2017_07_11",
		"xmlns:h", typesSpace, "xmlns", typesSpace, "xmlns:xsd", "http://www.w3.org/2001/XMLSchema", "xmlns:xsi", xsiSpace)
	w.WriteString(`</s:Header>`)
	if streamed { // a real server writes these by other means than the rest
		w.WriteString(`<soap:Body xmlns:soap="` + soapSpace + `">`)
	} else {
		w.WriteString(`<s:Body xmlns:xsi="` + xsiSpace + `" xmlns:xsd="http://www.w3.org/2001/XMLSchema">`)
	}
	w.open("m:"+name, "xmlns:m", messagesSpace, "xmlns:t", typesSpace)
}

func (w *writer) end(name string, streamed bool) {
	w.close("m:" + name)
	if streamed {
		w.close("soap:Body", "s:Envelope")
	} else {
		w.close("s:Body", "s:Envelope")
	}
}

// fault writes a whole envelope.
func (w *writer) fault(f *fault) {
	w.WriteString(xmlHead + `<s:Envelope xmlns:s="` + soapSpace + `"><s:Body><s:Fault>`)
	code := "a:" + f.code
	if f.client {
		code = "s:Client"
	}
	if f.code == "" {
		if f.action {
			w.element("faultcode", "a:ActionNotSupported", "xmlns:a", "http://schemas.microsoft.com/ws/2005/05/addressing/none")
		} else {
			w.element("faultcode", code)
		}
		w.element("faultstring", f.text, "xml:lang", "en-US")
		w.close("s:Fault", "s:Body", "s:Envelope")
		return
	}
	w.element("faultcode", code, "xmlns:a", typesSpace)
	w.element("faultstring", f.text, "xml:lang", "en-US")
	w.open("detail")
	w.element("e:ResponseCode", f.code, "xmlns:e", errorsSpace)
	message := f.text
	if f.violation != nil {
		message = "The request failed schema validation."
	}
	w.element("e:Message", message, "xmlns:e", errorsSpace)
	if f.violation != nil {
		w.open("t:MessageXml", "xmlns:t", typesSpace)
		w.element("t:LineNumber", strconv.Itoa(f.violation.line))
		w.element("t:LinePosition", strconv.Itoa(f.violation.col))
		w.element("t:Violation", f.text)
		w.close("t:MessageXml")
	} else if len(f.values) > 0 {
		w.open("t:MessageXml", "xmlns:t", typesSpace)
		w.values(f.values)
		w.close("t:MessageXml")
	}
	w.close("detail", "s:Fault", "s:Body", "s:Envelope")
}

func (w *writer) values(all []value) {
	for _, v := range all {
		w.element("t:Value", v.text, "Name", v.name)
	}
}

// message writes one response message: success with what fn writes, or the error.
func (w *writer) message(name string, err error, fn func()) {
	if err != nil {
		w.failure(name, err)
	} else {
		w.open("m:"+name, "ResponseClass", "Success")
		w.element("m:ResponseCode", "NoError")
		if fn != nil {
			fn()
		}
	}
	w.close("m:" + name)
}

// failure opens a response message that is an error.
func (w *writer) failure(name string, err error) {
	var e *innerError
	if !errors.As(err, &e) {
		e = &innerError{code: "ErrorInternalServerError", text: "An internal server error occurred. The operation failed."}
	}
	w.open("m:"+name, "ResponseClass", "Error")
	w.element("m:MessageText", e.text)
	w.element("m:ResponseCode", e.code)
	w.element("m:DescriptiveLinkKey", "0")
	if len(e.values) > 0 {
		w.open("m:MessageXml")
		w.values(e.values)
		w.close("m:MessageXml")
	}
}

func utc(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }

func xmlBool(b bool) string { return strconv.FormatBool(b) }

func isTrue(s string) bool { return s == "true" || s == "1" }

// parseTime reads xs:dateTime; what has no zone is in loc.
func parseTime(s string, loc *time.Location) (time.Time, error) {
	s = strings.TrimSpace(s)
	if t, err := time.Parse("2006-01-02T15:04:05Z07:00", s); err == nil { // fractions are understood too
		return t.UTC(), nil
	}
	t, err := time.Parse("2006-01-02T15:04:05", s)
	if err != nil {
		return time.Time{}, err
	}
	return instant(t.Unix(), loc), nil
}

// send answers with a whole document.
func send(rw http.ResponseWriter, status int, body []byte) {
	rw.Header().Set("Content-Type", "text/xml; charset=utf-8")
	rw.Header().Set("Content-Length", strconv.Itoa(len(body)))
	rw.WriteHeader(status)
	rw.Write(body)
}
