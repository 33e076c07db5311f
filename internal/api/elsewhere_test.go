package api

import "testing"

func TestWhoIsAtThePublicAddressIsNotSentThereAgain(t *testing.T) {
	t.Parallel()
	for _, x := range []struct {
		public, host string
		want         bool
	}{
		{"", "10.0.0.5", false},
		{"https://presence.example.com", "presence.example.com", false},
		{"https://Presence.Example.com", "presence.example.com", false},
		{"https://presence.example.com:443", "presence.example.com", false},
		{"https://presence.example.com", "presence.example.com:443", false},
		{"http://presence.example.com:80/", "presence.example.com", false},
		{"https://presence.example.com:8443", "presence.example.com:8443", false},
		{"https://presence.example.com:8443", "presence.example.com", true},
		{"https://presence.example.com", "10.0.0.5", true},
	} {
		if got := elsewhere(x.public, x.host); got != x.want {
			t.Errorf("at %q, of %q: %v", x.host, x.public, got)
		}
	}
}
