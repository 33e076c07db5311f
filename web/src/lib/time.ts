/** Times for people, by Intl only: German has the 24-hour clock, English the one of the browser's own region. */
import { addDays, civil, instant } from './zone'

export type Clock = { locale: string; zone: string }

const cache = new Map<string, Intl.DateTimeFormat>()

function format(c: Clock, name: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = `${c.locale}|${c.zone}|${name}`
  let f = cache.get(key)
  if (!f) {
    f = new Intl.DateTimeFormat(c.locale, { timeZone: c.zone, ...options })
    cache.set(key, f)
  }
  return f
}

/** The locale for times: the language, with the browser's region if that is of the same language. */
export function localeFor(language: string, browser: readonly string[]): string {
  return browser.find((l) => l.toLowerCase().startsWith(language)) ?? (language === 'de' ? 'de-DE' : 'en-GB')
}

export function clockTime(at: Date, c: Clock): string {
  return format(c, 'time', { hour: '2-digit', minute: '2-digit' }).format(at)
}

export function weekdayName(at: Date, c: Clock, width: 'long' | 'short' = 'long'): string {
  return format(c, `weekday-${width}`, { weekday: width }).format(at)
}

export function dayAndMonth(at: Date, c: Clock): string {
  return format(c, 'day', { day: 'numeric', month: 'short' }).format(at)
}

export function longDay(at: Date, c: Clock): string {
  return format(c, 'longday', { weekday: 'long', day: 'numeric', month: 'long', year: 'numeric' }).format(at)
}

export function dayRange(from: Date, to: Date, c: Clock): string {
  return format(c, 'range', { day: 'numeric', month: 'long', year: 'numeric' }).formatRange(from, to)
}

export function dateAndTime(at: Date, c: Clock): string {
  return format(c, 'full', { day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit' }).format(at)
}

/** A day that may be of another year. */
export function dayOfYear(at: Date, c: Clock): string {
  return format(c, 'year', { day: 'numeric', month: 'long', year: 'numeric' }).format(at)
}

/** To the second, for what follows each other closely. */
export function exactTime(at: Date, c: Clock): string {
  return format(c, 'exact', {
    day: 'numeric',
    month: 'short',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
  }).format(at)
}

/** The shortest that says it: the time today, weekday and time within a week, else day and time. */
export function moment(at: Date, now: Date, c: Clock): string {
  const day = civil(at, c.zone).day
  const today = civil(now, c.zone).day
  if (day === today) return clockTime(at, c)
  if (day > addDays(today, -7) && day < addDays(today, 7)) return `${weekdayName(at, c, 'short')} ${clockTime(at, c)}`
  return dateAndTime(at, c)
}

/** The end of something. Midnight belongs to the day before: until 24:00 today, until Thursday, until 3 December. */
export function ending(at: Date, now: Date, c: Clock): string {
  const { day, minutes } = civil(at, c.zone)
  if (minutes !== 0) return moment(at, now, c)
  const today = civil(now, c.zone).day
  const last = addDays(day, -1)
  if (last === today) {
    const time = clockTime(at, c)
    return /^0?0\D00$/.test(time) ? time.replace(/^0?0/, '24') : moment(at, now, c)
  }
  if (last < today) return moment(at, now, c)
  const noon = instant(last, 12 * 60, c.zone)
  return last < addDays(today, 7) ? weekdayName(noon, c, 'short') : dayAndMonth(noon, c)
}

export function interval(from: Date, to: Date | undefined, now: Date, c: Clock): string {
  if (!to) return `${moment(from, now, c)} –`
  const same = civil(from, c.zone).day === civil(to, c.zone).day
  return same ? `${moment(from, now, c)}–${clockTime(to, c)}` : `${moment(from, now, c)} – ${moment(to, now, c)}`
}

/** Quick ends for a choice. Those that are past, or hardly ahead, are not offered. */
export type QuickEnd = { kind: 'minutes'; minutes: number; at: Date } | { kind: 'noon' | 'tomorrow'; at: Date }

export function quickEnds(now: Date, zone: string): QuickEnd[] {
  const { day, minutes } = civil(now, zone)
  const ends: QuickEnd[] = [15, 30, 60].map((m) => ({
    kind: 'minutes',
    minutes: m,
    at: new Date(Math.ceil((now.getTime() + m * 60_000) / 60_000) * 60_000),
  }))
  if (minutes < 12 * 60 - 5) ends.push({ kind: 'noon', at: instant(day, 12 * 60, zone) })
  ends.push({ kind: 'tomorrow', at: instant(addDays(day, 1), 0, zone) })
  return ends
}

/** The value of a datetime-local field, and back. */
export function toField(at: Date, zone: string): string {
  const { day, minutes } = civil(at, zone)
  const m = Math.floor(minutes)
  return `${day}T${String(Math.floor(m / 60)).padStart(2, '0')}:${String(m % 60).padStart(2, '0')}`
}

export function fromField(text: string, zone: string): Date | undefined {
  const m = /^(\d{4}-\d\d-\d\d)T(\d\d):(\d\d)/.exec(text)
  if (!m?.[1]) return undefined
  const at = instant(m[1], Number(m[2]) * 60 + Number(m[3]), zone)
  return Number.isNaN(at.getTime()) ? undefined : at
}

/** A duration in the largest units that matter. */
export function duration(ms: number, locale: string): string {
  const minutes = Math.max(0, Math.round(ms / 60_000))
  const unit = (n: number, u: string) =>
    new Intl.NumberFormat(locale, { style: 'unit', unit: u, unitDisplay: 'short' }).format(n)
  if (minutes < 60) return unit(minutes, 'minute')
  const hours = Math.floor(minutes / 60)
  if (hours >= 24) return unit(Math.floor(hours / 24), 'day')
  return minutes % 60 ? `${unit(hours, 'hour')} ${unit(minutes % 60, 'minute')}` : unit(hours, 'hour')
}
