import { describe, expect, it } from 'vitest'
import { addDays, civil, instant, isDay, isZone, startOf, weekOf } from './zone'

const berlin = 'Europe/Berlin'

describe('civil days', () => {
  it('follow the zone, not the browser', () => {
    expect(civil(new Date('2026-11-24T23:30:00Z'), berlin)).toEqual({ day: '2026-11-25', minutes: 30 })
    expect(startOf('2026-11-25', berlin).toISOString()).toBe('2026-11-24T23:00:00.000Z')
    expect(startOf('2026-07-01', berlin).toISOString()).toBe('2026-06-30T22:00:00.000Z')
  })

  it('survive the change to summer time and back', () => {
    expect(startOf('2026-03-29', berlin).toISOString()).toBe('2026-03-28T23:00:00.000Z')
    expect(startOf('2026-03-30', berlin).toISOString()).toBe('2026-03-29T22:00:00.000Z')
    // 02:30 does not exist that night, and exists twice in autumn.
    expect(instant('2026-03-29', 150, berlin).toISOString()).toBe('2026-03-29T01:30:00.000Z')
    expect(instant('2026-10-25', 150, berlin).toISOString()).toBe('2026-10-25T00:30:00.000Z')
  })

  it('count in weeks from Monday', () => {
    expect(weekOf('2026-11-29')).toBe('2026-11-23')
    expect(weekOf('2026-11-23')).toBe('2026-11-23')
    expect(addDays('2026-12-31', 1)).toBe('2027-01-01')
  })

  it('are checked when they come from the address bar', () => {
    expect(isDay('2026-11-24')).toBe(true)
    expect(isDay('2026-13-45')).toBe(false)
    expect(isDay(20261124)).toBe(false)
    expect(isZone('Europe/Berlin')).toBe(true)
    expect(isZone('Berlin')).toBe(false)
  })
})
