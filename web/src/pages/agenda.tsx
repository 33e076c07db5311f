import './agenda.css'
import {
  Button,
  Field,
  Popover,
  PopoverSurface,
  PopoverTrigger,
  Select,
  Tab,
  TabList,
  Tooltip,
} from '@fluentui/react-components'
import {
  ArrowUndo20Regular,
  CalendarCancel20Regular,
  ChevronLeft20Regular,
  ChevronRight20Regular,
  LockClosed12Regular,
  Open20Regular,
} from '@fluentui/react-icons'
import { useQuery } from '@tanstack/react-query'
import { useNavigate, useParams, useSearch } from '@tanstack/react-router'
import { type ReactElement, useEffect, useLayoutEffect, useRef, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { useWatch } from '../api/live'
import { personQuery, profilesQuery, useDecision } from '../api/queries'
import { useTitleOf } from '../components/AppointmentRow'
import { useProblemText } from '../components/problem'
import { useClock, useMe, useNow } from '../components/session'
import { QueryTrouble } from '../components/trouble'
import { useAgenda } from '../components/use-agenda'
import { allDayOn, type Box, layOut, liveSource } from '../lib/agenda'
import { type Appointment, type Card, mayRead, mayWrite } from '../lib/model'
import type { AgendaSearch } from '../lib/search'
import { shipped } from '../lib/shipped'
import { clockTime, dayRange, duration, interval, longDay, moment, weekdayName } from '../lib/time'
import { addDays, civil, type Day, instant, startOf, weekOf } from '../lib/zone'
import { Empty, Page, Trouble, useTitle } from '../ui/parts'
import { PhoneMark, StatusShape } from '../ui/StatusShape'

/** Pixels of an hour. */
const HOUR = 54
const HOURS = Array.from({ length: 23 }, (_, i) => i + 1)

export function OwnAgendaPage() {
  const me = useMe()
  const search = useSearch({ from: '/app/agenda' })
  return <Agenda card={me.person} self search={search} />
}

export function PersonAgendaPage() {
  const { person } = useParams({ from: '/app/people/$person/agenda' })
  const search = useSearch({ from: '/app/people/$person/agenda' })
  const { t } = useTranslation()
  const me = useMe()
  const query = useQuery(personQuery(person))
  useWatch(query.data ? [query.data.id] : [])
  if (query.error) return <QueryTrouble error={query.error} again={() => void query.refetch()} />
  if (!query.data) return null
  if (!mayRead(query.data, 'times')) {
    return (
      <Page title={t('agenda.of', { name: query.data.name })}>
        <Empty title={t('agenda.forbidden', { name: query.data.name })} />
      </Page>
    )
  }
  return <Agenda card={query.data} self={query.data.id === me.person.id} search={search} />
}

function Agenda({ card, self, search }: { card: Card; self: boolean; search: AgendaSearch }) {
  const { t } = useTranslation()
  const clock = useClock()
  const now = useNow()
  const navigate = useNavigate()
  const today = civil(now, clock.zone).day
  const narrow = useNarrow()
  const view = search.view ?? (narrow ? 'day' : 'week')
  const day = search.day ?? today
  const first = view === 'week' ? weekOf(day) : day
  const count = view === 'week' ? 7 : 1
  const days = Array.from({ length: count }, (_, i) => addDays(first, i))
  const from = startOf(first, clock.zone)
  const to = startOf(addDays(first, count), clock.zone)
  const query = useAgenda(self ? 'me' : card.id, card.id, from, to)
  const list = query.data?.appointments ?? []
  const go = (s: AgendaSearch) => void navigate({ to: '.', search: (old) => ({ ...old, ...s }), replace: true })
  const title = self ? t('nav.agenda') : t('agenda.of', { name: card.name })
  useTitle(title)

  const step = (n: number) => go({ day: addDays(day, n * count) })
  useEffect(() => {
    const keys = (e: KeyboardEvent) => {
      const el = e.target as HTMLElement
      if (
        e.ctrlKey ||
        e.metaKey ||
        e.altKey ||
        el.closest('input, select, textarea, [role="tab"], [role="dialog"], .fui-PopoverSurface')
      )
        return
      switch (e.key) {
        case 'ArrowLeft':
          step(-1)
          break
        case 'ArrowRight':
          step(1)
          break
        case 't':
          go({ day: undefined })
          break
        case 'd':
          go({ view: 'day' })
          break
        case 'w':
          go({ view: 'week' })
          break
        default:
          return
      }
      e.preventDefault()
    }
    document.addEventListener('keydown', keys)
    return () => document.removeEventListener('keydown', keys)
  })

  const noon = (d: Day) => instant(d, 12 * 60, clock.zone)
  return (
    <div className="page wide agenda">
      <header className="page-head">
        <div>
          <h1 tabIndex={-1}>{title}</h1>
          <p className="agenda-span" aria-live="polite">
            {view === 'week' ? dayRange(noon(first), noon(addDays(first, 6)), clock) : longDay(noon(day), clock)}
          </p>
        </div>
        <div className="agenda-go">
          <Button icon={<ChevronLeft20Regular />} aria-label={t('agenda.previous')} onClick={() => step(-1)} />
          <Button onClick={() => go({ day: undefined })} disabled={days.includes(today)}>
            {t('agenda.today')}
          </Button>
          <Button icon={<ChevronRight20Regular />} aria-label={t('agenda.next')} onClick={() => step(1)} />
          <TabList
            selectedValue={view}
            onTabSelect={(_e, d) => go({ view: d.value as 'day' | 'week' })}
            aria-label={t('agenda.view')}
            size="small"
          >
            <Tab value="day">{t('agenda.day')}</Tab>
            <Tab value="week">{t('agenda.week')}</Tab>
          </TabList>
        </div>
      </header>
      <p className="hidden">{t('agenda.keys')}</p>
      {query.error && <QueryTrouble error={query.error} again={() => void query.refetch()} />}
      <Grid days={days} list={list} card={card} self={self} today={today} />
    </div>
  )
}

function useNarrow(): boolean {
  const [narrow, setNarrow] = useState(() => matchMedia('(max-width: 640px)').matches)
  useEffect(() => {
    const m = matchMedia('(max-width: 640px)')
    const tell = () => setNarrow(m.matches)
    m.addEventListener('change', tell)
    return () => m.removeEventListener('change', tell)
  }, [])
  return narrow
}

function Grid({
  days,
  list,
  card,
  self,
  today,
}: {
  days: Day[]
  list: Appointment[]
  card: Card
  self: boolean
  today: Day
}) {
  const { t } = useTranslation()
  const clock = useClock()
  const now = useNow()
  const scroller = useRef<HTMLElement>(null)
  const minutes = civil(now, clock.zone).minutes
  const start = useRef(minutes)

  // Opens where the day is: with the working day, or around now where that would be out of sight. Later the person
  // scrolls.
  const shown = days.includes(today) ? start.current : 12 * 60
  const first = useRef(Math.max(0, Math.min(shown - 90, Math.max(8 * 60 - 15, shown - 5 * 60))))
  useLayoutEffect(() => {
    const el = scroller.current
    if (el) el.scrollTop = first.current * (HOUR / 60)
  }, [])

  const whole = days.map((d) => allDayOn(list, d, clock.zone, now))
  const columns = { gridTemplateColumns: `56px repeat(${days.length}, minmax(0, 1fr))` }
  return (
    <section className="time-grid" aria-label={t('agenda.grid')}>
      <div className="days" style={columns}>
        <span />
        {days.map((d) => {
          const at = instant(d, 12 * 60, clock.zone)
          return (
            <span
              key={d}
              className={d === today ? 'day-name today' : 'day-name'}
              aria-current={d === today ? 'date' : undefined}
            >
              {weekdayName(at, clock, days.length > 1 ? 'short' : 'long')} <b>{Number(d.slice(8))}</b>
            </span>
          )
        })}
      </div>
      {whole.some((w) => w.length > 0) && (
        <div className="whole" style={columns}>
          <span className="hour-name">{t('agenda.allDay')}</span>
          {whole.map((entries, i) => (
            <div key={days[i]} className="whole-day">
              {entries.map((a) => (
                <Entry key={a.ref} a={a} card={card} self={self} day={days[i] ?? ''} className="box whole-box" />
              ))}
            </div>
          ))}
        </div>
      )}
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a part of a page that scrolls must be reached by keyboard */}
      <section className="hours" ref={scroller} tabIndex={0} aria-label={t('agenda.hours')}>
        <div className="hours-in" style={{ ...columns, height: 24 * HOUR }}>
          <div className="hour-names" aria-hidden="true">
            {HOURS.map((h) => (
              <span key={h} className="hour-name" style={{ top: h * HOUR }}>
                {clockTime(instant(today, h * 60, clock.zone), clock)}
              </span>
            ))}
          </div>
          {days.map((d) => (
            <div key={d} className={d === today ? 'column today' : 'column'}>
              {layOut(list, d, clock.zone, now).map((b) => (
                <Placed key={b.appointment.ref} box={b} card={card} self={self} day={d} />
              ))}
              {d === today && (
                <div className="now-line" style={{ top: (minutes * HOUR) / 60 }}>
                  <span className="hidden">{t('agenda.now')}</span>
                </div>
              )}
            </div>
          ))}
        </div>
      </section>
    </section>
  )
}

