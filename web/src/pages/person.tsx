import './person.css'
import { Button, DrawerBody, DrawerHeader, DrawerHeaderTitle, OverlayDrawer, Tooltip } from '@fluentui/react-components'
import {
  CalendarLtr20Regular,
  Call20Regular,
  Dismiss24Regular,
  Home20Regular,
  Location20Regular,
  Mail20Regular,
  PersonProhibited24Regular,
  Phone20Regular,
  QuestionCircle20Regular,
  Star20Filled,
  Star20Regular,
} from '@fluentui/react-icons'
import { useQuery } from '@tanstack/react-query'
import { Link, useNavigate, useParams } from '@tanstack/react-router'
import { useMemo } from 'react'
import { useTranslation } from 'react-i18next'
import { Problem } from '../api/errors'
import { useWatch } from '../api/live'
import { usePresence } from '../api/presence-store'
import { personQuery, teamQuery, useFavourites } from '../api/queries'
import { AppointmentRow } from '../components/AppointmentRow'
import { CardLines } from '../components/CardLines'
import { useClock, useMe, useNow } from '../components/session'
import { QueryTrouble } from '../components/trouble'
import { useAgenda } from '../components/use-agenda'
import { ChooseForOther } from '../forms/ChooseForOther'
import { words } from '../lib/explain'
import { type Card, lineShown, mayExplain, mayRead, mayWrite } from '../lib/model'
import { duration, ending, moment } from '../lib/time'
import { addDays, civil, startOf } from '../lib/zone'
import { Face } from '../ui/Face'
import { Empty, Waiting } from '../ui/parts'
import { PhoneMark, StatusShape } from '../ui/StatusShape'

/** A colleague's card, over the team page and with an address of its own. */
export function PersonPage() {
  const { person } = useParams({ from: '/app/team/people/$person' })
  const { t } = useTranslation()
  const navigate = useNavigate()
  const me = useMe()
  const query = useQuery(personQuery(person))
  const id = query.data?.id
  useWatch(useMemo(() => (id ? [id] : []), [id]))
  const close = () => void navigate({ to: '/', search: (s) => ({ ...s, why: undefined }), resetScroll: false })
  const card = query.data
  return (
    <OverlayDrawer
      open
      position="end"
      className="card-drawer"
      onOpenChange={(_e, d) => !d.open && close()}
      aria-label={card?.name}
    >
      <DrawerHeader>
        <DrawerHeaderTitle
          action={<Button appearance="subtle" aria-label={t('close')} icon={<Dismiss24Regular />} onClick={close} />}
          heading={{ as: 'h2', className: 'hidden' }}
        >
          {card?.name ?? t('card.title')}
        </DrawerHeaderTitle>
      </DrawerHeader>
      <DrawerBody>
        {query.isPending && <Waiting label={t('waiting')} />}
        {query.error instanceof Problem && query.error.status === 404 ? (
          <Empty icon={<PersonProhibited24Regular />} title={t('card.notThere')} />
        ) : (
          query.error && <QueryTrouble error={query.error} again={() => void query.refetch()} />
        )}
        {card && <CardBody card={card} self={card.id === me.person.id} />}
      </DrawerBody>
    </OverlayDrawer>
  )
}

function CardBody({ card, self }: { card: Card; self: boolean }) {
  const { t } = useTranslation()
  return (
    <div className="card-body">
      <Head card={card} self={self} />
      <Actions card={card} self={self} />
      <Contact card={card} />
      {mayRead(card, 'forwarding') && <CardLines card={card} self={self} />}
      {mayRead(card, 'times') && <Today card={card} />}
      {!self && mayWrite(card, 'status') && <ChooseForOther card={card} />}
      <p className="card-relationship">
        {t(self ? 'card.self' : `card.youAre.${card.relationship}`, { name: card.name })}
      </p>
    </div>
  )
}

function Head({ card, self }: { card: Card; self: boolean }) {
  const { t } = useTranslation()
  const p = usePresence(card.id, card.presence)
  const clock = useClock()
  const now = useNow()
  const shape = p?.off ? 'off' : p?.status
  const line = lineShown(p)
  const since = p?.since && new Date(p.since)
  return (
    <div className="card-head">
      <Face id={card.id} name={card.name} size={64}>
        {shape && <StatusShape status={shape} size={24} />}
      </Face>
      <div>
        <p className="card-name">
          {card.name} {self && <span className="quiet">{t('team.you')}</span>}
        </p>
        {p?.off && <p className="card-status">{t('presence.off')}</p>}
        {p?.status && <p className="card-status">{words(p, t)}</p>}
        {line && (
          <p className="card-line">
            <PhoneMark size={15} ringing={line === 'ringing'} /> {t(`line.${line}`)}
            {p?.line?.service && ` (${p.line.service})`}
            {p?.line?.reach && ` · ${t(`line.${p.line.reach}`)}`}
            {p?.line?.other && ` · ${p.line.other}`}
          </p>
        )}
        <p className="card-times">
          {[
            since &&
              (now.getTime() - since.getTime() < 60_000
                ? t('presence.since', { at: moment(since, now, clock) })
                : t('presence.sinceFor', {
                    at: moment(since, now, clock),
                    for: duration(now.getTime() - since.getTime(), clock.locale),
                  })),
            p?.until && t('presence.until', { at: ending(new Date(p.until), now, clock) }),
          ]
            .filter(Boolean)
            .join(' · ')}
        </p>
        {!p?.off && !p?.status && <p className="card-times">{t('card.noStatus')}</p>}
      </div>
    </div>
  )
}

