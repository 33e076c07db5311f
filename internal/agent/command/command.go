// Package command is the command line of the desktop client.
package command

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"unicode"

	"github.com/spf13/cobra"

	"github.com/doorlight/doorlight/client"
	"github.com/doorlight/doorlight/internal/agent/vault"
	"github.com/doorlight/doorlight/internal/lock"
	"github.com/doorlight/doorlight/internal/secret"
)

// flags are what the command line says.
type flags struct {
	server   string
	folder   string
	label    string
	logLevel string
	noTray   bool
	noOpen   bool
}

// On Windows, who starts it with a click, or with their session, wants it to run.
func init() { cobra.MousetrapHelpText = "" }

// New returns the command agent. version is that of the program.
func New(version string) *cobra.Command {
	f := &flags{}
	run := &cobra.Command{
		Use: "agent", Short: "Run the desktop client: tell the server whether this computer is used",
		Long: `Run the desktop client on somebody's computer. It tells the server that the computer is on, whether it is used or locked, which programs of the
office's table record from the microphone, and calendars that are reached from there only, as far as the office's settings let these count. Nothing else
leaves the computer; doorlight agent sent shows what did.

The first time it opens a page of the server on which its owner signs in and allows it. The token is kept in the system's keyring, if there is one.`,
		Example: `  doorlight agent --server https://presence.example.com   # the first time
  doorlight agent                                         # from then on
  doorlight agent install                                 # starts with the desktop's session
  doorlight agent sent                                    # what was told to the server
  doorlight agent sign-out`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			d, err := open(f, cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			err = d.run(cmd.Context(), d.out(cmd.OutOrStdout()), version)
			if err != nil && d.silent {
				d.log.Error("agent: ended", "err", err)
			}
			return err
		},
	}
	p := run.PersistentFlags()
	p.StringVar(&f.server, "server", "", "address of the server, such as https://presence.example.com; it is remembered")
	p.StringVar(&f.folder, "folder", "", "where the client keeps what it knows; empty: its own folder among the user's settings")
	p.StringVar(&f.logLevel, "log-level", "info", "debug, info, warn or error")
	run.Flags().StringVar(&f.label, "label", "", "the name of this computer for its owner; empty: the host's")
	run.Flags().BoolVar(&f.noTray, "no-tray", false, "show no icon")
	run.Flags().BoolVar(&f.noOpen, "no-browser", false, "do not open the page to sign in; its address is printed")
	run.AddCommand(&cobra.Command{
		Use: "sign-out", Short: "End the sign-in of this computer and forget its token", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			d, err := open(f, cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			return d.signOut(cmd.Context(), cmd.OutOrStdout(), version)
		},
	}, &cobra.Command{
		Use: "sent", Short: "Show what was told to the server, the latest at the end", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			d, err := open(f, cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			return d.sent.print(cmd.OutOrStdout())
		},
	}, &cobra.Command{
		Use: "install", Short: "Start with your desktop's session from now on", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			d, err := open(f, cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			return d.install(cmd.OutOrStdout(), run.HasParent())
		},
	}, &cobra.Command{
		Use: "uninstall", Short: "Do not start with your desktop's session any more", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return uninstall(cmd.OutOrStdout()) },
	}, &cobra.Command{
		Use: "status", Short: "Tell whether the client runs, is signed in, what it measures, and whether it starts with the session", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			d, err := open(f, cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			return d.status(cmd.Context(), cmd.OutOrStdout())
		},
	})
	return run
}

// desk is the client on this computer, as far as it does not need the server.
type desk struct {
	flags  *flags
	folder string
	kept   kept
	before kept   // as it stands in the file
	named  string // the server that the owner has named: it alone is remembered
	vault  *vault.Vault
	sent   *sentLog
	log    *slog.Logger
	silent bool // nobody reads what is written to the console: there is none
}

// kept is what the client remembers in its folder.
type kept struct {
	Server string `json:"server"`          // address of the server
	Client string `json:"client"`          // its ID: a client that is started again is the same
	Muted  bool   `json:"muted,omitempty"` // the microphone does not count
}

// ErrNoServer is returned by whatever needs a server if none was ever named.
var ErrNoServer = errors.New("which server? Give its address once: --server https://presence.example.com")

// open reads what is kept, and what was given.
func open(f *flags, stderr io.Writer) (*desk, error) {
	d := &desk{flags: f, folder: f.folder}
	var level slog.Level
	if err := level.UnmarshalText([]byte(f.logLevel)); err != nil {
		return nil, fmt.Errorf("--log-level: %q is none of debug, info, warn, error", f.logLevel)
	}
	if d.folder == "" {
		settings, err := settingsFolder()
		if err != nil {
			return nil, fmt.Errorf("there is no place to keep anything: %w; give --folder", err)
		}
		d.folder = filepath.Join(settings, "doorlight-agent")
	}
	if err := os.MkdirAll(d.folder, 0o700); err != nil {
		return nil, err
	}
	if d.silent = goesNowhere(stderr); d.silent {
		stderr = &boundedFile{path: d.path("agent.log")}
	}
	d.log = slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: level}))
	if err := readJSON(d.path("agent.json"), &d.kept); err != nil {
		return nil, err
	}
	d.before, d.named = d.kept, d.kept.Server
	if server := d.serverNamed(); server != "" {
		c, err := client.New(server, client.Config{})
		if err != nil {
			return nil, err
		}
		if d.kept.Server = c.Server(); f.server != "" {
			d.named = d.kept.Server
		}
	}
	if d.kept.Client == "" {
		id, _ := secret.New("")
		d.kept.Client = "desk-" + id[:16]
	}
	d.vault, d.sent = vault.New(d.folder, nil), &sentLog{path: d.path("sent.jsonl")}
	return d, nil
}

