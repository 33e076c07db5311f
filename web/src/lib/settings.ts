import type { PersonSettings, Schemas } from './model'

/** The settings as they will be once the server has taken what a person sets; what is not named is not set any more. */
export function withOwn(s: PersonSettings, body: Schemas['PersonSettingsInputBody']): PersonSettings {
  const activation = Object.fromEntries(
    Object.entries(s.activation).map(([event, { central }]) => {
      const own = central.user_may_change ? body.activation?.[event] : undefined
      const { user_may_change: _, ...given } = central
      return [event, { central, own, effective: own ?? given }]
    }),
  )
  const { user_may_change, own_calendars: _, method: __, connector: ___, accounts: ____, ...given } = s.calendar.central
  const own = user_may_change ? body.calendar : undefined
  const teams = s.teams.central
  const ownTeams = teams.user_may_change ? body.teams : undefined
  return {
    activation,
    calendar: { central: s.calendar.central, own, effective: own ?? given },
    teams: {
      central: teams,
      own: ownTeams,
      // Without an application nothing is synchronised (TeamsSync in internal/policy/own.go).
      effective: { sync: teams.connector ? (ownTeams ?? teams).sync : 'none' },
    },
    language: body.language,
    time_zone: body.time_zone,
  }
}
