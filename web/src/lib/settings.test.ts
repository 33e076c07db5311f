import { expect, it } from 'vitest'
import { ownOf } from '../components/settings'
import type { CalendarOptions, PersonSettings } from './model'
import { withOwn } from './settings'

const options: CalendarOptions = {
  days_ahead: 30,
  profile: 'appointment',
  subject_as_text: false,
  show_as: ['busy'],
  all_day: true,
  category_profiles: true,
  only_with_category: false,
}
const on = { on: true, profile: 'available' }
const central: PersonSettings = {
  activation: {
    start: { central: { ...on, user_may_change: true }, effective: on },
    end: { central: { ...on, user_may_change: false }, effective: on },
  },
  calendar: {
    central: { ...options, user_may_change: true, method: 'local', own_calendars: true },
    effective: options,
  },
  teams: {
    central: {
      sync: 'telephony',
      user_may_change: true,
      access: 'application',
      remember: false,
      keep_minutes: 10,
      connector: 'g1',
    },
    effective: { sync: 'telephony' },
  },
}

it('has a second change build on the first one before the server has answered', () => {
  const first = withOwn(central, { ...ownOf(central), calendar: { ...options, days_ahead: 7 } })
  expect(first.calendar.effective.days_ahead).toBe(7)
  const second = withOwn(first, { ...ownOf(first), activation: { start: { on: false, profile: 'available' } } })
  expect(second.calendar.own?.days_ahead).toBe(7)
  expect(second.activation.start?.effective.on).toBe(false)
})

it('returns to the central values when own ones are taken away', () => {
  const own = withOwn(central, { calendar: { ...options, days_ahead: 7 }, language: 'de' })
  expect(withOwn(own, {})).toEqual(withOwn(central, {}))
  expect(withOwn(own, {}).calendar.effective).toEqual(options)
})

it('leaves alone what only the administrator may change', () => {
  expect(withOwn(central, { activation: { end: { on: false, profile: 'x' } } }).activation.end?.effective).toEqual(on)
})

it('has nothing synchronised with Teams where there is no application, whatever somebody wants', () => {
  const own = withOwn(central, { ...ownOf(central), teams: { sync: 'telephony_and_status' } })
  expect(own.teams).toMatchObject({
    own: { sync: 'telephony_and_status' },
    effective: { sync: 'telephony_and_status' },
  })
  // What is not changed is sent again, or it would be reset.
  expect(ownOf(own).teams).toEqual({ sync: 'telephony_and_status' })
  const teams = { ...central.teams.central, connector: undefined }
  expect(withOwn({ ...own, teams: { ...own.teams, central: teams } }, ownOf(own)).teams.effective.sync).toBe('none')
  const fixed = { ...central.teams.central, user_may_change: false }
  expect(withOwn({ ...own, teams: { ...own.teams, central: fixed } }, ownOf(own)).teams).toEqual({
    central: fixed,
    own: undefined,
    effective: { sync: 'telephony' },
  })
})
