package sipline

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"syscall"
	"time"

	"github.com/emiago/sipgo/sip"

	"github.com/doorlight/doorlight/internal/fault"
	"github.com/doorlight/doorlight/internal/source"
	"github.com/doorlight/doorlight/internal/telephony/sipua"
)

// Steps of Check.
const (
	StepServer  = "server"  // its name is known
	StepConnect = "connect" // there is a way to it, and its certificate is right
	StepAnswer  = "answer"  // it speaks SIP
	StepAccount = "account" // it takes the account; with a line only
	StepLine    = "line"    // it knows the line
	StepState   = "state"   // and tells what it does
)

const checkWait = 5 * time.Second // for a NOTIFY

// Check implements telephony.System. It subscribes to the line, if there is one, and ends that at once.
func (s *System) Check(ctx context.Context, name string) []source.Step {
	var steps []source.Step
	step := func(name string, ok bool, found, remedy string) bool {
		st := source.Step{Name: name, Server: s.c.Server, OK: ok, Found: found}
		if !ok {
			st.Remedy = remedy
		}
		steps = append(steps, st)
		return ok
	}
	all, err := s.resolve(ctx)
	if err != nil {
		step(StepServer, false, "There is no server with the name "+s.host+".", "Correct the field server, or enter the telephone system in the DNS.")
		return steps
	}
	step(StepServer, true, fmt.Sprintf("The telephone system is %s.", all[0]), "")

	w := &watch{s: s, pace: newPace(1000), life: ctx, subs: map[string]*subscription{}, lines: map[string]*line{}}
	if w.agent, err = sipua.New(sipua.Config{Reach: s.c.Reach, Dial: s.c.Dial, ListenPacket: s.c.ListenPacket},
		map[sip.RequestMethod]sipua.Handler{sip.NOTIFY: w.notify}); err != nil {
		step(StepConnect, false, "SIP cannot be spoken here.", "See the server's log.")
		return steps
	}
	defer w.agent.Close()
	var route *sipua.Route
	for _, at := range all {
		if route, err = w.agent.Connect(ctx, s.c.Transport, at, s.tls()); err == nil {
			break
		}
	}
	if err != nil {
		found, remedy := s.explain(err)
		step(StepConnect, false, found, remedy)
		return steps
	}
	defer route.Close()
	step(StepConnect, true, fmt.Sprintf("It can be reached by %s.", s.c.Transport), "")

	l := &line{w: w, name: name, inbox: make(chan notice, 8)}
	if name != "" {
		var ok bool
		if l.uri, ok = s.address(name); !ok {
			step(StepLine, false, "What is entered for the line is no number and no address.", "Enter the extension as the telephone system has it, or the number in full.")
			return steps
		}
		w.lines[name] = l
	}
	v := &way{route: route, over: make(chan struct{}), contact: s.contact(route, nil)}
	res, err := w.ping(ctx, v)
	if err != nil {
		step(StepAnswer, false, "There is no answer.", "Look whether the port is right, whether the transport is switched on in the telephone system, and whether a firewall is between.")
		return steps
	}
	v.contact = s.contact(route, res)
	product := sipua.Field(res, "Server", "")
	if product == "" {
		product = sipua.Field(res, "User-Agent", "")
	}
	if product = clean(product); product != "" {
		product = ": " + product
	}
	step(StepAnswer, true, "It answers"+product+".", "")
	if name == "" {
		return steps
	}

	sub := w.subscribes(l)
	res, err = w.ask(ctx, v, func() *sip.Request {
		sub.mu.Lock()
		defer sub.mu.Unlock()
		return subscribe(sub.dialog, v.contact, s.c.Expires)
	}, s.login)
	if err != nil {
		step(StepAccount, false, "A subscription is not answered.", "Look in the telephone system's log why: some leave those unanswered whom they do not know.")
		return steps
	}
	code := res.StatusCode
	says := fmt.Sprintf("It answers %d %s.", code, clean(res.Reason))
	switch {
	case code == 401 || code == 407:
		step(StepAccount, false, says, "Correct username and password. They are those of a telephone (an extension) in the telephone system.")
		return steps
	case code == 403 || code == 603:
		step(StepAccount, false, says, "Allow the account to subscribe to the state of lines, and this computer's address to sign in with it.")
		return steps
	}
	step(StepAccount, true, "The account is accepted.", "")
	switch {
	case code == 489 || code == 405 || code == 501:
		step(StepLine, false, says, "The telephone system has no dialog events (busy lamp field, RFC 4235), or they are switched off.")
		return steps
	case code == 404 || code == 410 || code == 480 || code == 484 || code == 604:
		step(StepLine, false, says, "The telephone system does not know the line: look whether the domain is right, whether the fields numbers lead to the extension, and whether there is a hint for it (Asterisk).")
		return steps
	case code == 423: // there is only a wish about how long it lasts
	case !res.IsSuccess():
		step(StepLine, false, says, "Look in the telephone system's log why.")
		return steps
	}
	step(StepLine, true, "It knows the line.", "")
	if code == 423 {
		step(StepState, true, fmt.Sprintf("Subscriptions have to last %v at least; they will.", seconds(sipua.Field(res, "Min-Expires", ""))), "")
		return steps
	}
	sub.mu.Lock()
	sub.dialog.Confirm(res)
	sub.mu.Unlock()
	timer := time.NewTimer(checkWait)
	defer timer.Stop()
	for done := false; !done; {
		select {
		case n := <-l.inbox:
			done = true
			switch {
			case n.err != nil:
				step(StepState, false, "It tells something that cannot be read: "+n.err.Error()+".", "Look whether the telephone system can write dialog-info documents (RFC 4235).")
			case n.state == "terminated":
				step(StepState, false, "It ends the subscription at once: "+clean(n.reason)+".", "Allow the account to subscribe to the state of the line.")
			case n.state == "pending":
				step(StepState, false, "It has not decided yet whether the state may be told.", "Allow the account to subscribe to the state of the line.")
			case n.doc == nil:
				done = false
			default:
				step(StepState, true, "It tells what the line does.", "")
			}
		case <-timer.C:
			done = true
			step(StepState, false, fmt.Sprintf("It does not tell what the line does: no NOTIFY came within %v.", checkWait),
				"Look whether the telephone system reaches this computer at "+v.contact.HostPort()+", and whether a firewall is between.")
		case <-ctx.Done():
			done = true
			step(StepState, false, "It was not waited for.", "Try again.")
		}
	}
	bye, cancel := context.WithTimeout(ctx, farewell)
	defer cancel()
	w.unsubscribe(bye, v, sub)
	return steps
}

