package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/doorlight/doorlight/internal/store"
	"github.com/doorlight/doorlight/internal/store/sqlite"
)

func backupCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "backup FILE", Short: "Write a copy of all data into a new file", Args: cobra.ExactArgs(1),
		Long: `Write a copy of all data into a new file, also while the server runs. The file is an embedded database, whatever
database the server uses. The key file secret.key in the data folder is not part of it: keep a copy of it apart, since
the credentials of calendars in the backup cannot be read without it.`,
		Example: "  doorlight backup doorlight-monday.db",
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := load(cmd.Flags())
			if err != nil {
				return err
			}
			src, err := c.openExisting(cmd.Context())
			if err != nil {
				return err
			}
			defer src.Close()
			if _, err := os.Stat(args[0]); err == nil {
				return fmt.Errorf("%s is there already; a backup never overwrites a file", args[0])
			}
			part := args[0] + ".part"
			if err := writeCopy(cmd.Context(), src, part, cmd.ErrOrStderr()); err != nil {
				removeDatabase(part)
				return err
			}
			if err := os.Rename(part, args[0]); err != nil {
				return err
			}
			info, err := os.Stat(args[0])
			if err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s: %d KB\n", args[0], info.Size()/1024)
			return nil
		},
	}
	addFlags(cmd.Flags())
	return cmd
}

func removeDatabase(path string) {
	for _, end := range []string{"", "-wal", "-shm"} {
		os.Remove(path + end)
	}
}

func writeCopy(ctx context.Context, src store.Store, path string, progress io.Writer) error {
	removeDatabase(path) // of an attempt that was cut off
	dst, err := sqlite.Open(ctx, path)
	if err != nil {
		return err
	}
	err = store.Copy(ctx, dst, src, reporter(progress))
	if closeErr := dst.Close(); err == nil {
		err = closeErr
	}
	return err
}

// reporter tells how far something is, once it takes longer than a second.
func reporter(w io.Writer) func(done, total int) {
	last := time.Now()
	return func(done, total int) {
		if time.Since(last) < time.Second && done < total {
			return
		}
		if time.Since(last) >= time.Second {
			fmt.Fprintf(w, "%d of %d records\n", done, total)
			last = time.Now()
		}
	}
}

func restoreCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "restore FILE", Short: "Fill an empty database from a backup", Args: cobra.ExactArgs(1),
		Long: `Fill an empty database from a backup. The server must not run. To restore over an existing embedded database, move
its data folder away first; nothing is ever overwritten. Put the key file secret.key into the data folder as well.`,
		Example: "  doorlight restore doorlight-monday.db --data new-data",
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := load(cmd.Flags())
			if err != nil {
				return err
			}
			if _, err := os.Stat(args[0]); err != nil {
				return err
			}
			// Work on a copy: opening a backup of an older version migrates it.
			scratch, err := os.MkdirTemp("", "doorlight-restore")
			if err != nil {
				return err
			}
			defer os.RemoveAll(scratch)
			copied := filepath.Join(scratch, "backup.db")
			if err := copyFile(args[0], copied); err != nil {
				return err
			}
			src, err := sqlite.Open(cmd.Context(), copied)
			if err != nil {
				return fmt.Errorf("%s: %w", args[0], err)
			}
			defer src.Close()
			lock, err := c.lock()
			if err != nil {
				return err
			}
			defer lock.Close()
			dst, err := c.open(cmd.Context())
			if err != nil {
				return err
			}
			defer dst.Close()
			if err := store.Copy(cmd.Context(), dst, src, reporter(cmd.ErrOrStderr())); err != nil {
				return err
			}
			fmt.Fprintln(cmd.OutOrStdout(), "restored")
			return nil
		},
	}
	addFlags(cmd.Flags())
	return cmd
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	if _, err = io.Copy(out, in); err == nil {
		err = out.Sync()
	}
	if closeErr := out.Close(); err == nil {
		err = closeErr
	}
	return err
}
