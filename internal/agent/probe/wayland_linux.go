package probe

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"path"
	"strings"
	"time"
)

// wayland is a connection to the desktop's compositor: the few messages of the Wayland Protocol that are needed, each an object's number, an operation
// and words of 32 bits in the computer's own order (The Wayland Protocol, chapter 4, "Wire Format").
type wayland struct {
	conn net.Conn
	next uint32 // number of the next object
}

// waylandDisplay is the object that is there from the beginning (wl_display).
const waylandDisplay = 1

// errCompositor is that the compositor ended or hung up.
var errCompositor = errors.New("the compositor has ended")

// waylandMessage is an event of the compositor.
type waylandMessage struct {
	object uint32
	op     uint16
	body   []byte
}

// connectWayland connects to the compositor that the environment names.
func connectWayland(ctx context.Context, c Config) (*wayland, error) {
	display := c.getenv("WAYLAND_DISPLAY")
	if display == "" {
		if c.getenv("XDG_SESSION_TYPE") != "wayland" {
			return nil, errors.New("this desktop is none of Wayland")
		}
		display = "wayland-0" // wl_display_connect's default
	}
	if !path.IsAbs(display) {
		folder := c.getenv("XDG_RUNTIME_DIR")
		if folder == "" {
			return nil, errors.New("where the compositor is is not known: XDG_RUNTIME_DIR is not set")
		}
		display = path.Join(folder, display)
	}
	conn, err := (&net.Dialer{Timeout: callTimeout}).DialContext(ctx, "unix", display)
	if err != nil {
		return nil, fmt.Errorf("the compositor does not answer: %w", err)
	}
	return &wayland{conn: conn, next: waylandDisplay + 1}, nil
}

func (w *wayland) close() { w.conn.Close() }

// object returns the number for a new object.
func (w *wayland) object() uint32 {
	w.next++
	return w.next - 1
}

// send has an object do something; arguments are numbers (of objects too) and texts.
func (w *wayland) send(object uint32, op uint16, args ...any) error {
	b := make([]byte, 8, 64)
	for _, a := range args {
		switch a := a.(type) {
		case uint32:
			b = binary.NativeEndian.AppendUint32(b, a)
		case string:
			b = binary.NativeEndian.AppendUint32(b, uint32(len(a)+1))
			b = append(b, a...)
			b = append(b, make([]byte, 4-len(a)%4)...) // ends with a zero, and where a word does
		default:
			panic(fmt.Sprintf("probe: %T in a message of Wayland", a))
		}
	}
	binary.NativeEndian.PutUint32(b, object)
	binary.NativeEndian.PutUint32(b[4:], uint32(len(b))<<16|uint32(op))
	w.conn.SetWriteDeadline(time.Now().Add(callTimeout))
	if _, err := w.conn.Write(b); err != nil {
		return errCompositor
	}
	return nil
}

// read waits for an event. An error that the compositor tells of is returned as one.
func (w *wayland) read() (m waylandMessage, err error) {
	var head [8]byte
	if _, err := io.ReadFull(w.conn, head[:]); err != nil {
		return m, waylandBroken(err)
	}
	sizeAndOp := binary.NativeEndian.Uint32(head[4:])
	size := sizeAndOp >> 16
	if size < 8 {
		return m, fmt.Errorf("the compositor sends a message of %d bytes", size)
	}
	m = waylandMessage{binary.NativeEndian.Uint32(head[:]), uint16(sizeAndOp), make([]byte, size-8)}
	if _, err := io.ReadFull(w.conn, m.body); err != nil {
		return m, waylandBroken(err)
	}
	if m.object == waylandDisplay && m.op == 0 { // error: object, code, text
		_, rest, _ := waylandNumber(m.body)
		_, rest, _ = waylandNumber(rest)
		text, _, _ := waylandText(rest)
		return m, fmt.Errorf("the compositor refuses: %q", text)
	}
	return m, nil
}

func waylandBroken(err error) error {
	var late net.Error
	if errors.As(err, &late) && late.Timeout() {
		return fmt.Errorf("no answer within %v", callTimeout)
	}
	return errCompositor
}

func waylandNumber(b []byte) (n uint32, rest []byte, ok bool) {
	if len(b) < 4 {
		return 0, nil, false
	}
	return binary.NativeEndian.Uint32(b), b[4:], true
}

func waylandText(b []byte) (text string, rest []byte, ok bool) {
	n, b, ok := waylandNumber(b)
	words := (uint64(n) + 3) / 4 * 4
	if !ok || n == 0 || words > uint64(len(b)) {
		return "", nil, false
	}
	return strings.TrimSuffix(string(b[:n]), "\x00"), b[words:], true
}
