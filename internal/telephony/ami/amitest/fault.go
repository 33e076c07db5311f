package amitest

// Press has a telephone change its forwarding, as the feature codes of FreePBX do: a value in a family of the database, empty for none, and
// the lamps that go with it.
func (s *Server) Press(extension, family, value string) {
	s.Mu.Lock()
	defer s.Mu.Unlock()
	k := "/" + family + "/" + extension
	if value == "" {
		delete(s.db, k)
	} else {
		s.db[k] = value
	}
	if family == "DND" || family == "CF" {
		state := "NOT_INUSE"
		if value != "" {
			state = "BUSY"
		}
		s.device("Custom:"+family+extension, state)
		s.device("Custom:DEV"+family+extension, state)
	}
}

// Dial has a telephone dial a code at which the dialplan sends a user event with this body, and hangs up: UserEvent(name,body).
func (s *Server) Dial(extension, code, name string, body ...[2]string) {
	s.Mu.Lock()
	defer s.Mu.Unlock()
	c := s.newChannel(extension, false, 4, "")
	c.exten = code
	s.emit("call", "Newchannel", c.snapshot(""))
	event := append(c.snapshot(""), field{"UserEvent", name})
	for _, h := range body {
		event = append(event, field{h[0], h[1]})
	}
	s.emit("user", "UserEvent", event)
	s.hang(c)
}

// Entry is what the database has.
func (s *Server) Entry(family, key string) string {
	s.Mu.Lock()
	defer s.Mu.Unlock()
	return s.db["/"+family+"/"+key]
}

// Lamp is the state of a custom device.
func (s *Server) Lamp(device string) string {
	s.Mu.Lock()
	defer s.Mu.Unlock()
	return s.devices[device]
}

// SetUser changes manager.conf.
func (s *Server) SetUser(name string, u User) {
	s.Mu.Lock()
	defer s.Mu.Unlock()
	users := map[string]User{name: u}
	for n, other := range s.c.Users {
		if n != name {
			users[n] = other
		}
	}
	s.c.Users = users
}

// LoseAll has all events get lost while on.
func (s *Server) LoseAll(on bool) {
	s.Mu.Lock()
	defer s.Mu.Unlock()
	s.loseAll = on
}

// Late tells once more, at most n events of channels that are no more; the oldest are forgotten.
func (s *Server) Late(n int) {
	s.Mu.Lock()
	defer s.Mu.Unlock()
	there := map[string]bool{}
	for _, c := range s.channels {
		there[c.id] = true
	}
	late := s.late
	s.late = nil
	for i := len(late) - 1; i >= 0 && n > 0; i-- {
		old := false
		for _, f := range late[i] {
			switch f.name {
			case "Uniqueid":
				old = !there[f.value]
			case "DestUniqueid", "TransfereeUniqueid", "TransferTargetUniqueid":
				old = old && !there[f.value]
			}
		}
		if old {
			s.deliver("call", late[i])
			n--
		}
	}
}

// Stop shuts it down: it says so, if clean, and takes no connections; all calls are gone.
func (s *Server) Stop(clean bool) {
	s.Mu.Lock()
	if clean {
		s.emit("system", "Shutdown", []field{{"Shutdown", "Cleanly"}, {"Restart", "True"}})
	}
	s.Down, s.booted = true, false
	s.channels, s.late = nil, nil
	for _, d := range s.order {
		if s.devices[d] != "BUSY" { // custom states are kept in the database
			s.devices[d] = "NOT_INUSE"
		}
	}
	s.epoch += 1000
	for x := range s.Peers {
		x.End()
	}
	s.Mu.Unlock()
}

// Boot has it take connections again, and say that it is ready.
func (s *Server) Boot() {
	s.Mu.Lock()
	defer s.Mu.Unlock()
	s.Down, s.booted = false, true
	for x := range s.Peers {
		if x.user != "" {
			s.tellBooted(x)
		}
	}
}

// Ahead has a device say a state that its channels do not have, and take it back at once.
func (s *Server) Ahead(device, state string) {
	s.Mu.Lock()
	defer s.Mu.Unlock()
	was := s.devices[device]
	s.device(device, state)
	s.device(device, was)
}
