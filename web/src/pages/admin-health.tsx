import {
  CheckmarkCircle16Regular,
  CircleOff16Regular,
  ErrorCircle16Regular,
  QuestionCircle16Regular,
} from '@fluentui/react-icons'
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import type { ReactElement } from 'react'
import { useTranslation } from 'react-i18next'
import { healthQuery } from '../api/admin'
import { CONNECTOR_PLACES } from '../components/places'
import { inWords } from '../components/server-words'
import { useClock } from '../components/session'
import { QueryTrouble } from '../components/trouble'
import {
  certificateEnd,
  connectorKind,
  failing,
  type Health,
  lagOf,
  ordered,
  type Part,
  type PartState,
} from '../lib/health'
import { dateAndTime, dayOfYear, exactTime } from '../lib/time'
import { Page, Section, Waiting } from '../ui/parts'

const MARKS: Record<PartState, { icon: ReactElement; className: string }> = {
  ok: { icon: <CheckmarkCircle16Regular />, className: 'mark good' },
  waiting: { icon: <QuestionCircle16Regular />, className: 'mark' },
  failing: { icon: <ErrorCircle16Regular />, className: 'mark warn' },
  off: { icon: <CircleOff16Regular />, className: 'mark' },
}

/** How the parts of the server and the systems around it are doing. */
export function HealthPage() {
  const { t } = useTranslation()
  const clock = useClock()
  const query = useQuery({ ...healthQuery, staleTime: 0, refetchInterval: 15_000 })
  const h = query.data
  const bad = failing(h)
  return (
    <Page title={t('nav.health')} lead={t('admin.health.lead')}>
      {query.isPending && <Waiting label={t('waiting')} />}
      {query.error && <QueryTrouble error={query.error} again={() => void query.refetch()} />}
      {h && (
        <>
          <Section
            title={t('admin.health.parts')}
            note={t('admin.health.asOf', { at: exactTime(new Date(h.at), clock) })}
          >
            <p role="status" className={bad ? 'said wrong' : 'said'}>
              {bad ? t('admin.health.failing', { count: bad }) : t('admin.health.allGood')}
            </p>
            <Parts h={h} />
          </Section>
          <CertificateSection h={h} />
          <Section title={t('admin.health.server')}>
            <dl className="facts">
              <div>
                <dt>{t('admin.health.version')}</dt>
                <dd>{h.version}</dd>
              </div>
              <div>
                <dt>{t('admin.health.started')}</dt>
                <dd>{dateAndTime(new Date(h.since), clock)}</dd>
              </div>
            </dl>
          </Section>
        </>
      )}
    </Page>
  )
}

