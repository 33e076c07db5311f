import { describe, expect, it } from 'vitest'
import { clockTime, ending, fromField, interval, localeFor, moment, quickEnds, toField } from './time'

const de = { locale: 'de-DE', zone: 'Europe/Berlin' }
const en = { locale: 'en-US', zone: 'Europe/Berlin' }
const at = (text: string) => new Date(text)
const plain = (text: string) => text.replace(/\u202f|\u00a0/g, ' ') // Intl puts narrow spaces before AM and PM
const now = at('2026-11-24T09:14:00Z')

describe('times', () => {
  it('have 24 hours in German, and the habit of the region in English', () => {
    expect(clockTime(at('2026-11-24T13:05:00Z'), de)).toBe('14:05')
    expect(plain(clockTime(at('2026-11-24T13:05:00Z'), en))).toBe('02:05 PM')
  })

  it('say no more than needed', () => {
    expect(moment(at('2026-11-24T13:05:00Z'), now, de)).toBe('14:05')
    expect(moment(at('2026-11-25T07:00:00Z'), now, de)).toBe('Mi 08:00')
    expect(moment(at('2026-12-24T07:00:00Z'), now, de)).toBe('24. Dez., 08:00')
    expect(interval(at('2026-11-24T09:00:00Z'), at('2026-11-24T10:00:00Z'), now, de)).toBe('10:00–11:00')
    expect(interval(at('2026-11-24T09:00:00Z'), undefined, now, de)).toBe('10:00 –')
  })

  it('count midnight, as an end, to the day before', () => {
    const gb = { ...en, locale: 'en-GB' }
    expect(ending(at('2026-11-24T13:05:00Z'), now, de)).toBe('14:05')
    expect(ending(at('2026-11-24T23:00:00Z'), now, de)).toBe('24:00')
    expect(plain(ending(at('2026-11-24T23:00:00Z'), now, en))).toBe('Wed 12:00 AM')
    expect(ending(at('2026-11-26T23:00:00Z'), now, gb)).toBe('Thu')
    expect(ending(at('2026-12-03T23:00:00Z'), now, gb)).toBe('3 Dec')
    expect(ending(at('2026-11-24T23:00:00Z'), at('2026-11-25T09:00:00Z'), de)).toBe('00:00')
  })

  it('take the region of the browser where the language fits', () => {
    expect(localeFor('de', ['en-US', 'de-AT'])).toBe('de-AT')
    expect(localeFor('de', ['en-US'])).toBe('de-DE')
    expect(localeFor('en', ['de-DE'])).toBe('en-GB')
  })
})

describe('quickEnds', () => {
  it('offers noon in the morning only', () => {
    expect(quickEnds(now, 'Europe/Berlin').map((q) => q.kind)).toEqual([
      'minutes',
      'minutes',
      'minutes',
      'noon',
      'tomorrow',
    ])
    expect(quickEnds(at('2026-11-24T12:00:00Z'), 'Europe/Berlin').map((q) => q.kind)).not.toContain('noon')
  })

  it('ends tomorrow at midnight of the own zone', () => {
    expect(quickEnds(now, 'Europe/Berlin').at(-1)?.at.toISOString()).toBe('2026-11-24T23:00:00.000Z')
  })
})

describe('a field for a time', () => {
  it('goes there and back', () => {
    expect(toField(now, 'Europe/Berlin')).toBe('2026-11-24T10:14')
    expect(fromField('2026-11-24T10:14', 'Europe/Berlin')?.toISOString()).toBe(now.toISOString())
    expect(fromField('', 'Europe/Berlin')).toBeUndefined()
  })
})
