package caldav

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"strings"
)

// Bounds on what a server may send, besides the size of an answer, which is package outbound's. They keep the memory
// a small answer can take in proportion: an empty element takes four bytes on the wire and hundreds here.
const (
	maxDepth     = 64
	maxElements  = 2_000_000
	maxTag       = 64 << 10 // bytes of one tag with its attributes
	maxResponses = 100_000  // members of a collection, too
)

// multistatus is an answer with status 207 (RFC 4918 §13).
type multistatus struct {
	responses []response
	token     string // sync-token, RFC 6578 §6.4
}

// response is what a multistatus says about one resource.
type response struct {
	href    string // as sent, without surrounding space
	status  int    // of the resource; zero if only its properties have one
	limited bool   // with DAV:number-of-matches-within-limits, RFC 6578 §3.6
	props   props  // those with status 200
}

// Elements are known by namespace and name, never by prefix: every server chooses its own.
type xmlResponse struct {
	Hrefs     []string `xml:"DAV: href"`
	Status    string   `xml:"DAV: status"`
	Propstats []struct {
		Status string `xml:"DAV: status"`
		Prop   props  `xml:"DAV: prop"`
	} `xml:"DAV: propstat"`
	Error *xmlError `xml:"DAV: error"`
}

type props struct {
	ETag         *string       `xml:"DAV: getetag"`
	SyncToken    *string       `xml:"DAV: sync-token"`
	DisplayName  *string       `xml:"DAV: displayname"`
	ResourceType *resourceType `xml:"DAV: resourcetype"`
	Principal    *principal    `xml:"DAV: current-user-principal"`
	Reports      *reportSet    `xml:"DAV: supported-report-set"`
	CTag         *string       `xml:"http://calendarserver.org/ns/ getctag"`
	Homes        *hrefs        `xml:"urn:ietf:params:xml:ns:caldav calendar-home-set"`
	Description  *string       `xml:"urn:ietf:params:xml:ns:caldav calendar-description"`
	Components   *components   `xml:"urn:ietf:params:xml:ns:caldav supported-calendar-component-set"`
	Data         *string       `xml:"urn:ietf:params:xml:ns:caldav calendar-data"`
}

type resourceType struct {
	Collection *struct{} `xml:"DAV: collection"`
	Calendar   *struct{} `xml:"urn:ietf:params:xml:ns:caldav calendar"`
}

type principal struct {
	Href            string    `xml:"DAV: href"`
	Unauthenticated *struct{} `xml:"DAV: unauthenticated"` // RFC 5397 §3
}

type hrefs struct {
	Hrefs []string `xml:"DAV: href"`
}

type reportSet struct {
	Reports []struct {
		Report struct {
			Sync *struct{} `xml:"DAV: sync-collection"`
		} `xml:"DAV: report"`
	} `xml:"DAV: supported-report"`
}

type components struct {
	Comps []struct {
		Name string `xml:"name,attr"`
	} `xml:"urn:ietf:params:xml:ns:caldav comp"`
}

// xmlError is a DAV:error with the conditions of interest here (RFC 4918 §16).
type xmlError struct {
	ValidSyncToken *struct{} `xml:"DAV: valid-sync-token"`
	Limits         *struct{} `xml:"DAV: number-of-matches-within-limits"`
}

func (p props) isCalendar() bool   { return p.ResourceType != nil && p.ResourceType.Calendar != nil }
func (p props) isCollection() bool { return p.ResourceType != nil && p.ResourceType.Collection != nil }

func (p props) canSync() bool {
	if text(p.SyncToken) != "" {
		return true
	}
	if p.Reports != nil {
		for _, r := range p.Reports.Reports {
			if r.Report.Sync != nil {
				return true
			}
		}
	}
	return false
}

// holdsEvents reports whether a calendar may contain appointments; if it does not say, it may (RFC 4791 §5.2.3).
func (p props) holdsEvents() bool {
	if p.Components == nil || len(p.Components.Comps) == 0 {
		return true
	}
	for _, c := range p.Components.Comps {
		if strings.EqualFold(c.Name, "VEVENT") {
			return true
		}
	}
	return false
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return strings.TrimSpace(*s)
}

// parseMultistatus reads the body of a 207. Its errors do not repeat the contents.
func parseMultistatus(body []byte) (*multistatus, error) {
	d, root, err := open(body)
	if err != nil {
		return nil, err
	}
	if root.Name != (xml.Name{Space: "DAV:", Local: "multistatus"}) {
		return nil, errors.New("the XML is not a DAV multistatus")
	}
	ms := &multistatus{}
	for {
		tok, err := d.Token()
		if err != nil {
			return nil, shorten(err)
		}
		switch tok := tok.(type) {
		case xml.EndElement:
			return ms, nil // of the root: all others are consumed below
		case xml.StartElement:
			switch tok.Name {
			case xml.Name{Space: "DAV:", Local: "response"}:
				var r xmlResponse
				if err := d.DecodeElement(&r, &tok); err != nil {
					return nil, shorten(err)
				}
				if len(ms.responses)+len(r.Hrefs) > maxResponses {
					return nil, fmt.Errorf("the answer has more than %d parts", maxResponses)
				}
				ms.responses = append(ms.responses, r.flatten()...)
			case xml.Name{Space: "DAV:", Local: "sync-token"}:
				if err := d.DecodeElement(&ms.token, &tok); err != nil {
					return nil, shorten(err)
				}
				ms.token = strings.TrimSpace(ms.token)
			default:
				if err := d.Skip(); err != nil {
					return nil, shorten(err)
				}
			}
		}
	}
}