// remember keeps what was named, if it was not kept before.
func (d *desk) remember() error {
	if d.lasting() == d.before {
		return nil
	}
	return d.keep()
}

// settingsFolder is where the settings of this user on this computer are: on Windows those that do not follow them to other computers.
func settingsFolder() (string, error) {
	if runtime.GOOS == "windows" {
		return os.UserCacheDir() // %LocalAppData%
	}
	return os.UserConfigDir()
}

// computer tells this computer apart from others that share the folder, as homes on a file server do. It stays the same while the program runs: the name of a
// computer may change with the network.
var computer = sync.OnceValue(func() string {
	name, err := os.Hostname()
	if err != nil {
		return "0"
	}
	sum := sha256.Sum256([]byte(name))
	return hex.EncodeToString(sum[:4])
})

// clientID is the ID of the client on this computer.
func (d *desk) clientID() string { return d.kept.Client + "-" + computer() }

// serverNamed returns the server that was named: by the flag, else by the environment, else, if none was named before, by a file that an administrator has put
// on the computer.
func (d *desk) serverNamed() string {
	if d.flags.server != "" {
		return d.flags.server
	}
	if s := os.Getenv("DOORLIGHT_SERVER"); s != "" {
		return s
	}
	if d.kept.Server != "" {
		return ""
	}
	var everybody kept
	path := everybodysFile()
	if err := readJSON(path, &everybody); err != nil {
		d.log.Warn("agent: the settings of this computer cannot be read", "file", path, "err", err)
	}
	return everybody.Server
}

// everybodysFile is where administrators name the server for all users of a computer.
func everybodysFile() string {
	switch runtime.GOOS {
	case "windows":
		return filepath.Join(os.Getenv("ProgramData"), "Doorlight", "agent.json")
	case "darwin":
		return "/Library/Application Support/Doorlight/agent.json"
	}
	return "/etc/doorlight/agent.json"
}

func readJSON(path string, into any) error {
	text, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) || err == nil && len(bytes.TrimSpace(text)) == 0 { // a power failure may leave a file empty
		return nil
	}
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, into); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

func (d *desk) path(name string) string { return filepath.Join(d.folder, name) }

// keep writes what is to be remembered, whole or not at all.
func (d *desk) keep() error {
	lasting := d.lasting()
	text, err := json.MarshalIndent(lasting, "", "  ")
	if err != nil {
		return err
	}
	if err := d.write("agent.json", append(text, '\n')); err != nil {
		return err
	}
	d.before = lasting
	return nil
}

// lasting is what is remembered. A server that the environment or an administrator's file names is not: they may name another the next time.
func (d *desk) lasting() kept {
	k := d.kept
	k.Server = d.named
	return k
}

// write writes a file of the folder, whole or not at all.
func (d *desk) write(name string, text []byte) error {
	fresh := d.path(name + ".new")
	f, err := os.OpenFile(fresh, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(fresh, d.path(name))
}

// name is what this computer is called for its owner.
func (d *desk) name() string {
	label := strings.TrimSpace(d.flags.label)
	if label == "" {
		label, _ = os.Hostname()
	}
	name := strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp) { // what the server does not take
			return -1
		}
		return r
	}, label)
	if name == "" {
		name = "Computer"
	}
	if r := []rune(name); len(r) > 120 {
		name = string(r[:120])
	}
	return name
}

// connect returns a client of the server with a token, which may be empty.
func (d *desk) connect(token, version string) (*client.Client, error) {
	if d.kept.Server == "" {
		return nil, ErrNoServer
	}
	return client.New(d.kept.Server, client.Config{Token: token, UserAgent: "doorlight-agent/" + version + " (" + runtime.GOOS + ")"})
}

func (d *desk) signOut(ctx context.Context, w io.Writer, version string) error {
	if d.kept.Server == "" {
		return ErrNoServer
	}
	token, err := d.vault.Load(ctx, d.kept.Server)
	if err != nil {
		return err
	}
	if token == "" {
		fmt.Fprintln(w, "Nobody is signed in on this computer.")
		return nil
	}
	c, err := d.connect(token, version)
	if err != nil {
		return err
	}
	told := c.SignOut(ctx)
	if errors.Is(told, client.ErrSignedOut) {
		told = nil
	}
	if err := d.vault.Forget(ctx, d.kept.Server, token); err != nil {
		return err
	}
	if told != nil {
		return fmt.Errorf("the token was forgotten, but the server still has the sign-in; end it there under Settings › Sign-in: %w", told)
	}
	fmt.Fprintln(w, "Signed out.")
	return nil
}

// alone keeps a second client of the same folder out; nil if one runs already.
func (d *desk) alone() (*os.File, error) {
	f, err := lock.File(d.path("agent-" + computer() + ".lock"))
	if errors.Is(err, lock.ErrHeld) {
		return nil, nil
	}
	return f, err
}
