package exchangetest

import (
	"encoding/base64"
	"encoding/hex"
	"strings"
)

var owaLetters = strings.NewReplacer("/", "-", "+", "_")
var owaLettersBack = strings.NewReplacer("-", "/", "_", "+")

// convertID writes ids in other formats. Here all are the same bytes.
func (c *call) convertID(n *node) error {
	format := n.attr("DestinationFormat")
	return c.responses(func(w *writer) {
		for _, source := range n.kid("m:SourceIds").kids {
			converted, err := c.convert(source, format)
			w.message("ConvertIdResponseMessage", err, func() {
				w.empty("m:AlternateId", "xsi:type", "t:AlternateIdType", "Format", format, "Id", converted, "Mailbox", source.attr("Mailbox"))
			})
		}
	})
}

func (c *call) convert(n *node, format string) (string, error) {
	if n.name != "t:AlternateId" {
		return "", inner("ErrorInvalidOperation", "There are no public folders.")
	}
	address := n.attr("Mailbox")
	if strings.Count(address, "@") != 1 {
		return "", inner("ErrorInvalidSmtpAddress", "The SMTP address format is invalid.")
	}
	m := c.s.Mailbox(address)
	if m == nil {
		return "", &innerError{"ErrorNonExistentMailbox", "The SMTP address has no mailbox associated with it.", []value{{"SmtpAddress", address}}}
	}
	text := n.attr("Id")
	switch n.attr("Format") {
	case "HexEntryId":
		b, err := hex.DecodeString(text)
		if err != nil {
			return "", inner("ErrorInvalidIdMalformed", "Id is malformed.")
		}
		text = base64.StdEncoding.EncodeToString(b)
	case "OwaId":
		text = owaLettersBack.Replace(text)
	}
	i, err := parseID(text)
	if err != nil {
		return "", err
	}
	if i.mailbox != m.number {
		return "", errItemNotFound
	}
	switch format {
	case "HexEntryId":
		b, _ := base64.StdEncoding.DecodeString(text)
		return strings.ToUpper(hex.EncodeToString(b)), nil
	case "OwaId":
		return owaLetters.Replace(text), nil
	}
	return text, nil
}
