package exchangetest

import "net/http"

func (s *Server) autodiscover(rw http.ResponseWriter, r *http.Request) { http.NotFound(rw, r) }