function Parts({ h }: { h: Health }) {
  const { t } = useTranslation()
  const clock = useClock()
  const expires = h.certificate.expires_at
  // The server says the end of its certificate in English only.
  const end = expires && `${t('admin.health.expires')} ${dayOfYear(new Date(expires), clock)}`
  const column = (name: 'part' | 'state' | 'succeeded' | 'lag' | 'words') => t(`admin.health.column.${name}`)
  return (
    <table className="table health" aria-label={t('admin.health.parts')}>
      <thead>
        <tr>
          {(['part', 'state', 'words', 'succeeded', 'lag'] as const).map((x) => (
            <th key={x} scope="col">
              {column(x)}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {ordered(h.parts).map((p) => {
          const words = [p.error, p.kind === 'certificate' ? end : p.found].filter((x) => x !== undefined)
          const lag = p.lag_seconds === undefined ? undefined : lagOf(p.lag_seconds)
          return (
            <tr key={`${p.kind}/${p.id ?? ''}`}>
              <th scope="row">
                <PartName p={p} />
              </th>
              <td>
                <span className={MARKS[p.state].className}>
                  <span aria-hidden="true">{MARKS[p.state].icon}</span>
                  {t(`admin.health.state.${p.state}`)}
                </span>
              </td>
              <td className={words.length ? 'long' : 'unused'}>
                {words.map((w) => (
                  <p key={w} className={w === p.error ? 'wrong' : undefined}>
                    {inWords(w)}
                  </p>
                ))}
              </td>
              <td data-label={column('succeeded')} className={p.succeeded_at || p.checked_at ? undefined : 'unused'}>
                {p.succeeded_at
                  ? dateAndTime(new Date(p.succeeded_at), clock)
                  : p.checked_at && t('admin.health.never')}
              </td>
              <td className={lag ? undefined : 'unused'}>
                {lag && t(`admin.health.lag.${lag.unit}`, { count: lag.count })}
              </td>
            </tr>
          )
        })}
      </tbody>
    </table>
  )
}

const HELD = ['exchange', 'graph', 'domino'] as const

/** A system around the server leads to its page; what it is stands beside its name. */
function PartName({ p }: { p: Part }) {
  const { t } = useTranslation()
  const kind = connectorKind(p)
  // Of all calendars in systems of a kind together there is a part, beside those of the systems.
  const held = p.id ? undefined : HELD.find((k) => k === p.kind)
  if (held) return <span className="row-name">{t(`admin.health.calendarsOf.${held}`)}</span>
  if (!kind || !p.id) return <span className="row-name">{t(`admin.health.kind.${p.kind}`)}</span>
  return (
    <>
      <Link to={CONNECTOR_PLACES[kind].one} params={{ connector: p.id }} className="row-name">
        {p.name || p.id}
      </Link>
      <p className="note">{t(`admin.health.kind.${p.kind}`)}</p>
    </>
  )
}

const WAYS = [
  { name: 'acme', flags: '--listen :443 --acme-domains presence.example.com' },
  { name: 'file', flags: '--listen :443 --tls-cert cert.pem --tls-key key.pem' },
  { name: 'proxy', flags: '--behind-tls' },
] as const

function CertificateSection({ h }: { h: Health }) {
  const { t } = useTranslation()
  const clock = useClock()
  const c = h.certificate
  const end = c.expires_at ? certificateEnd(c.expires_at, new Date(h.at)) : undefined
  return (
    <Section title={t('admin.health.certificate')}>
      <div className="stack">
        <dl className="facts">
          <div>
            <dt>{t('admin.health.from')}</dt>
            <dd>
              {c.source === 'none' && (
                <span aria-hidden="true" className="step-mark bad">
                  <ErrorCircle16Regular />{' '}
                </span>
              )}
              {t(`admin.health.source.${c.source}`)}
            </dd>
          </div>
          {!!c.names?.length && (
            <div>
              <dt>{t('admin.health.names')}</dt>
              <dd>{c.names.join(', ')}</dd>
            </div>
          )}
          {c.issuer && (
            <div>
              <dt>{t('admin.health.issuer')}</dt>
              <dd>{c.issuer}</dd>
            </div>
          )}
          {c.expires_at && (
            <div>
              <dt>{t('admin.health.expires')}</dt>
              <dd>
                {dayOfYear(new Date(c.expires_at), clock)}
                {end !== 'good' && (
                  <span className="wrong">
                    {' '}
                    ({t(end === 'expired' ? 'admin.health.expired' : 'admin.health.expiresSoon')})
                  </span>
                )}
              </dd>
            </div>
          )}
          {c.error && (
            <div>
              <dt>{t('admin.health.certificateError')}</dt>
              <dd className="wrong">{inWords(c.error)}</dd>
            </div>
          )}
        </dl>
        <details open={c.source === 'none'}>
          <summary>{t('admin.health.choose')}</summary>
          <p className="note">{t('admin.health.chooseNote')}</p>
          <ul className="ways">
            {WAYS.map((w) => (
              <li key={w.name}>
                <code>doorlight serve {w.flags}</code>
                <p className="note">{t(`admin.health.chooseOf.${w.name}`)}</p>
              </li>
            ))}
          </ul>
        </details>
      </div>
    </Section>
  )
}
