package cstatest

// Refuse has a request be refused, with an error of a group, as group/code; empty: no longer.
func (s *Server) Refuse(request, with string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if with == "" {
		delete(s.refuses, request)
		return
	}
	s.refuses[request] = with
}

// Status has the system say how it is.
func (s *Server) Status(status string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for x := range s.sessions {
		s.request(x, "SystemStatus", text("systemStatus", status))
	}
}

// Break ends all connections.
func (s *Server) Break() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for x := range s.sessions {
		x.conn.Close()
		x.end()
	}
}

// Silence has it say nothing, and hear nothing, while on: connections stay open.
func (s *Server) Silence(on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.silent = on
}

// Lose has so many of the next events get lost.
func (s *Server) Lose(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lose = n
}

// Double has all events come twice while on.
func (s *Server) Double(on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.double = on
}

// Late tells once more, at most n events of calls that are over, or are another call by now.
func (s *Server) Late(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	there := map[string]bool{}
	for _, k := range s.calls {
		if len(k.legs) > 0 {
			there[k.id] = true
		}
	}
	late := s.late
	s.late = nil
	for i := len(late) - 1; i >= 0 && n > 0; i-- {
		if e := late[i]; !there[e.call] && s.sessions[e.x] {
			e.x.send("9999", e.text)
			n--
		}
	}
}

// Stop shuts it down; it takes no connections, and all calls are gone.
func (s *Server) Stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.down = true
	for _, k := range s.calls {
		k.legs = nil
	}
	s.calls, s.late = nil, nil
	for x := range s.sessions {
		x.end()
	}
}

// Boot has it take connections again.
func (s *Server) Boot() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.down = false
}

// After has something happen once, right after the next request of a kind was answered.
func (s *Server) After(request string, do func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.after[request] = do
}

// EndSessions has the system end all sessions, as it does when it is switched over.
func (s *Server) EndSessions() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for x := range s.sessions {
		x.send("9998", message("ApplicationSessionTerminated", sessionSpace, text("sessionID", x.id), tag("sessionTermReason", text("definedTermReason", "resourceLimitation"))))
		x.begun = false
	}
}
