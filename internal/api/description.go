package api

import "net/http"

// Description returns the OpenAPI document as YAML, without a running server.
func Description() ([]byte, error) {
	s := &Server{mux: http.NewServeMux()}
	s.describe("0")
	return s.api.OpenAPI().YAML()
}
