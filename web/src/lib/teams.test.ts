import i18next from 'i18next'
import { beforeAll, describe, expect, it } from 'vitest'
import de from '../messages/de.json'
import en from '../messages/en.json'
import { noticesOf, type PersonTeams, secondsSince, shownWords, signInPath } from './teams'

const i18n = i18next.createInstance()
beforeAll(() =>
  i18n.init({
    lng: 'en',
    resources: { en: { translation: en }, de: { translation: de } },
    interpolation: { escapeValue: false },
  }),
)

const good: PersonTeams = {
  sync: 'telephony_and_status',
  user_may_change: false,
  access: 'application',
  remember: false,
  sign_in_needed: false,
  written: [],
  availability: 'Available',
  activity: 'Available',
}

describe('what Teams shows', () => {
  const shown = (availability: string | undefined, activity?: string, lng = 'en') =>
    shownWords({ availability, activity }, i18n.getFixedT(lng))

  it('is the availability, and the activity where that says more', () => {
    expect(shown('Busy', 'InACall')).toBe('Busy – in a call')
    expect(shown('DoNotDisturb', 'Presenting', 'de')).toBe('Nicht stören – präsentiert')
    expect(shown('Away', 'Away')).toBe('Away')
    expect(shown('Busy')).toBe('Busy')
    expect(shown(undefined, 'InACall')).toBeUndefined()
  })

  it('may be a word that nobody has heard of', () => {
    expect(shown('Sleeping', 'Dreaming')).toBe('Sleeping – Dreaming')
    expect(shown('Busy', 'Focusing', 'de')).toBe('Beschäftigt – Focusing')
  })
})

describe('what somebody should know', () => {
  const said = (part: Partial<PersonTeams>) =>
    noticesOf({ ...good, ...part }, (text) => `<${text}>`, i18n.getFixedT('en')).map((n) => [n.kind, n.text])

  it('is nothing while all is well, or nothing is synchronised', () => {
    expect(said({})).toEqual([])
    expect(said({ sync: 'none', sign_in_needed: true, problem: 'x', availability: 'Offline' })).toEqual([])
  })

  it('names the choice that hides what was written', () => {
    expect(said({ availability: 'Away', hidden: { what: 'call', by: 'Away' } })).toEqual([
      ['hidden', '“Away” was chosen in Teams: your call is not seen there until you reset your status in Teams.'],
    ])
    expect(said({ hidden: { what: 'do_not_disturb', by: 'BeRightBack' } })[0]?.[1]).toContain(
      '“Be right back” was chosen',
    )
  })

  it('asks nobody to reset a status where Teams does not run', () => {
    expect(said({ availability: 'Offline', hidden: { what: 'call', by: 'Offline' } })).toEqual([
      ['hidden', 'Teams does not run for you: your call is not seen there until it does.'],
    ])
    expect(said({ availability: 'PresenceUnknown' }).map(([kind]) => kind)).toEqual(['offline'])
  })

  it('comes with the sign-in first, then what the server says', () => {
    expect(said({ sign_in_needed: true, problem: 'It is over.', availability: 'Offline' })).toEqual([
      ['sign_in', 'Nothing is synchronised until you sign in with Microsoft.'],
      ['problem', '<It is over.>'],
    ])
    expect(said({ sign_in_needed: true, account: 'anna@example.com' })[0]?.[1]).toContain('until you sign in again')
  })
})

it('leads to the sign-in, to be remembered or not', () => {
  expect(signInPath('/accounts/g1/begin?for=teams', true)).toBe('/accounts/g1/begin?for=teams&remember=true')
  expect(signInPath('/accounts/g1/begin?for=teams', false)).toBe('/accounts/g1/begin?for=teams&remember=false')
})

it('counts no seconds that are yet to come', () => {
  const now = new Date('2026-11-24T09:40:00Z')
  expect(secondsSince('2026-11-24T09:39:55.600Z', now)).toBe(4)
  expect(secondsSince('2026-11-24T09:40:03Z', now)).toBe(0)
})