// flatten makes one response per href: with a status of its own, a response may have several (RFC 4918 §14.24).
func (x xmlResponse) flatten() []response {
	r := response{status: statusCode(x.Status), limited: x.Error != nil && x.Error.Limits != nil}
	for _, ps := range x.Propstats {
		if code := statusCode(ps.Status); code == 0 || code/100 == 2 {
			r.props.merge(ps.Prop)
		}
	}
	out := make([]response, 0, len(x.Hrefs))
	for _, h := range x.Hrefs {
		if h = strings.TrimSpace(h); h != "" {
			r.href = h
			out = append(out, r)
		}
	}
	return out
}

func (p *props) merge(q props) {
	take(&p.ETag, q.ETag)
	take(&p.SyncToken, q.SyncToken)
	take(&p.DisplayName, q.DisplayName)
	take(&p.ResourceType, q.ResourceType)
	take(&p.Principal, q.Principal)
	take(&p.Reports, q.Reports)
	take(&p.CTag, q.CTag)
	take(&p.Homes, q.Homes)
	take(&p.Description, q.Description)
	take(&p.Components, q.Components)
	take(&p.Data, q.Data)
}

func take[T any](to **T, from *T) {
	if *to == nil {
		*to = from
	}
}

// statusCode reads "HTTP/1.1 200 OK"; zero if it is not a status line.
func statusCode(line string) int {
	fields := strings.Fields(line)
	if len(fields) < 2 || !strings.HasPrefix(fields[0], "HTTP/") || len(fields[1]) != 3 {
		return 0
	}
	n := 0
	for _, r := range fields[1] {
		if r < '0' || r > '9' {
			return 0
		}
		n = n*10 + int(r-'0')
	}
	return n
}

// parseError reads the DAV:error of an answer that is not a success; the zero value if there is none.
func parseError(body []byte) xmlError {
	var e xmlError
	d, root, err := open(body)
	if err != nil || root.Name != (xml.Name{Space: "DAV:", Local: "error"}) {
		return e
	}
	if d.DecodeElement(&e, &root) != nil {
		return xmlError{}
	}
	return e
}

// open checks the bounds, mends what is not allowed in XML but met, and returns a decoder that has read the start of
// the root.
func open(body []byte) (*xml.Decoder, xml.StartElement, error) {
	body = mend(body)
	if err := bounded(body); err != nil {
		return nil, xml.StartElement{}, err
	}
	d := xml.NewDecoder(bytes.NewReader(body))
	for {
		tok, err := d.Token()
		if err != nil {
			return nil, xml.StartElement{}, shorten(err)
		}
		if start, ok := tok.(xml.StartElement); ok {
			return d, start, nil
		}
	}
}

// mend drops a byte order mark and control characters, and replaces bytes that are not UTF-8: servers copy what other
// programs stored into calendar-data, and one bad appointment must not cost all others.
func mend(b []byte) []byte {
	b = bytes.TrimPrefix(b, []byte("\xef\xbb\xbf"))
	bad := func(r rune) bool { return r < ' ' && r != '\t' && r != '\n' && r != '\r' || r == 0xfffe || r == 0xffff }
	if bytes.ContainsFunc(b, bad) {
		b = bytes.Map(func(r rune) rune {
			if bad(r) {
				return -1
			}
			return r
		}, b)
	}
	return bytes.ToValidUTF8(b, []byte("\ufffd"))
}

// bounded looks at the tags only and refuses what would take too much memory or time to parse, and declarations,
// which WebDAV does not have.
func bounded(b []byte) error {
	depth, elements := 0, 0
	for {
		i := bytes.IndexByte(b, '<')
		if i < 0 {
			return nil
		}
		b = b[i:]
		switch {
		case bytes.HasPrefix(b, []byte("<!--")):
			b = after(b, "-->")
			continue
		case bytes.HasPrefix(b, []byte("<![CDATA[")):
			b = after(b, "]]>")
			continue
		case bytes.HasPrefix(b, []byte("<?")):
			b = after(b, "?>")
			continue
		case bytes.HasPrefix(b, []byte("<!")):
			return errors.New("the XML has a document type declaration")
		}
		end, quote := -1, byte(0)
		for j := 1; j < len(b) && j <= maxTag; j++ {
			c := b[j]
			if quote != 0 {
				if c == quote {
					quote = 0
				}
				continue
			}
			if c == '"' || c == '\'' {
				quote = c
			} else if c == '>' {
				end = j
				break
			}
		}
		if end < 0 {
			return errors.New("the XML breaks off in a tag, or a tag is too long")
		}
		switch {
		case b[1] == '/':
			depth--
		case b[end-1] == '/':
			elements++
		default:
			depth++
			elements++
		}
		if depth > maxDepth {
			return fmt.Errorf("the XML is nested more than %d deep", maxDepth)
		}
		if elements > maxElements {
			return fmt.Errorf("the XML has more than %d elements", maxElements)
		}
		b = b[end+1:]
	}
}

func after(b []byte, end string) []byte {
	_, rest, _ := bytes.Cut(b, []byte(end))
	return rest
}

// shorten keeps what kind of syntax error it was, and drops what the error quotes.
func shorten(err error) error {
	if syntax, ok := errors.AsType[*xml.SyntaxError](err); ok {
		return fmt.Errorf("the XML is not well-formed in line %d", syntax.Line)
	}
	return errors.New("the XML ends early or is not well-formed")
}
