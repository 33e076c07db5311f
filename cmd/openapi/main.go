// Command openapi prints the API's description. `make generate` writes it to internal/api/openapi.yaml, from which the
// types of the web client are made; a test compares the two.
package main

import (
	"fmt"
	"os"

	"github.com/doorlight/doorlight/internal/api"
)

func main() {
	text, err := api.Description()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Stdout.Write(text)
}
