package api

import (
	"net/netip"
	"testing"
	"time"

	"github.com/doorlight/doorlight/internal/office"
)

// What was allowed is collected once; if it could not be handed over, once more.
func TestAnAttemptThatWasTakenInVainIsTakenAgain(t *testing.T) {
	t.Parallel()
	d, now := newDevices(), time.Now()
	made, slip := d.add("Desk", netip.MustParseAddr("127.0.0.1"), now)
	if _, ok := d.answer(made.code, now, &office.Person{}, "", true); !ok {
		t.Fatal("nobody asks with the code")
	}
	x, refusal := d.take(slip, now)
	if refusal != "" || x.label != "Desk" {
		t.Fatalf("taken is %+v, %q", x, refusal)
	}
	d.again(x)
	if _, refusal := d.take(slip, now); refusal != "" {
		t.Errorf("after a moment it is told %q", refusal)
	}
	if _, refusal := d.take(slip, now); refusal != "invalid_grant" {
		t.Errorf("the third time it is told %q", refusal)
	}
}
