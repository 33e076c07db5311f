// Package agent is the desktop client: it tells the server that its owner's computer is on, whether it is used or locked, which programs of the scope's
// table record from the microphone, and the appointments of calendars that are reached from there only (M1 to M3, P9). It measures only what counts,
// which the server says, and tells only what changes. What it means for the presence is decided by the server.
//
// Package probe measures, package tray is the icon, package autostart its start with the session, package vault keeps the token, package command is the command
// line.
package agent
