package api

// ForgetSessions has every sign-in looked up again, as after five minutes.
func (s *Server) ForgetSessions() {
	s.sessions.mu.Lock()
	defer s.sessions.mu.Unlock()
	s.sessions.turn++
	clear(s.sessions.known)
}
