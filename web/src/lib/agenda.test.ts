import { describe, expect, it } from 'vitest'
import { allDayOn, layOut, liveSource } from './agenda'
import type { Appointment } from './model'

const zone = 'Europe/Berlin'
const now = new Date('2026-11-24T09:30:00Z')
const entry = (ref: string, start: string, end?: string, more?: Partial<Appointment>): Appointment => ({
  ref,
  start: `2026-11-${start}:00Z`,
  end: end && `2026-11-${end}:00Z`,
  show_as: 'busy',
  status: 'busy',
  counts: true,
  ...more,
})

describe('layOut', () => {
  it('gives entries that overlap columns of their own, and others the whole width', () => {
    const boxes = layOut(
      [
        entry('a', '24T09:00', '24T10:00'),
        entry('b', '24T09:30', '24T10:30'),
        entry('c', '24T10:00', '24T11:00'),
        entry('d', '24T12:00', '24T13:00'),
      ],
      '2026-11-24',
      zone,
      now,
    )
    expect(boxes.map((b) => [b.appointment.ref, b.column, b.columns])).toEqual([
      ['a', 0, 2],
      ['b', 1, 2],
      ['c', 0, 2],
      ['d', 0, 1],
    ])
    expect(boxes[0]).toMatchObject({ from: 600, to: 660 })
  })

  it('cuts what goes over midnight', () => {
    const night = entry('n', '24T22:00', '25T01:00')
    expect(layOut([night], '2026-11-24', zone, now)[0]).toMatchObject({ from: 1380, to: 1440, cutAfter: true })
    expect(layOut([night], '2026-11-25', zone, now)[0]).toMatchObject({ from: 0, to: 120, cutBefore: true })
    expect(layOut([entry('m', '24T21:00', '24T23:00')], '2026-11-25', zone, now)).toEqual([])
  })

  it('draws a running call up to now', () => {
    expect(layOut([entry('call', '24T08:30')], '2026-11-24', zone, now)[0]).toMatchObject({ from: 570, to: 630 })
  })

  it('keeps whole days apart, each on its own days', () => {
    const holiday = entry('h', '23T23:00', '25T23:00', { all_day: true })
    expect(layOut([holiday], '2026-11-24', zone, now)).toEqual([])
    expect(allDayOn([holiday], '2026-11-24', zone, now)).toHaveLength(1)
    expect(allDayOn([holiday], '2026-11-25', zone, now)).toHaveLength(1)
    expect(allDayOn([holiday], '2026-11-26', zone, now)).toEqual([])
  })
})

it('knows the entries that stand in no calendar', () => {
  expect(
    ['teams#call', 'microphone#zoom-1', 'calendar#work-1', 'hand#timed', 'teamspeak#1'].map((ref) =>
      liveSource({ ref }),
    ),
  ).toEqual(['teams', 'microphone', undefined, undefined, undefined])
})
