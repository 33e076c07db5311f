package exchangetest

import "net/http"

type faults struct{}

func (f *faults) front(s *Server, rw http.ResponseWriter, r *http.Request) bool { return false }
func (f *faults) amid(s *Server, c *call, body []byte) bool                     { return false }
func (f *faults) inside(c *call) (bool, error)                                  { return false, nil }
