// Command bench measures the speed of Doorlight and prints one table. It starts a real server process on one processor
// and drives it from another; beside it, in the same run and on the same processor, it measures the floor: a bare
// program that only writes ready-made frames of the same size to the same number of sockets. What counts are the
// ratios; docs/performance.md explains them.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"runtime/pprof"
	"strings"
	"text/tabwriter"
	"time"
)

// row is one line of the table.
type row struct {
	what, value, floor, ratio, aim string
	ok                             bool
}

var table []row

func report(what, value, floor, ratio, aim string, ok bool) {
	table = append(table, row{what, value, floor, ratio, aim, ok})
	mark := "ok"
	if !ok {
		mark = "MISSED"
	}
	fmt.Fprintf(os.Stderr, "   %s: %s %s %s (aim: %s) %s\n", what, value, floor, ratio, aim, mark)
}

func main() {
	if len(os.Args) > 1 && os.Args[1] == "floor" {
		if err := floorServer(os.Args[2:]); err != nil {
			fmt.Fprintln(os.Stderr, "floor:", err)
			os.Exit(1)
		}
		return
	}
	if len(os.Args) > 2 && os.Args[1] == "exchange" {
		if err := exchangeServer(os.Args[2:]); err != nil {
			fmt.Fprintln(os.Stderr, "exchange:", err)
			os.Exit(1)
		}
		return
	}
	if len(os.Args) > 2 && os.Args[1] == "sip" {
		if err := sipServer(os.Args[2:]); err != nil {
			fmt.Fprintln(os.Stderr, "sip:", err)
			os.Exit(1)
		}
		return
	}
	only := flag.String("only", "", "run only the parts whose name is in this comma separated list: rules,hub,store,start,mailboxes,sip,join,idle,steady,storm")
	binary := flag.String("server", "bin/doorlight", "the server to measure")
	seconds := flag.Int("seconds", 10, "length of each steady part")
	profile := flag.String("profile", "", "write a profile of this process's processor time to a file, and of our SIP server's to the same name with .sip")
	strict := flag.Bool("strict", false, "end with an error if an aim is missed")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if *profile != "" {
		f, err := os.Create(*profile)
		if err == nil {
			err = pprof.StartCPUProfile(f)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, "bench:", err)
			os.Exit(1)
		}
		defer pprof.StopCPUProfile()
	}
	if err := run(ctx, *only, *binary, time.Duration(*seconds)*time.Second, *profile); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "%s, %d processors\n", runtime.Version(), runtime.NumCPU())
	fmt.Fprintln(w, "what\tmeasured\tfloor\tratio\taim\t")
	missed := 0
	for _, r := range table {
		mark := ""
		if !r.ok {
			mark = "missed"
			missed++
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", r.what, r.value, r.floor, r.ratio, r.aim, mark)
	}
	w.Flush()
	if *strict && missed > 0 {
		os.Exit(1)
	}
}

func run(ctx context.Context, only, binary string, length time.Duration, profile string) error {
	wanted := func(part string) bool {
		return only == "" || strings.Contains(","+only+",", ","+part+",")
	}
	if wanted("sip") { // before anything is measured in vain
		if err := sipPrograms(); err != nil {
			return err
		}
	}
	if wanted("rules") {
		measureRules()
	}
	if wanted("hub") {
		if err := measureHub(ctx); err != nil {
			return err
		}
	}
	if wanted("store") {
		if err := measureStore(ctx); err != nil {
			return err
		}
	}
	if wanted("start") {
		if err := measureStart(ctx); err != nil {
			return err
		}
	}
	if wanted("mailboxes") {
		if err := measureMailboxes(ctx); err != nil {
			return err
		}
	}
	if wanted("sip") {
		if err := measureSIP(ctx, length, profile); err != nil {
			return err
		}
	}
	if wanted("join") || wanted("steady") || wanted("storm") || wanted("idle") {
		return measureLive(ctx, binary, length, wanted)
	}
	return nil
}
