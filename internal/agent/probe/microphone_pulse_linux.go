package probe

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/jfreymuth/pulse/proto"
)

// soundPause collects what changes together: a volume that is moved is many changes.
const soundPause = 250 * time.Millisecond

// pulse is a connection to PulseAudio, or to PipeWire's server that speaks its protocol.
type pulse struct {
	client  *proto.Client
	conn    net.Conn
	changed chan struct{} // has one element if something changed
	ended   chan struct{} // closed when the connection ends
}

// watchPulse says who records, at first and after each change, until the connection ends, and returns why.
func watchPulse(ctx context.Context, c Config, say func(recorders)) error {
	p, err := connectPulse(ctx, c)
	if err != nil {
		return err
	}
	defer p.close()
	var server proto.GetServerInfoReply
	if err := p.client.Request(&proto.GetServerInfo{}, &server); err != nil {
		return fmt.Errorf("the sound server does not tell what it is: %w", err)
	}
	// SubscriptionMaskSourceInput is the library's name for PA_SUBSCRIPTION_MASK_SOURCE_OUTPUT.
	if err := p.client.Request(&proto.Subscribe{Mask: proto.SubscriptionMaskSourceInput}, nil); err != nil {
		return fmt.Errorf("the sound server does not tell of changes: %w", err)
	}
	for {
		names, err := p.recorders()
		if err != nil {
			return fmt.Errorf("the sound server does not tell who records: %w", err)
		}
		say(recorders{names: names, way: server.PackageName})
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-p.ended:
			return errors.New("the sound server has ended")
		case <-p.changed:
		}
		if !pause(ctx, soundPause) {
			return context.Cause(ctx)
		}
		select {
		case <-p.changed:
		default:
		}
	}
}

// connectPulse signs in to the session's sound server, the first that answers of those that are configured.
func connectPulse(ctx context.Context, c Config) (*pulse, error) {
	addresses, err := pulseAddresses(c)
	if err != nil {
		return nil, err
	}
	// The kernel tells a server of the same computer who comes in, but not in the moment before the server has asked for that: it lets nobody in then
	// who has no cookie.
	p, err := connectPulseOf(ctx, c, addresses)
	for range 3 {
		if !errors.Is(err, proto.ErrAccessDenied) || !pause(ctx, soundPause) {
			break
		}
		p, err = connectPulseOf(ctx, c, addresses)
	}
	return p, err
}

func connectPulseOf(ctx context.Context, c Config, addresses []address) (*pulse, error) {
	var last error
	for _, a := range addresses {
		conn, err := (&net.Dialer{Timeout: callTimeout}).DialContext(ctx, a.network, a.address)
		if err != nil {
			last = fmt.Errorf("no sound server answers: %w", err)
			continue
		}
		p := &pulse{conn: conn, changed: make(chan struct{}, 1), ended: make(chan struct{})}
		p.client = &proto.Client{Callback: p.told}
		p.client.SetTimeout(callTimeout)
		p.client.Open(&endNoted{Conn: conn, ended: sync.OnceFunc(func() { close(p.ended) })})
		var auth proto.AuthReply
		err = p.client.Request(&proto.Auth{Version: p.client.Version(), Cookie: pulseCookie(c)}, &auth)
		if err == nil {
			p.client.SetVersion(auth.Version)
			err = p.client.Request(&proto.SetClientName{Props: proto.PropList{
				"application.name":           proto.PropListString("Doorlight"),
				"application.process.binary": proto.PropListString("doorlight"),
			}}, &proto.SetClientNameReply{})
		}
		if err == nil {
			return p, nil
		}
		p.close()
		last = fmt.Errorf("the sound server does not let in: %w", err)
	}
	return nil, last
}

// close ends the connection, and waits for the library to have noticed.
func (p *pulse) close() {
	p.conn.Close()
	<-p.ended
}

// told is called by the library with what the server tells by itself.
func (p *pulse) told(message any) {
	if _, ok := message.(*proto.SubscribeEvent); ok {
		select {
		case p.changed <- struct{}{}:
		default:
		}
	}
}

// endNoted notes that nothing can be read any more: the library tells only of an orderly end. It hands on whole packets only: in the middle of a list the library
// does not notice that nothing comes any more, and adds to the list for ever.
type endNoted struct {
	net.Conn
	ended  func()
	packet []byte // what the library has not read yet of the latest
}

// A packet begins with its length and 16 bytes more (PA_PSTREAM_DESCRIPTOR_SIZE). The longest here are lists.
const (
	packetHead = 20
	mostPacket = 4 << 20
)

func (e *endNoted) Read(b []byte) (int, error) {
	if len(e.packet) == 0 {
		if err := e.next(); err != nil {
			e.ended()
			return 0, err
		}
	}
	n := copy(b, e.packet)
	e.packet = e.packet[n:]
	return n, nil
}

