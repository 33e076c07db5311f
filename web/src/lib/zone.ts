/** Civil days in somebody's time zone. All-day entries and the agenda's columns are days of the person's own zone. */

/** A civil day, as in 2026-11-24. */
export type Day = string

const parts = new Map<string, Intl.DateTimeFormat>()

function formatter(zone: string): Intl.DateTimeFormat {
  let f = parts.get(zone)
  if (!f) {
    f = new Intl.DateTimeFormat('en-CA', {
      timeZone: zone,
      hourCycle: 'h23',
      year: 'numeric',
      month: '2-digit',
      day: '2-digit',
      hour: '2-digit',
      minute: '2-digit',
      second: '2-digit',
    })
    parts.set(zone, f)
  }
  return f
}

type Civil = { day: Day; minutes: number }

/** The civil day and the minutes since its midnight, by the clock on the wall. */
export function civil(at: Date, zone: string): Civil {
  const p: Record<string, string> = {}
  for (const { type, value } of formatter(zone).formatToParts(at)) p[type] = value
  return {
    day: `${p.year}-${p.month}-${p.day}`,
    minutes: Number(p.hour) * 60 + Number(p.minute) + Number(p.second) / 60,
  }
}

export function addDays(day: Day, n: number): Day {
  const d = new Date(`${day}T00:00:00Z`)
  d.setUTCDate(d.getUTCDate() + n)
  return d.toISOString().slice(0, 10)
}

/** 0 for Monday to 6 for Sunday. */
export function weekday(day: Day): number {
  return (new Date(`${day}T00:00:00Z`).getUTCDay() + 6) % 7
}

export function weekOf(day: Day): Day {
  return addDays(day, -weekday(day))
}

export function isDay(text: unknown): text is Day {
  return typeof text === 'string' && /^\d{4}-\d\d-\d\d$/.test(text) && !Number.isNaN(Date.parse(`${text}T00:00:00Z`))
}

/**
 * The instant at which the clock on the wall shows minutes after midnight of a day. Where the clock skips that time,
 * the first instant after the gap; where it shows it twice, the first of the two.
 */
export function instant(day: Day, minutes: number, zone: string): Date {
  const wanted = Date.parse(`${day}T00:00:00Z`) + minutes * 60_000
  const shown = (at: number) => {
    const c = civil(new Date(at), zone)
    return Date.parse(`${c.day}T00:00:00Z`) + c.minutes * 60_000
  }
  // Offsets before and after any change of that day.
  const offsets = [wanted - 86_400_000, wanted + 86_400_000].map((at) => shown(at) - at)
  const fits = offsets.map((o) => wanted - o).filter((at) => shown(at) === wanted)
  if (fits.length) return new Date(Math.min(...fits))
  return new Date(wanted - Math.min(...offsets))
}

export function startOf(day: Day, zone: string): Date {
  return instant(day, 0, zone)
}

export function isZone(zone: string): boolean {
  try {
    formatter(zone)
    return true
  } catch {
    return false
  }
}
