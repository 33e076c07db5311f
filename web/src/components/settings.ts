import { useQuery } from '@tanstack/react-query'
import { type SettingsInput, settingsQuery, useSettings } from '../api/queries'
import { EVENTS, type PersonSettings } from '../lib/model'

/** What a person has set, in the form of the call that replaces it: leaving something out would reset it. */
export function ownOf(s: PersonSettings): SettingsInput {
  const activation: NonNullable<SettingsInput['activation']> = {}
  for (const e of EVENTS) {
    const own = s.activation[e]?.own
    if (own) activation[e] = own
  }
  return {
    activation,
    calendar: s.calendar.own,
    teams: s.teams.own,
    language: s.language,
    time_zone: s.time_zone || undefined,
  }
}

/** The settings, and a way to change a part of them. */
export function useOwnSettings() {
  const query = useQuery(settingsQuery)
  const save = useSettings()
  const change = (part: (own: SettingsInput) => SettingsInput) => query.data && save.mutate(part(ownOf(query.data)))
  return { query, save, change }
}