function Placed({ box, card, self, day }: { box: Box; card: Card; self: boolean; day: Day }) {
  const width = 100 / box.columns
  return (
    <Entry
      a={box.appointment}
      card={card}
      self={self}
      day={day}
      className={`box${box.to - box.from <= 35 ? ' short' : box.to - box.from < 58 ? ' middle' : ''}${box.cutBefore ? ' cut-before' : ''}${box.cutAfter ? ' cut-after' : ''}`}
      style={{
        top: (box.from * HOUR) / 60 + 1,
        height: ((box.to - box.from) * HOUR) / 60 - 3,
        left: `${box.column * width}%`,
        width: `calc(${width}% - 3px)`,
      }}
    />
  )
}

function Entry({
  a,
  card,
  self,
  day,
  className,
  style,
}: {
  a: Appointment
  card: Card
  self: boolean
  day: Day
  className: string
  style?: React.CSSProperties
}) {
  const { t } = useTranslation()
  const clock = useClock()
  const now = useNow()
  const title = useTitleOf()
  const [open, setOpen] = useState(false)
  // Beside an entry as wide as the page there is no room.
  const wide = useSearch({ strict: false }).view === 'day' || a.all_day || matchMedia('(max-width: 640px)').matches
  const from = new Date(a.start)
  const to = a.end ? new Date(a.end) : undefined
  const over = to ? to <= now : false
  const profile = shipped(a.profile ?? '', t)
  // Whether an entry counts is for team colleagues and closer ones; others only see that it is there.
  const told = mayRead(card, 'text')
  const quiet = told && (a.dismissed || !a.counts)
  const times = a.all_day
    ? t('agenda.allDay')
    : to
      ? `${clockTime(from, clock)}–${clockTime(to, clock)}`
      : t('presence.since', { at: moment(from, now, clock) })
  const live = liveSource(a)
  const running = live && !to
  const label = [
    title(a),
    times,
    running && t('agenda.running'),
    profile,
    t(`status.${a.status}`),
    told && a.dismissed && t('agenda.dismissed'),
  ]
    .filter(Boolean)
    .join(', ')
  return (
    <Popover
      open={open}
      onOpenChange={(_e, d) => setOpen(d.open)}
      trapFocus
      positioning={wide ? 'below-start' : 'after'}
    >
      <PopoverTrigger disableButtonEnhancement>
        <button
          type="button"
          className={`${className}${quiet ? ' quiet-box' : ''}${a.dismissed ? ' dismissed' : ''}${over ? ' over' : ''}${running ? ' live' : ''}${a.show_as === 'tentative' ? ' tentative' : ''}`}
          data-day={day}
          aria-label={label}
          style={{
            ...style,
            ['--tint' as string]: `var(--st-${a.status}-tint)`,
            ['--on' as string]: `var(--st-${a.status}-onTint)`,
            ['--edge' as string]: `var(--st-${a.status}-edge)`,
          }}
        >
          <span className="box-title">
            {a.private && <LockClosed12Regular aria-hidden="true" />}
            {live === 'teams' && <PhoneMark size={12} />}
            {title(a)}
          </span>
          {!a.all_day && <span className="box-time">{times}</span>}
          {profile && profile !== title(a) && <span className="box-profile">{profile}</span>}
        </button>
      </PopoverTrigger>
      <PopoverSurface aria-label={t('agenda.details')} className="entry">
        <Details a={a} card={card} self={self} onDone={() => setOpen(false)} />
      </PopoverSurface>
    </Popover>
  )
}