// next reads a packet.
func (e *endNoted) next() error {
	head := make([]byte, packetHead)
	if _, err := io.ReadFull(e.Conn, head); err != nil {
		return err
	}
	length := binary.BigEndian.Uint32(head)
	if length > mostPacket {
		return errors.New("that is no packet of a sound server")
	}
	packet := make([]byte, packetHead+int(length))
	copy(packet, head)
	if _, err := io.ReadFull(e.Conn, packet[packetHead:]); err != nil {
		return err
	}
	e.packet = packet
	return nil
}

type address struct{ network, address string }

// pulseAddresses returns where sound servers may be: PulseAudio's "server strings", or the socket of the session.
func pulseAddresses(c Config) ([]address, error) {
	configured := c.getenv("PULSE_SERVER")
	if configured == "" {
		if folder := c.getenv("PULSE_RUNTIME_PATH"); folder != "" {
			return []address{{"unix", path.Join(folder, "native")}}, nil
		}
		folder := c.getenv("XDG_RUNTIME_DIR")
		if folder == "" {
			return nil, errors.New("where the sound server is is not known: neither PULSE_SERVER nor XDG_RUNTIME_DIR is set")
		}
		return []address{{"unix", path.Join(folder, "pulse", "native")}}, nil
	}
	host, _ := os.Hostname()
	var all []address
	for _, s := range strings.Fields(configured) {
		if rest, ok := strings.CutPrefix(s, "{"); ok { // only for that computer
			name, server, ok := strings.Cut(rest, "}")
			if !ok || name != host {
				continue
			}
			s = server
		}
		network, where, ok := strings.Cut(s, ":")
		switch {
		case strings.HasPrefix(s, "/"):
			all = append(all, address{"unix", s})
		case ok && network == "unix":
			all = append(all, address{"unix", where})
		case ok && (network == "tcp" || network == "tcp4" || network == "tcp6"):
			if _, _, err := net.SplitHostPort(where); err != nil {
				where = net.JoinHostPort(strings.Trim(where, "[]"), "4713") // PA_NATIVE_DEFAULT_PORT
			}
			all = append(all, address{network, where})
		}
	}
	if len(all) == 0 {
		return nil, errors.New("PULSE_SERVER names no server for this computer")
	}
	return all, nil
}

// pulseCookie returns what shows that one may come in. Without one, 256 zeros stand for it: servers let in the same user without looking.
func pulseCookie(c Config) []byte {
	places := []string{c.getenv("PULSE_COOKIE")}
	if home := c.getenv("HOME"); home != "" {
		places = append(places, path.Join(home, ".config/pulse/cookie"), path.Join(home, ".pulse-cookie"))
	}
	for _, p := range places {
		if p == "" {
			continue
		}
		if cookie, err := os.ReadFile(p); err == nil && len(cookie) == 256 { // PA_NATIVE_COOKIE_LENGTH
			return cookie
		}
	}
	return make([]byte, 256)
}

// recorders asks who records.
func (p *pulse) recorders() ([]string, error) {
	var outputs proto.GetSourceOutputInfoListReply
	if err := p.client.Request(&proto.GetSourceOutputInfoList{}, &outputs); err != nil {
		return nil, err
	}
	if len(outputs) == 0 {
		return nil, nil
	}
	var sources proto.GetSourceInfoListReply
	if err := p.client.Request(&proto.GetSourceInfoList{}, &sources); err != nil {
		return nil, err
	}
	var clients proto.GetClientInfoListReply
	if err := p.client.Request(&proto.GetClientInfoList{}, &clients); err != nil {
		return nil, err
	}
	return recording(outputs, sources, clients), nil
}

// recording returns the names of the programs that record from microphones, sorted, each once. Left out are streams that are paused, that record what
// a loudspeaker plays, and that belong to the sound server itself.
func recording(outputs proto.GetSourceOutputInfoListReply, sources proto.GetSourceInfoListReply, clients proto.GetClientInfoListReply) (names []string) {
	microphone := make(map[uint32]bool, len(sources))
	for _, s := range sources {
		microphone[s.SourceIndex] = s.MonitorSourceIndex == proto.Undefined && property(s.Properties, "device.class") != "monitor"
	}
	of := make(map[uint32]proto.PropList, len(clients))
	for _, c := range clients {
		of[c.ClientIndex] = c.Properties
	}
	for _, o := range outputs {
		client, known := of[o.ClientIndex]
		if o.Corked || !microphone[o.SourceIndex] || !known {
			continue
		}
		// Of a program that uses PipeWire without PulseAudio only the client tells.
		for _, name := range []string{
			path.Base(property(o.Properties, "application.process.binary")), path.Base(property(client, "application.process.binary")),
			property(o.Properties, "application.name"), property(client, "application.name"),
		} {
			if name != "" && name != "." && name != "/" {
				names = append(names, name)
				break
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// property returns a property that is a text; empty if there is none.
func property(p proto.PropList, key string) string {
	text, ok := strings.CutSuffix(string(p[key]), "\x00")
	if !ok {
		return ""
	}
	return text
}
