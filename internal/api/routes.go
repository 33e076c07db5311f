package api

import (
	"context"
	"net/http"
	"reflect"

	"github.com/danielgtaylor/huma/v2"
)

// who says who may call an operation at all. What they may do with it is decided by the handler.
type who string

const (
	anybody  who = "anybody"  // no sign-in
	signedIn who = "person"   // a session, or a token that acts for a person
	clients  who = "client"   // the same, or a desktop client, about its owner alone
	origins  who = "claims"   // a token with scope claims
	lines    who = "lines"    // a token with scope lines
	admins   who = "admin"    // a system administrator, or a token with scope admin
	locals   who = "location" // the same, or an administrator of the locations concerned
)

// empty is the input of operations without parameters.
type empty struct{}

// register lists every operation of the API.
func (s *Server) register(api huma.API) {
	const person = "/people/{person}"

	add(s, api, "GET", "/setup", anybody, "Start", "Tell whether the first administrator is needed", s.getSetup)
	add(s, api, "POST", "/setup", anybody, "Start", "Make the first administrator and sign in", s.postSetup)
	add(s, api, "POST", "/session", anybody, "Start", "Sign in", s.postSession)
	add(s, api, "GET", "/session", clients, "Start", "Tell who is signed in", s.getSession)
	add(s, api, "DELETE", "/session", clients, "Start", "Sign out", s.deleteSession)

	add(s, api, "GET", "/devices/{code}", signedIn, "Start", "Tell which program asks to be signed in", s.getDevice)
	add(s, api, "POST", "/devices/{code}", signedIn, "Start", "Allow a program to be signed in, or refuse it", s.postDevice)
	add(s, api, "GET", "/providers", anybody, "Start", "Ways to sign in beside a password", s.getProviders)
	add(s, api, "POST", "/password", anybody, "Start", "Set a password by a link", s.postPassword)

	add(s, api, "GET", "/team", signedIn, "People", "Your groups, favourites and everybody in them", s.getTeam)
	add(s, api, "GET", "/people", signedIn, "People", "Search people", s.getPeople)
	add(s, api, "GET", person, clients, "People", "One person's card", s.getPerson)
	add(s, api, "PUT", person+"/favourites", signedIn, "People", "Replace the favourites", s.putFavourites)
	add(s, api, "GET", person+"/export", signedIn, "People", "Everything that is kept about a person", s.getExport)

	add(s, api, "GET", person+"/audit", signedIn, "People", "What others and the person changed about them", s.getPersonAudit)
	add(s, api, "GET", person+"/sessions", signedIn, "People", "Sign-ins", s.getSessions)
	add(s, api, "DELETE", person+"/sessions/{session}", signedIn, "People", "End a sign-in", s.deleteOtherSession)
	add(s, api, "GET", person+"/identities", signedIn, "People", "As whom sign-in providers know a person", s.getIdentities)
	add(s, api, "DELETE", person+"/identities/{connector}", signedIn, "People", "Release a person from an account of a sign-in provider", s.deleteIdentity)
	add(s, api, "PUT", person+"/password", signedIn, "People", "Change the own password", s.putPassword)

	add(s, api, "PUT", person+"/choice", clients, "Presence", "Choose a presence", s.putChoice)
	add(s, api, "GET", person+"/explanation", signedIn, "Presence", "Why this presence, and what comes next", s.getExplanation)
	add(s, api, "GET", person+"/clients", clients, "Presence", "Running clients", s.getClients)
	add(s, api, "PUT", person+"/clients/{client}", clients, "Presence", "Report that a client runs", s.putClient)
	add(s, api, "DELETE", person+"/clients/{client}", clients, "Presence", "Report that a client has ended", s.deleteClient)

	add(s, api, "GET", person+"/agenda", signedIn, "Agenda", "Appointments and live entries", s.getAgenda)
	add(s, api, "PUT", person+"/agenda/decision", signedIn, "Agenda", "Dismiss an entry for presence, bring it back, or give it another profile", s.putDecision)
	add(s, api, "GET", person+"/calendars", signedIn, "Agenda", "Calendars and how they are doing", s.getCalendars)
	add(s, api, "POST", person+"/calendars", signedIn, "Agenda", "Enter a calendar", s.postCalendar)
	add(s, api, "PUT", person+"/calendars/{calendar}", signedIn, "Agenda", "Change a calendar", s.putCalendar)
	add(s, api, "DELETE", person+"/calendars/{calendar}", signedIn, "Agenda", "Remove a calendar", s.deleteCalendar)
	add(s, api, "PUT", person+"/local-calendars/{name}", clients, "Agenda", "Hand over a calendar that is reached from the person's computer only", s.putLocalCalendar)
	add(s, api, "POST", person+"/calendars/{calendar}/sync", signedIn, "Agenda", "Read a calendar now", s.postCalendarSync)

	add(s, api, "GET", person+"/profiles", signedIn, "Settings", "Offered profiles", s.getProfiles)
	add(s, api, "PUT", person+"/profiles", signedIn, "Settings", "Replace the own profiles", s.putProfiles)
	add(s, api, "GET", person+"/settings", signedIn, "Settings", "Own settings beside the central ones", s.getPersonSettings)
	add(s, api, "PUT", person+"/settings", signedIn, "Settings", "Replace the own settings", s.putPersonSettings)
	add(s, api, "POST", person+"/reset", signedIn, "Settings", "Reset presence management settings of a person", s.postPersonReset)
	add(s, api, "GET", person+"/teams", signedIn, "Settings", "How a person and Microsoft Teams are doing", s.getPersonTeams)
	add(s, api, "DELETE", person+"/teams/account", signedIn, "Settings", "Forget the account with which a person signed in at Microsoft Teams", s.deleteTeamsAccount)
	add(s, api, "GET", person+"/lines", signedIn, "Settings", "Telephone lines of a person, and how they are forwarded", s.getPersonLines)
	add(s, api, "GET", person+"/telephones", signedIn, "Settings", "Desk telephones that show presence, and where they sign in", s.getTelephones)
	add(s, api, "POST", person+"/telephones", signedIn, "Settings", "Add a desk telephone; its password is given out this once", s.postTelephone)
	add(s, api, "DELETE", person+"/telephones/{telephone}", signedIn, "Settings", "Remove a desk telephone", s.deleteTelephone)
	add(s, api, "PUT", person+"/forwarding", signedIn, "Settings", "Forward a telephone line by hand", s.putForwarding)
	add(s, api, "GET", person+"/relationships", signedIn, "Settings", "What others are to a person", s.getRelationships)
	add(s, api, "PUT", person+"/relationships/{viewer}", signedIn, "Settings", "Choose what somebody is to a person", s.putRelationship)
	add(s, api, "GET", person+"/seen", signedIn, "Settings", "Who sees what about a person", s.getSeen)

	add(s, api, "PUT", person+"/claim", origins, "Origins", "Say something about a person", s.putClaim)
	add(s, api, "DELETE", person+"/claim", origins, "Origins", "Take it back", s.deleteClaim)
	add(s, api, "POST", "/claims", origins, "Origins", "Say something about many people at once", s.postClaims)
	add(s, api, "PUT", person+"/lines/{line}", lines, "Origins", "Report what a telephone line is doing", s.putLine)
	add(s, api, "DELETE", person+"/lines/{line}", lines, "Origins", "Report that a line is gone", s.deleteLine)

	add(s, api, "GET", "/locations", locals, "Administration", "Locations", s.getLocations)
	add(s, api, "POST", "/locations", admins, "Administration", "Add a location", s.postLocation)
	add(s, api, "PUT", "/locations/{location}", locals, "Administration", "Change a location", s.putLocation)
	add(s, api, "DELETE", "/locations/{location}", admins, "Administration", "Remove an empty location", s.deleteLocation)
	add(s, api, "POST", "/locations/{location}/duplicate", admins, "Administration", "Duplicate a location: its settings and groups, not its people", s.duplicateLocation)
	add(s, api, "GET", "/groups", locals, "Administration", "Configuration groups", s.getGroups)
	add(s, api, "POST", "/groups", locals, "Administration", "Add a configuration group", s.postGroup)
	add(s, api, "PUT", "/groups/{group}", locals, "Administration", "Change a configuration group", s.putGroup)
	add(s, api, "DELETE", "/groups/{group}", locals, "Administration", "Remove an empty configuration group", s.deleteGroup)
	add(s, api, "GET", "/scopes/{scope}/settings", locals, "Administration", "All settings of a scope", s.getScopeSettings)
	add(s, api, "PUT", "/scopes/{scope}/settings", locals, "Administration", "Change several sections at once, or tell what that would do", s.putSections)
	add(s, api, "PUT", "/scopes/{scope}/settings/{section}", locals, "Administration", "Replace a section", s.putSection)
	add(s, api, "DELETE", "/scopes/{scope}/settings/{section}", locals, "Administration", "Return a section to the default", s.deleteSection)
	add(s, api, "POST", "/scopes/{scope}/individual/{section}", locals, "Administration", "Make a section individual; it starts from the factory defaults", s.postIndividual)
	add(s, api, "POST", "/scopes/{scope}/templates", locals, "Administration", "Add a template", s.postTemplate)
	add(s, api, "PUT", "/scopes/{scope}/templates/{template}", locals, "Administration", "Change a template", s.putTemplate)
	add(s, api, "DELETE", "/scopes/{scope}/templates/{template}", locals, "Administration", "Remove a template", s.deleteTemplate)
	add(s, api, "POST", "/scopes/{scope}/reset", locals, "Administration", "Reset presence management settings of a scope", s.postScopeReset)
	add(s, api, "POST", "/people", locals, "Administration", "Add a person", s.postPerson)
	add(s, api, "POST", "/people/import", locals, "Administration", "Enter a list of people", s.postImport)
	add(s, api, "GET", "/jobs/{job}", locals, "Administration", "How far a job is", s.getJob)
	add(s, api, "GET", "/records", locals, "Administration", "Search people's records", s.getRecords)
	add(s, api, "GET", person+"/record", locals, "Administration", "A person's record", s.getRecord)
	add(s, api, "PUT", person+"/record", locals, "Administration", "Change a person's record", s.putRecord)
	add(s, api, "DELETE", person+"/record", locals, "Administration", "Delete a person and everything about them", s.deleteRecord)
	add(s, api, "POST", person+"/link", locals, "Administration", "Make a link with which somebody sets a password", s.postLink)
	add(s, api, "GET", "/work-groups", locals, "Administration", "Work groups", s.getWorkGroups)
	add(s, api, "POST", "/work-groups", locals, "Administration", "Add a work group", s.postWorkGroup)
	add(s, api, "PUT", "/work-groups/{group}", locals, "Administration", "Change a work group", s.putWorkGroup)
	add(s, api, "DELETE", "/work-groups/{group}", locals, "Administration", "Remove a work group", s.deleteWorkGroup)
	add(s, api, "GET", "/monitoring-groups", locals, "Administration", "Monitoring groups", s.getMonitoringGroups)
	add(s, api, "POST", "/monitoring-groups", locals, "Administration", "Add a monitoring group", s.postMonitoringGroup)
	add(s, api, "PUT", "/monitoring-groups/{group}", locals, "Administration", "Change a monitoring group", s.putMonitoringGroup)
	add(s, api, "DELETE", "/monitoring-groups/{group}", locals, "Administration", "Remove a monitoring group", s.deleteMonitoringGroup)
	add(s, api, "GET", "/connectors", admins, "Administration", "Outside systems, and how they are doing", s.getConnectors)
	add(s, api, "POST", "/connectors", admins, "Administration", "Add an outside system", s.postConnector)
	add(s, api, "PUT", "/connectors/{connector}", admins, "Administration", "Change an outside system", s.putConnector)
	add(s, api, "DELETE", "/connectors/{connector}", admins, "Administration", "Remove an outside system; its people stay", s.deleteConnector)
	add(s, api, "POST", "/connectors/{connector}/check", admins, "Administration", "Try each step that an outside system needs", s.postConnectorCheck)
	add(s, api, "GET", "/connectors/{connector}/scripts", admins, "Administration", "What is run at an outside system to set it up", s.getScripts)
	add(s, api, "GET", "/connectors/{connector}/calendars", admins, "Administration", "How the calendars of a system are doing", s.getConnectorCalendars)
	add(s, api, "GET", "/connectors/{connector}/lines", admins, "Administration", "How the lines of a telephone system are doing", s.getConnectorLines)
	add(s, api, "GET", "/connectors/{connector}/teams", admins, "Administration", "How the people whom an application keeps in step with Microsoft Teams are doing", s.getConnectorTeams)
	add(s, api, "GET", "/scopes/{scope}/systems", locals, "Administration", "Outside systems that the settings of a scope can name", s.getSystems)
	add(s, api, "POST", "/exchange-config", admins, "Administration", "Read a CalendarSyncExchange.config.xml: how changes are heard of", s.postExchangeConfig)
	add(s, api, "POST", "/connectors/{connector}/token", admins, "Administration", "Make the token with which a provider sends its people by SCIM; the one before ends", s.postConnectorToken)
	add(s, api, "POST", "/connectors/{connector}/sync", admins, "Administration", "Have a directory's people follow it", s.postConnectorSync)
	add(s, api, "GET", "/connectors/{connector}/deliveries", admins, "Administration", "The latest calls of a webhook", s.getDeliveries)
	add(s, api, "GET", "/health", admins, "Administration", "How the server and the systems around it are doing", s.getHealth)
	add(s, api, "GET", "/tokens", admins, "Administration", "Tokens", s.getTokens)
	add(s, api, "POST", "/tokens", admins, "Administration", "Make a token", s.postToken)
	add(s, api, "DELETE", "/tokens/{token}", admins, "Administration", "Revoke a token", s.deleteToken)
	add(s, api, "GET", "/audit", locals, "Administration", "The audit log", s.getAudit)
	add(s, api, "GET", "/audit.csv", locals, "Administration", "The audit log for spreadsheets, at most 100,000 entries", s.getAuditTable)
}

