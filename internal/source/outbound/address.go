package outbound

import (
	"net"
	"net/netip"
	"net/url"
	"strings"
)

// ParseURL reads an address as a user types it. "webcal:" and no scheme at all mean https; anything but http and
// https is refused, and so is an address without a host. The fragment is dropped. A user name and password in the
// address are handed back apart and are no longer in the URL, so that the URL may be compared and its host shown.
// Errors are of type *Error and never repeat what was typed.
func ParseURL(s string) (u *url.URL, username, password string, err error) {
	bad := func(text string) (*url.URL, string, string, error) {
		return nil, "", "", &Error{Kind: BadAddress, Text: text}
	}
	s = strings.TrimSpace(s)
	switch {
	case s == "":
		return bad("The address is empty.")
	case len(s) > maxURL:
		return bad("The address is too long.")
	case !strings.Contains(s, "://"):
		s = "https://" + strings.TrimPrefix(s, "//")
	}
	// The errors of url.Parse quote their input, password included: they are dropped.
	u, parseErr := url.Parse(s)
	if parseErr != nil {
		return bad("The address is not a valid web address.")
	}
	switch u.Scheme = strings.ToLower(u.Scheme); u.Scheme {
	case "http", "https":
	case "webcal", "webcals":
		u.Scheme = "https"
	default:
		return bad("The address has to begin with https:// or http://.")
	}
	if u.Hostname() == "" || u.Opaque != "" {
		return bad("The address names no server.")
	}
	if p := u.Port(); p == "0" {
		return bad("The address has no valid port.")
	}
	username = u.User.Username()
	password, _ = u.User.Password()
	u.User, u.Fragment, u.RawFragment = nil, "", ""
	if u.Path == "" {
		u.Path = "/"
	}
	return u, username, password, nil
}

const maxURL = 8 << 10 // bytes of an address, typed or redirected to

// origin is scheme, host and port in one comparable form (RFC 6454 §4).
func origin(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = "443"
		if u.Scheme == "http" {
			port = "80"
		}
	}
	return u.Scheme + "://" + net.JoinHostPort(strings.ToLower(strings.TrimSuffix(u.Hostname(), ".")), port)
}

// Refusals, each with the reason a user is told.
const (
	whyNone      = ""
	whyOwn       = "belongs to the server itself"
	whyPrivate   = "lies in a private network"
	whyLink      = "is valid on one network link only"
	whyMany      = "stands for many computers or none"
	whyReserved  = "is reserved and not on the public internet"
	whyMetadata  = "is the metadata service of a data centre"
	whyTranslate = "hides another address that is not allowed"
)

// Special-purpose blocks: IANA IPv4 and IPv6 Special-Purpose Address Registries (RFC 6890), as of 2026. For IPv6
// only global unicast (2000::/3) and the NAT64 prefix are considered at all.
var (
	private = prefixes("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", // RFC 1918
		"100.64.0.0/10", // RFC 6598, carrier-grade NAT
		"fc00::/7")      // RFC 4193, unique local
	link     = prefixes("169.254.0.0/16", "fe80::/10", "fec0::/10")
	own      = prefixes("127.0.0.0/8", "::1/128")
	many     = prefixes("224.0.0.0/4", "255.255.255.255/32", "ff00::/8")
	none     = prefixes("0.0.0.0/8", "::/128") // 0.0.0.0 and :: reach the machine itself on Linux
	reserved = prefixes("192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15", "198.51.100.0/24",
		"203.0.113.0/24", "240.0.0.0/4",
		"2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")
	global = prefixes("2000::/3")
	nat64  = netip.MustParsePrefix("64:ff9b::/96") // RFC 6052 §2.1: the last four bytes are an IPv4 address
	// Addresses at which clouds hand out credentials to whoever asks from inside. Two lie in ranges that
	// AllowPrivate opens.
	metadata = prefixes("169.254.169.254/32", "100.100.100.200/32", "192.0.0.192/32", "fd00:ec2::254/128",
		"fd20:ce::254/128")
)

func prefixes(ss ...string) []netip.Prefix {
	out := make([]netip.Prefix, len(ss))
	for i, s := range ss {
		out[i] = netip.MustParsePrefix(s)
	}
	return out
}

func in(a netip.Addr, list []netip.Prefix) bool {
	for _, p := range list {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// refuse returns why an address may not be connected to, or whyNone. Nothing opens multicast, broadcast and
// unspecified addresses; allow opens everything else; allowPrivate opens RFC 1918, RFC 4193 and RFC 6598 only.
func refuse(a netip.Addr, allowPrivate bool, allow []netip.Prefix) string {
	a = a.Unmap().WithZone("") // ::ffff:10.0.0.1 is 10.0.0.1, and Contains is false for addresses with a zone
	switch {
	case !a.IsValid():
		return whyReserved
	case in(a, many), in(a, none):
		return whyMany
	case in(a, allow):
		return whyNone
	case in(a, metadata):
		return whyMetadata
	case in(a, own):
		return whyOwn
	case in(a, link):
		return whyLink
	case in(a, private):
		if allowPrivate {
			return whyNone
		}
		return whyPrivate
	case in(a, reserved):
		return whyReserved
	case nat64.Contains(a):
		b := a.As16()
		if refuse(netip.AddrFrom4([4]byte(b[12:])), allowPrivate, allow) != whyNone {
			return whyTranslate
		}
		return whyNone
	case a.Is6() && !in(a, global):
		return whyReserved
	}
	return whyNone
}
