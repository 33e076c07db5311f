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
