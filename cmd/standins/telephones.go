package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"sync"

	"github.com/doorlight/doorlight/internal/telephony/siptest"
)

// telephones runs a real SIP server, Kamailio, and real telephones, baresip, with these numbers, until ctx ends or nobody commands any more.
// It prints one line of JSON with the server's address, and obeys lines: dial FROM TO, accept NUMBER, hangup NUMBER; each is answered by a
// line "done".
func telephones(ctx context.Context, numbers []string) (err error) {
	h := &house{}
	defer h.end()
	defer func() {
		if fatal, ok := recover().(fatal); ok { // what a test would end with
			err = fmt.Errorf("%s", string(fatal))
		}
	}()
	server := siptest.Kamailio(h, siptest.ServerConfig{})
	phones := map[string]*siptest.Phone{}
	for _, n := range numbers {
		phones[n] = siptest.Baresip(h, server.Addr(), n)
	}
	offer, err := json.Marshal(map[string]string{"server": server.Addr()})
	if err != nil {
		return err
	}
	fmt.Printf("%s\n", offer)
	lines := make(chan string)
	go func() { // ends with the input, or the program
		defer close(lines)
		for in := bufio.NewScanner(os.Stdin); in.Scan(); {
			lines <- in.Text()
		}
	}()
	for {
		select {
		case <-ctx.Done():
			return nil
		case line, ok := <-lines:
			if !ok {
				return nil
			}
			words := strings.Fields(line)
			if len(words) < 2 || phones[words[1]] == nil {
				return fmt.Errorf("%q: which telephone?", line)
			}
			switch p := phones[words[1]]; {
			case words[0] == "dial" && len(words) == 3:
				p.Call(h, words[2])
			case words[0] == "accept":
				p.Ringing(h)
				p.Accept(h)
				p.Established(h)
			case words[0] == "hangup":
				p.Hangup(h)
			default:
				return fmt.Errorf("%q is none of dial, accept, hangup", line)
			}
			fmt.Println("done")
		}
	}
}

// fatal is why a program that a house runs cannot go on.
type fatal string

// house is a siptest.TB outside of tests.
type house struct {
	mu    sync.Mutex // guards ends
	ends  []func()
	fails bool
}

func (h *house) Helper()                           {}
func (h *house) Fatal(args ...any)                 { h.fails = true; panic(fatal(fmt.Sprint(args...))) }
func (h *house) Fatalf(format string, args ...any) { h.Fatal(fmt.Sprintf(format, args...)) }
func (h *house) Logf(format string, args ...any)   { fmt.Fprintf(os.Stderr, format+"\n", args...) }
func (h *house) Failed() bool                      { return h.fails }

func (h *house) Cleanup(f func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ends = append(h.ends, f)
}

func (h *house) TempDir() string {
	dir, err := os.MkdirTemp("", "standins")
	if err != nil {
		h.Fatal(err)
	}
	h.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// end ends what runs, the last first.
func (h *house) end() {
	for i := len(h.ends) - 1; i >= 0; i-- {
		h.ends[i]()
	}
}
