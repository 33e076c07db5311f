package main

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/gobwas/ws"
)

// floorServer is the bare program: it takes WebSockets, writes a ready-made snapshot to each, and writes ready-made
// frames when told to by its own HTTP address:
//
//	POST /steady?rate=100&seconds=10   every second, rate times, one frame to each of the 49 others of a group
//	POST /storm                        49 frames to each socket, a write for each
//	POST /together                     49 frames to each socket in one write
func floorServer(args []string) error {
	size, _ := strconv.Atoi(args[0])
	snapshot, _ := strconv.Atoi(args[1])
	frame := ws.MustCompileFrame(ws.NewTextFrame(make([]byte, size)))
	hello := ws.MustCompileFrame(ws.NewTextFrame(make([]byte, snapshot)))
	var mu sync.Mutex // guards conns
	var conns []net.Conn
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	control, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				if _, err := ws.Upgrade(c); err != nil {
					c.Close()
					return
				}
				mu.Lock()
				conns = append(conns, c)
				mu.Unlock()
				drain(c, hello)
			}()
		}
	}()
	mux := http.NewServeMux()
	done := func(w http.ResponseWriter, began time.Time, n int) {
		fmt.Fprintf(w, "%d %d\n", n, time.Since(began).Microseconds())
	}
	mux.HandleFunc("POST /steady", func(w http.ResponseWriter, r *http.Request) {
		rate, _ := strconv.Atoi(r.FormValue("rate"))
		seconds, _ := strconv.Atoi(r.FormValue("seconds"))
		began, n := time.Now(), 0
		tick := time.NewTicker(time.Second / time.Duration(rate))
		defer tick.Stop()
		for i := 0; i < rate*seconds; i++ {
			<-tick.C
			who := i * 97 % len(conns)
			first := who / groupSize * groupSize
			for j := first; j < min(first+groupSize, len(conns)); j++ {
				if j != who {
					conns[j].Write(frame)
					n++
				}
			}
		}
		done(w, began, n)
	})
	mux.HandleFunc("POST /storm", func(w http.ResponseWriter, r *http.Request) {
		began, n := time.Now(), 0
		for range groupSize - 1 {
			for _, c := range conns {
				c.Write(frame)
				n++
			}
		}
		done(w, began, n)
	})
	var all []byte
	for range groupSize - 1 {
		all = append(all, frame...)
	}
	mux.HandleFunc("POST /together", func(w http.ResponseWriter, r *http.Request) {
		began, n := time.Now(), 0
		for _, c := range conns {
			c.Write(all)
			n += groupSize - 1
		}
		done(w, began, n)
	})
	fmt.Printf("ready %s %s\n", l.Addr(), control.Addr())
	go func() {
		in := bufio.NewReader(os.Stdin)
		in.ReadString('\n')
	}()
	return http.Serve(control, mux)
}

// drain answers the first message with the snapshot and reads on until the connection ends.
func drain(c net.Conn, hello []byte) {
	buf := make([]byte, 512)
	first := true
	for {
		h, err := ws.ReadHeader(c)
		if err != nil {
			return
		}
		for left := h.Length; left > 0; {
			n, err := c.Read(buf[:min(int64(len(buf)), left)])
			if err != nil {
				return
			}
			left -= int64(n)
		}
		if first {
			c.Write(hello)
			first = false
		}
	}
}
