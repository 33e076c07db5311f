import { useTranslation } from 'react-i18next'
import { liveSource } from '../lib/agenda'
import type { Appointment } from '../lib/model'
import { shipped } from '../lib/shipped'
import { clockTime } from '../lib/time'
import { civil, type Day } from '../lib/zone'
import { useClock, useNow } from './session'

/** What an entry is called: its subject, else its profile, else how it shows. */
export function useTitleOf(): (a: Appointment) => string {
  const { t } = useTranslation()
  return (a) =>
    // What people write is left alone; of live entries the server says what they are.
    (liveSource(a) ? shipped(a.subject ?? '', t) : a.subject) ||
    (a.private ? t('agenda.private') : '') ||
    // Who may not see more is told where it is from: the profile may be that of any appointment.
    (liveSource(a) === 'teams' ? t('cause.teams') : '') ||
    shipped(a.profile ?? '', t) ||
    t(`showAs.${a.show_as}`)
}

/** One entry in a short list of one day. */
export function AppointmentRow({ a, day }: { a: Appointment; day: Day }) {
  const { t } = useTranslation()
  const clock = useClock()
  const now = useNow()
  const title = useTitleOf()
  const from = new Date(a.start)
  const to = a.end ? new Date(a.end) : undefined
  const running = from <= now && (!to || now < to)
  // Without an end it goes on until it ends by itself.
  const open = !to && !a.all_day
  const begins = civil(from, clock.zone).day < day ? '…' : clockTime(from, clock)
  const ends = !to ? '' : civil(to, clock.zone).day > day ? '…' : clockTime(to, clock)
  return (
    <li className={`row-appointment${running ? ' running' : ''}${a.dismissed ? ' dismissed' : ''}`}>
      <span className="row-time">
        {a.all_day ? t('agenda.allDay') : open ? t('presence.sinceShort', { at: begins }) : `${begins}–${ends}`}
      </span>
      <span className="row-mark" style={{ background: `var(--st-${a.status}-edge)` }} aria-hidden="true" />
      <span className="row-title">
        {title(a)}
        {running && <span className="hidden"> ({t('agenda.now')})</span>}
      </span>
    </li>
  )
}