// explain tells why there is no connection.
func (s *System) explain(err error) (found, remedy string) {
	var (
		name    x509.HostnameError
		issuer  x509.UnknownAuthorityError
		cert    *tls.CertificateVerificationError
		record  tls.RecordHeaderError
		timeout interface{ Timeout() bool }
		ours    *fault.Error
		op      *net.OpError
	)
	switch {
	case errors.As(err, &ours):
		return "Its address is not allowed: " + ours.Public + ".", "Correct the field server."
	case errors.As(err, &name):
		return "Its certificate is made out to another name than " + s.c.ServerName + ".", "Correct the field server_name."
	case errors.As(err, &issuer):
		return "Its certificate comes from an authority that this server does not know.", "Enter the authority's certificate, or give the telephone system one of a known authority."
	case errors.As(err, &cert):
		return "Its certificate is not valid.", "Give the telephone system a certificate that is."
	case errors.As(err, &record):
		return "It does not speak TLS on this port.", "Correct port or transport; the usual port of TLS is 5061."
	case errors.Is(err, syscall.ECONNREFUSED):
		return "It refuses the connection.", "Look whether the port is right, and whether the transport is switched on in the telephone system."
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return "There is no answer to the connection.", "Look whether a firewall is between."
	case errors.As(err, &op):
		return "There is no way to it: " + op.Err.Error() + ".", "Look whether the address is right."
	}
	return "There is no way to it.", "Look whether the address is right."
}
