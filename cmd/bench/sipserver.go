package main

import (
	"bufio"
	"context"
	"crypto/md5"
	"errors"
	"fmt"
	"net"
	"os"
	"os/signal"
	"runtime/pprof"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/doorlight/doorlight/internal/sipserver"
	"github.com/doorlight/doorlight/presence"
)

const (
	sipRealm    = "bench.test"
	sipPassword = "bench"
)

// sipAccount is the name of a telephone's account.
func sipAccount(i int) string { return fmt.Sprintf("desk%d", i) }

// sipNumber is the number of a person, which lamps are subscribed to.
func sipNumber(i int) string { return strconv.Itoa(10_000 + i) }

// redirectedTo is where calls go that are redirected.
const redirectedTo = "sip:201@pbx.bench.test"

// lamps is an office that the SIP server asks: people of whom it is told what their lines do.
type lamps struct {
	accounts map[string]sipserver.Account
	people   map[string]string // by number

	mu       sync.RWMutex // guards what follows
	others   map[string]string
	watchers map[string]func(string)
}

func newLamps(accounts, people int) *lamps {
	l := &lamps{accounts: map[string]sipserver.Account{}, people: map[string]string{}, others: map[string]string{}, watchers: map[string]func(string){}}
	for i := range accounts {
		l.accounts[sipAccount(i)] = sipserver.Account{PersonID: personID(i), HA1MD5: fmt.Sprintf("%x", md5.Sum([]byte(sipAccount(i)+":"+sipRealm+":"+sipPassword)))}
	}
	for i := range people {
		l.people[sipNumber(i)] = personID(i)
		l.others[personID(i)] = "0"
	}
	return l
}

func (l *lamps) Account(user string) (sipserver.Account, bool) {
	a, ok := l.accounts[user]
	return a, ok
}

func (l *lamps) Person(user string) (string, bool) {
	p, ok := l.people[user]
	return p, ok
}

func (l *lamps) See(_, person string) (sipserver.View, bool) {
	l.mu.RLock()
	other, ok := l.others[person]
	l.mu.RUnlock()
	return sipserver.View{Status: presence.Busy, LineKnown: true, Line: presence.Line{State: presence.LineOnThePhone, Other: other}}, ok
}

func (l *lamps) Watch(people []string, f func(string)) func() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, p := range people {
		l.watchers[p] = f
	}
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		for _, p := range people {
			delete(l.watchers, p)
		}
	}
}

func (l *lamps) Target(context.Context, string, sipserver.Caller) (sipserver.Target, error) {
	return sipserver.Target{Kind: sipserver.Ring, Contacts: []sipserver.Contact{{URI: redirectedTo, Q: 1}}}, nil
}

// change has somebody speak with another.
func (l *lamps) change(person, other string) {
	l.mu.Lock()
	l.others[person] = other
	f := l.watchers[person]
	l.mu.Unlock()
	if f != nil {
		f(person)
	}
}

// sipServer is our SIP server in a process of its own: `bench sip ACCOUNTS PEOPLE [profile]`. It prints its address and that of a socket
// which takes changes, a line each: whose, and with whom they speak. It ends when that socket is closed, or nobody comes.
func sipServer(args []string) error {
	if len(args) < 2 {
		return errors.New("how many accounts and people?")
	}
	accounts, err := strconv.Atoi(args[0])
	if err != nil {
		return err
	}
	people, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	if len(args) > 2 {
		f, err := os.Create(args[2])
		if err != nil {
			return err
		}
		if err := pprof.StartCPUProfile(f); err != nil {
			return err
		}
		defer pprof.StopCPUProfile()
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	l := newLamps(accounts, people)
	s, err := sipserver.New(sipserver.Config{
		Listen: []string{"udp:127.0.0.1:0"}, Realm: sipRealm, Trusted: []string{"127.0.0.1"}, MaxExpires: time.Hour, Directory: l, Presences: l, Targets: l,
	})
	if err != nil {
		return err
	}
	control, err := net.ListenTCP("tcp", net.TCPAddrFromAddrPort(loopback))
	if err != nil {
		return err
	}
	defer control.Close()
	ctx, end := context.WithCancel(ctx)
	go func() {
		defer end()
		control.SetDeadline(time.Now().Add(time.Minute))
		c, err := control.Accept()
		if err != nil {
			return
		}
		context.AfterFunc(ctx, func() { c.Close() })
		for lines := bufio.NewScanner(c); lines.Scan(); {
			person, other, _ := strings.Cut(lines.Text(), " ")
			l.change(person, other)
		}
	}()
	fmt.Printf("sip %s %s\n", strings.TrimPrefix(s.Addrs()[0], "udp:"), control.Addr())
	if err := s.Run(ctx); !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}