function Actions({ card, self }: { card: Card; self: boolean }) {
  const { t } = useTranslation()
  const team = useQuery(teamQuery)
  const favourites = useFavourites()
  const navigate = useNavigate()
  const list = team.data?.favourites ?? []
  const starred = list.includes(card.id)
  const why = mayExplain(card)
  const times = mayRead(card, 'times')
  return (
    <div className="card-actions">
      {!self && (
        <Button
          icon={starred ? <Star20Filled className="gold" /> : <Star20Regular />}
          aria-pressed={starred}
          onClick={() => favourites.mutate(starred ? list.filter((x) => x !== card.id) : [...list, card.id])}
        >
          {t('card.favourite')}
        </Button>
      )}
      <Reasoned reason={why ? undefined : t('card.whyNot', { name: card.name })}>
        <Button
          icon={<QuestionCircle20Regular />}
          disabledFocusable={!why}
          onClick={() =>
            why && void navigate({ to: '.', search: (s) => ({ ...s, why: self ? 'me' : card.id }), resetScroll: false })
          }
        >
          {t('why.button')}
        </Button>
      </Reasoned>
      <Reasoned reason={times ? undefined : t('card.agendaNot', { name: card.name })}>
        <Button
          icon={<CalendarLtr20Regular />}
          disabledFocusable={!times}
          onClick={() =>
            times &&
            void navigate(self ? { to: '/agenda' } : { to: '/people/$person/agenda', params: { person: card.id } })
          }
        >
          {t('nav.agenda')}
        </Button>
      </Reasoned>
    </div>
  )
}

/** What may not be pressed says why. */
function Reasoned({ reason, children }: { reason?: string; children: React.ReactElement }) {
  if (!reason) return children
  return (
    <Tooltip content={reason} relationship="description" withArrow>
      {children}
    </Tooltip>
  )
}

function Contact({ card }: { card: Card }) {
  const { t } = useTranslation()
  const numbers = [
    { kind: 'work', number: card.work_number, icon: <Call20Regular /> },
    { kind: 'mobile', number: card.mobile_number, icon: <Phone20Regular /> },
    { kind: 'home', number: card.home_number, icon: <Home20Regular /> },
  ] as const
  return (
    <ul className="card-contact" aria-label={t('card.contact')}>
      {numbers.map(
        (n) =>
          n.number && (
            <li key={n.kind}>
              <span className="card-icon" aria-hidden="true">
                {n.icon}
              </span>
              <span className="card-kind">{t(`card.${n.kind}`)}</span>
              <a href={`tel:${n.number.replace(/[^+\d*#]/g, '')}`}>{n.number}</a>
            </li>
          ),
      )}
      {card.email && (
        <li>
          <span className="card-icon" aria-hidden="true">
            <Mail20Regular />
          </span>
          <span className="card-kind">{t('card.email')}</span>
          <a href={`mailto:${card.email}`}>{card.email}</a>
        </li>
      )}
      {card.location && (
        <li>
          <span className="card-icon" aria-hidden="true">
            <Location20Regular />
          </span>
          <span className="card-kind">{t('card.location')}</span>
          <span>{card.location}</span>
        </li>
      )}
    </ul>
  )
}

function Today({ card }: { card: Card }) {
  const { t } = useTranslation()
  const clock = useClock()
  const now = useNow()
  const day = civil(now, clock.zone).day
  const query = useAgenda(card.id, card.id, startOf(day, clock.zone), startOf(addDays(day, 1), clock.zone))
  return (
    <section className="card-today" aria-label={t('card.today')}>
      <h3>
        {t('card.today')}
        <Link to="/people/$person/agenda" params={{ person: card.id }}>
          {t('card.wholeAgenda')}
        </Link>
      </h3>
      {query.data?.appointments.length ? (
        <ul>
          {query.data.appointments.map((a) => (
            <AppointmentRow key={a.ref} a={a} day={day} />
          ))}
        </ul>
      ) : (
        query.data && <p className="note">{t('card.nothingToday')}</p>
      )}
    </section>
  )
}