function Details({ a, card, self, onDone }: { a: Appointment; card: Card; self: boolean; onDone: () => void }) {
  const { t } = useTranslation()
  const clock = useClock()
  const now = useNow()
  const title = useTitleOf()
  const say = useProblemText()
  const person = self ? 'me' : card.id
  const may = mayWrite(card, 'status')
  const decide = useDecision(person)
  const { data: profiles } = useQuery({ ...profilesQuery(person), enabled: may })
  const source = a.ref.split(/[#/]/)[0]
  const live = liveSource(a)
  const chosen = source === 'hand' || source === 'assistant'
  const over = a.end ? new Date(a.end) <= now : false
  const told = mayRead(card, 'text')
  const reason = !may
    ? t('agenda.cannotOther', { name: card.name })
    : chosen
      ? t('agenda.cannotChoice')
      : over
        ? t('agenda.cannotPast')
        : undefined
  const facts: [string, string | ReactElement | undefined][] = [
    [
      t('agenda.when'),
      a.all_day
        ? t('agenda.allDay')
        : live && !a.end
          ? t('presence.sinceFor', {
              at: moment(new Date(a.start), now, clock),
              for: duration(now.getTime() - new Date(a.start).getTime(), clock.locale),
            })
          : interval(new Date(a.start), a.end ? new Date(a.end) : undefined, now, clock),
    ],
    // Only calendars say how an entry is to show.
    [t('agenda.showAs'), chosen ? t('agenda.timedChoice') : live ? undefined : t(`showAs.${a.show_as}`)],
    [
      t('agenda.presence'),
      <span className="entry-status" key="s">
        <StatusShape status={a.status} size={14} /> {t(`status.${a.status}`)}
        {a.profile && ` – ${shipped(a.profile, t)}`}
      </span>,
    ],
    [t('agenda.from'), a.calendar ?? (live ? t(`cause.${live}`) : undefined)],
    [t('agenda.seen'), a.seen_at ? moment(new Date(a.seen_at), now, clock) : undefined],
    [t('agenda.reminder'), a.reminder_minutes ? t('agenda.reminderMinutes', { count: a.reminder_minutes }) : undefined],
  ]
  return (
    <div className="stack">
      <h3>{title(a)}</h3>
      <dl>
        {facts.map(
          ([name, value]) =>
            value && (
              <div key={name}>
                <dt>{name}</dt>
                <dd>{value}</dd>
              </div>
            ),
        )}
      </dl>
      {told && a.dismissed && <p className="note">{t('agenda.dismissed')}</p>}
      {told && !a.counts && !a.dismissed && <p className="note">{t('agenda.notCounted')}</p>}
      {decide.error && <Trouble>{say(decide.error)}</Trouble>}
      <div className="row">
        <Tooltip content={reason ?? ''} relationship="description" visible={reason ? undefined : false}>
          <Button
            disabledFocusable={!!reason || decide.isPending}
            icon={a.dismissed ? <ArrowUndo20Regular /> : <CalendarCancel20Regular />}
            onClick={() => !reason && decide.mutate({ ref: a.ref, dismissed: !a.dismissed }, { onSuccess: onDone })}
          >
            {a.dismissed ? t('agenda.restore') : t('agenda.dismiss')}
          </Button>
        </Tooltip>
        {a.url && (
          <Button as="a" href={a.url} target="_blank" rel="noreferrer" icon={<Open20Regular />}>
            {t('agenda.open')}
          </Button>
        )}
      </div>
      {reason && <p className="note">{reason}</p>}
      {!reason && profiles && (
        <Field label={t('agenda.give')}>
          <Select
            value={[...profiles.own, ...profiles.templates].find((f) => f.name === a.profile)?.id ?? ''}
            onChange={(_e, d) => decide.mutate({ ref: a.ref, dismissed: false, profile: d.value || undefined })}
          >
            <option value="">{t(live ? 'agenda.giveNoneLive' : 'agenda.giveNone')}</option>
            {[...profiles.own, ...profiles.templates].map((f) => (
              <option key={f.id} value={f.id}>
                {shipped(f.name, t)}
              </option>
            ))}
          </Select>
        </Field>
      )}
    </div>
  )
}
