/** Where entries stand in the agenda's grid. Pure: days, minutes and columns in, boxes out. */
import type { Appointment } from './model'
import { addDays, civil, type Day } from './zone'

export type Box = {
  appointment: Appointment
  /** Minutes since midnight, within the day. */
  from: number
  to: number
  /** Column among those that overlap, and how many there are. */
  column: number
  columns: number
  /** It goes on before or after this day. */
  cutBefore: boolean
  cutAfter: boolean
}

/** Sources whose entries stand in no calendar. */
const LIVE = ['teams', 'microphone'] as const

/** The source of an entry that stands in no calendar; undefined: it is of a calendar, or a choice. */
export function liveSource(a: Pick<Appointment, 'ref'>): (typeof LIVE)[number] | undefined {
  const [source] = a.ref.split(/[#/]/)
  return LIVE.find((x) => x === source)
}

/** Entries shorter than this are drawn as long as this, so that their words fit and a finger meets them. */
export const SHORTEST = 25

/** An entry of whole days, or one that covers whole days between its ends. */
export function isAllDay(a: Appointment): boolean {
  return a.all_day === true
}

function span(a: Appointment, zone: string, now: Date) {
  const start = civil(new Date(a.start), zone)
  const begun = new Date(a.start)
  // A running call has no end yet: it is drawn up to now.
  const open = new Date(Math.max(now.getTime(), begun.getTime() + SHORTEST * 60_000))
  const end = civil(a.end ? new Date(a.end) : open, zone)
  return { start, end }
}

export function allDayOn(list: readonly Appointment[], day: Day, zone: string, now: Date): Appointment[] {
  return list.filter((a) => {
    if (!isAllDay(a)) return false
    const { start, end } = span(a, zone, now)
    const last = end.minutes === 0 ? addDays(end.day, -1) : end.day
    return start.day <= day && day <= last
  })
}

export function layOut(list: readonly Appointment[], day: Day, zone: string, now: Date): Box[] {
  const boxes: Box[] = []
  for (const a of list) {
    if (isAllDay(a)) continue
    const { start, end } = span(a, zone, now)
    if (start.day > day || end.day < day || (end.day === day && end.minutes === 0 && start.day !== day)) continue
    const from = start.day < day ? 0 : start.minutes
    const to = end.day > day ? 24 * 60 : Math.max(end.minutes, from)
    boxes.push({
      appointment: a,
      from,
      to: Math.min(24 * 60, Math.max(to, from + SHORTEST)),
      column: 0,
      columns: 1,
      cutBefore: start.day < day,
      cutAfter: end.day > day,
    })
  }
  boxes.sort((a, b) => a.from - b.from || b.to - a.to || a.appointment.ref.localeCompare(b.appointment.ref))
  // Clusters of entries that overlap share the width; within one, each takes the first free column.
  let cluster: Box[] = []
  let until = -1
  const close = () => {
    const columns = 1 + Math.max(-1, ...cluster.map((b) => b.column))
    for (const b of cluster) b.columns = columns
    cluster = []
  }
  for (const b of boxes) {
    if (b.from >= until) {
      close()
      until = -1
    }
    const taken = new Set(cluster.filter((x) => x.to > b.from).map((x) => x.column))
    while (taken.has(b.column)) b.column++
    cluster.push(b)
    until = Math.max(until, b.to)
  }
  close()
  return boxes
}
