/** A person and Microsoft Teams: what it shows, in words, and what is to be said about it. Pure. */
import type { TFunction } from 'i18next'
import type { Schemas } from './model'

export type PersonTeams = Schemas['PersonTeams']

/** The words of Teams that have words here. Both sets are open: others are shown as they are. */
const AVAILABILITIES = [
  'Available',
  'AvailableIdle',
  'Away',
  'BeRightBack',
  'Busy',
  'BusyIdle',
  'DoNotDisturb',
  'Offline',
  'OutOfOffice',
  'PresenceUnknown',
] as const
const ACTIVITIES = [
  'InACall',
  'InAConferenceCall',
  'InAMeeting',
  'Presenting',
  'UrgentInterruptionsOnly',
  'OutOfOffice',
  'OffWork',
  'Inactive',
  'AvailableInactive',
] as const

const availabilityWords = (word: string, t: TFunction): string => {
  const known = AVAILABILITIES.find((x) => x === word)
  return known ? t(`teams.availability.${known}`) : word
}

/** What Teams shows, in words: the availability, and the activity where it says more. */
export function shownWords({ availability, activity }: Pick<PersonTeams, 'availability' | 'activity'>, t: TFunction) {
  if (!availability) return undefined
  const first = availabilityWords(availability, t)
  const known = ACTIVITIES.find((x) => x === activity)
  const more = known ? t(`teams.activity.${known}`) : activity && availabilityWords(activity, t)
  return more && more !== first ? `${first} – ${more}` : first
}

/** Nothing of Teams runs for this person, or nobody knows. */
export const runsNot = ({ availability }: Pick<PersonTeams, 'availability'>): boolean =>
  availability === 'Offline' || availability === 'PresenceUnknown'

export type Notice = { kind: 'sign_in' | 'problem' | 'hidden' | 'offline'; text: string }

/**
 * What somebody should know, most urgent first. A call that does not show because Teams does not run is another matter
 * than one that a choice there hides: only that can be reset.
 */
export function noticesOf(teams: PersonTeams, inWords: (text: string) => string, t: TFunction): Notice[] {
  const said: Notice[] = []
  if (teams.sync === 'none') return said
  if (teams.sign_in_needed)
    said.push({ kind: 'sign_in', text: t(teams.account ? 'teams.signInAgain' : 'teams.signInNeeded') })
  if (teams.problem) said.push({ kind: 'problem', text: inWords(teams.problem) })
  if (teams.hidden && !runsNot({ availability: teams.hidden.by }))
    said.push({
      kind: 'hidden',
      text: t(`teams.hidden.${teams.hidden.what}`, { by: availabilityWords(teams.hidden.by, t) }),
    })
  else if (teams.hidden) said.push({ kind: 'hidden', text: t(`teams.hiddenOffline.${teams.hidden.what}`) })
  else if (runsNot(teams) && !teams.sign_in_needed) said.push({ kind: 'offline', text: t('teams.offline') })
  return said
}

/** Where a browser begins to sign in. */
export const signInPath = (path: string, remember: boolean): string => `${path}&remember=${remember}`

/** Seconds since something, by a clock that may be a little behind the server's. */
export const secondsSince = (at: string, now: Date): number =>
  Math.max(0, Math.round((now.getTime() - new Date(at).getTime()) / 1000))
