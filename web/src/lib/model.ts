/** The words of the contract, so that the rest of the client names them in one place. */
import type { components } from '../api/schema'

export type Schemas = components['schemas']
export type Presence = Schemas['Presence']
export type PresenceLine = Schemas['PresenceLine']
export type Card = Schemas['Card']
export type Status = NonNullable<Presence['status']>
export type Appointment = Schemas['Appointment']
export type ShowAs = Appointment['show_as']
export type Profile = Schemas['Profile']
export type Template = Schemas['Template']
export type Forwarding = Schemas['Forwarding']
export type Explanation = Schemas['Explanation']
export type Reason = Schemas['Reason']
export type Coming = Schemas['Coming']
export type Outcome = Reason['outcome']
export type Level = Schemas['SeenBy']['level']
export type Me = Schemas['Me']
export type Team = Schemas['Team']
export type CalendarOptions = Schemas['CalendarOptions']
export type Profiles = Schemas['Profiles']
export type PersonSettings = Schemas['PersonSettings']

export const STATUSES = [
  'available',
  'be_right_back',
  'busy',
  'do_not_disturb',
  'unavailable',
  'logged_out',
] as const satisfies readonly Status[]

export const LEVELS = [
  'assistant_plus',
  'assistant',
  'team_colleague',
  'employee',
  'external',
  'unknown',
  'blocked',
] as const satisfies readonly Level[]

export const EVENTS = ['start', 'end', 'inactivity', 'lock'] as const
export type EventName = (typeof EVENTS)[number]

export const SHOW_AS = [
  'busy',
  'out_of_office',
  'tentative',
  'working_elsewhere',
] as const satisfies CalendarOptions['show_as']

/** The rights of a card; the table itself is internal/rights/table.go, and the server applies it. */
export type Right =
  | 'name'
  | 'private_numbers'
  | 'status'
  | 'text'
  | 'line'
  | 'other_party'
  | 'forwarding'
  | 'times'
  | 'subject'
  | 'own'

export function mayRead(card: Pick<Card, 'may'> | undefined, right: Right): boolean {
  const access = card?.may[right]
  return access === 'read' || access === 'write'
}

export function mayWrite(card: Pick<Card, 'may'> | undefined, right: Right): boolean {
  return card?.may[right] === 'write'
}

/** Who may ask why (MayExplain in internal/rights/explanation.go). */
export function mayExplain(card: Pick<Card, 'may'> | undefined): boolean {
  return mayRead(card, 'text') && mayRead(card, 'times')
}

/** What a line does beside the status; idle and unknown are nothing to show. */
export function lineShown(p: Presence | undefined): 'ringing' | 'on_the_phone' | undefined {
  const state = p?.off ? undefined : p?.line?.state
  return state === 'ringing' || state === 'on_the_phone' ? state : undefined
}

/** available and logged_out can never be taken from people (Permits in internal/policy/settings.go). */
export function permittedStatuses(permitted: Profiles['permitted'] | undefined): Status[] {
  return STATUSES.filter((s) => s === 'available' || s === 'logged_out' || !permitted || permitted.includes(s))
}

export type SectionName = Schemas['Section']['name']
export type Location = Schemas['Location']
export type Group = Schemas['Group']
export type EventRule = Schemas['EventRule']
export type PersonRecord = Schemas['PersonRecord']
export type GroupLevel = Schemas['WorkGroup']['level']
export type AuditEntry = Schemas['AuditEntry']

/** In the order of policy.Sections (internal/policy/settings.go). */
export const SECTIONS = [
  'feature',
  'templates',
  'own_profiles',
  'activation',
  'calendar',
  'teams',
  'telephony',
  'microphone',
  'relationships',
] as const satisfies readonly SectionName[]

/** What a group may make people to one another: everything but to block them. */
export const GROUP_LEVELS = LEVELS.filter((l): l is GroupLevel => l !== 'blocked')

/** Which statuses a scope may keep from people (P8); the other two are always theirs. */
export const WITHHELD = ['be_right_back', 'busy', 'do_not_disturb', 'unavailable'] as const satisfies readonly Status[]

/** How the calendars of a scope are reached (C1). */
export const CALENDAR_METHODS = ['local', 'central'] as const satisfies readonly Schemas['CalendarSection']['method'][]

export type TeamsSync = Schemas['Teams']['sync']
export type TeamsAccess = Schemas['Teams']['access']
export type Program = Schemas['Program']

/** What is synchronised with Microsoft Teams (T1), from nothing to everything. */
export const TEAMS_SYNC = ['none', 'telephony', 'telephony_and_status'] as const satisfies readonly TeamsSync[]

/** By whose permission Teams is read and written (T4). */
export const TEAMS_ACCESS = ['application', 'delegated'] as const satisfies readonly TeamsAccess[]

export const ROLES = ['user', 'location_admin', 'admin'] as const satisfies readonly Me['role'][]

export const TOKEN_SCOPES = ['claims', 'lines', 'read', 'admin'] as const satisfies Schemas['Token']['scopes']

/** Whose navigation has the administration in it. What they may do there is for the server to say. */
export const administers = (role: Me['role']) => role === 'admin' || role === 'location_admin'

/** Whether a role administers everything, and not single locations. */
export const administersAll = (role: Me['role']) => role === 'admin'