// add registers one operation. Its ID is made of method and path, so that it is the same in every generated client.
func add[I, O any](s *Server, api huma.API, method, path string, by who, tag, summary string, h func(context.Context, *I) (*O, error)) {
	op := huma.Operation{
		OperationID: operationID(method, path),
		Method:      method, Path: Prefix + path, Summary: summary, Tags: []string{tag},
		MaxBodyBytes: maxBody(path),
		Metadata:     map[string]any{"who": by},
		Extensions:   map[string]any{"x-who": string(by)},
		Errors:       errorsOf(by),
	}
	if reflect.TypeFor[O]() == reflect.TypeFor[Table]() {
		op.Responses = map[string]*huma.Response{"200": {
			Description: "A table (RFC 4180).", Content: map[string]*huma.MediaType{"text/csv": {Schema: &huma.Schema{Type: "string"}}},
		}}
	}
	if by != anybody {
		op.Security = []map[string][]string{{"session": {}}, {"token": {}}}
	}
	if method == http.MethodDelete {
		op.DefaultStatus = http.StatusNoContent
	}
	if _, ok := any(new(I)).(located); by == locals && !ok {
		panic(op.OperationID + " is for administrators of locations, and its input does not tell which are concerned")
	}
	huma.Register(api, op, func(ctx context.Context, in *I) (*O, error) {
		if err := s.admit(ctx, by, method != http.MethodGet); err != nil {
			return nil, s.problem(ctx, err)
		}
		if by == locals {
			if err := s.admitTo(ctx, any(in).(located).locations(s)); err != nil {
				return nil, s.problem(ctx, err)
			}
		}
		out, err := h(ctx, in)
		if err != nil {
			return nil, s.problem(ctx, err)
		}
		return out, nil
	})
}
