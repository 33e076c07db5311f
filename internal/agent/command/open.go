package command

import (
	"errors"
	"os/exec"
	"runtime"
	"strings"
)

// openPage opens a page in the owner's browser, or a file with what they use for it.
func openPage(address string) error {
	if strings.HasPrefix(address, "-") {
		return errors.New("that is no address")
	}
	var cmd *exec.Cmd
	switch runtime.GOOS {
	case "windows":
		cmd = exec.Command("rundll32", "url.dll,FileProtocolHandler", address)
	case "darwin":
		cmd = exec.Command("open", address)
	default:
		cmd = exec.Command("xdg-open", address)
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	go cmd.Wait() // its exit says nothing of the browser
	return nil
}
