package cstatest

// Refuse has a request be refused, with an error of a group, as group/code; empty: no longer.
func (s *Server) Refuse(request, with string) {
	s.Mu.Lock()
	defer s.Mu.Unlock()
	if with == "" {
		delete(s.refuses, request)
		return
	}
	s.refuses[request] = with
}

// Status has the system say how it is.
func (s *Server) Status(status string) {
	s.Mu.Lock()
	defer s.Mu.Unlock()
	for x := range s.Peers {
		s.request(x, "SystemStatus", text("systemStatus", status))
	}
}

// Late tells once more, at most n events of calls that are over, or are another call by now.
func (s *Server) Late(n int) {
	s.Mu.Lock()
	defer s.Mu.Unlock()
	there := map[string]bool{}
	for _, k := range s.calls {
		if len(k.legs) > 0 {
			there[k.id] = true
		}
	}
	late := s.late
	s.late = nil
	for i := len(late) - 1; i >= 0 && n > 0; i-- {
		if e := late[i]; !there[e.call] && s.Peers[e.x] {
			e.x.send("9999", e.text)
			n--
		}
	}
}

// Stop shuts it down; it takes no connections, and all calls are gone.
func (s *Server) Stop() {
	s.Mu.Lock()
	defer s.Mu.Unlock()
	s.Down = true
	for _, k := range s.calls {
		k.legs = nil
	}
	s.calls, s.late = nil, nil
	for x := range s.Peers {
		x.End()
	}
}

// Boot has it take connections again.
func (s *Server) Boot() {
	s.Mu.Lock()
	defer s.Mu.Unlock()
	s.Down = false
}

// After has something happen once, right after the next request of a kind was answered.
func (s *Server) After(request string, do func()) {
	s.Mu.Lock()
	defer s.Mu.Unlock()
	s.after[request] = do
}

// EndSessions has the system end all sessions, as it does when it is switched over.
func (s *Server) EndSessions() {
	s.Mu.Lock()
	defer s.Mu.Unlock()
	for x := range s.Peers {
		x.send("9998", message("ApplicationSessionTerminated", sessionSpace, text("sessionID", x.id), tag("sessionTermReason", text("definedTermReason", "resourceLimitation"))))
		x.begun = false
	}
}
