import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import { systemLinesQuery } from '../api/admin'
import type { Connector } from '../lib/connector'
import { lineWords } from '../lib/lines'
import type { Schemas } from '../lib/model'
import { moment } from '../lib/time'
import { Section, Waiting } from '../ui/parts'
import { LineMark } from './LineMark'
import { inWords } from './server-words'
import { useClock, useNow } from './session'
import { QueryTrouble } from './trouble'

/** How the lines in a telephone system are doing, and which of them are not forwarded as they are to be. */
export function SystemLines({ c }: { c: Connector }) {
  const { t } = useTranslation()
  const query = useQuery(systemLinesQuery(c.id))
  const x = query.data
  const facts: [string, ReactNode][] = x
    ? [
        [t('admin.systems.lines.lines'), x.lines],
        ...(c.kind === 'sip_server' ? [] : [[t('admin.systems.lines.heard'), x.heard] as [string, ReactNode]]),
        [t('admin.systems.lines.follow'), x.follow],
        [t('admin.systems.lines.forwarded'), x.forwarded],
      ]
    : []
  const silent = x && c.kind !== 'sip_server' ? x.lines - x.heard : 0
  return (
    <Section title={t('admin.systems.lines.title')}>
      {query.isPending && <Waiting label={t('waiting')} rows={2} />}
      {query.error && <QueryTrouble error={query.error} again={() => void query.refetch()} />}
      {x && !x.lines && !x.failing.length && <p>{t('admin.systems.lines.nobody')}</p>}
      {x && (x.lines > 0 || x.failing.length > 0) && (
        <div className="stack">
          <dl className="facts">
            {facts.map(([name, value]) => (
              <div key={name}>
                <dt>{name}</dt>
                <dd>{value}</dd>
              </div>
            ))}
          </dl>
          {silent > 0 && <p className="note">{t('admin.systems.lines.silent', { count: silent })}</p>}
          {x.failing.length > 0 && <Failing list={x.failing} />}
          {!!x.more && <p className="note">{t('admin.systems.lines.more', { count: x.more })}</p>}
        </div>
      )}
    </Section>
  )
}

function Failing({ list }: { list: Schemas['OwnedLine'][] }) {
  const { t } = useTranslation()
  const clock = useClock()
  const now = useNow()
  const column = (name: 'line' | 'reported' | 'wanted' | 'why') => t(`admin.systems.lines.column.${name}`)
  return (
    <div>
      <h3 className="field-like">{t('admin.systems.lines.failing')}</h3>
      <table className="table lines" aria-label={t('admin.systems.lines.failing')}>
        <thead>
          <tr>
            {(['line', 'reported', 'wanted', 'why'] as const).map((x) => (
              <th key={x} scope="col">
                {column(x)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {list.map((l) => (
            <tr key={l.line}>
              <th scope="row">
                <span className="row-name">{l.line}</span>{' '}
                {l.person ? (
                  <Link to="/admin/people" search={{ edit: l.person }}>
                    {l.name || l.person}
                  </Link>
                ) : (
                  <span className="note">{t('admin.systems.lines.nobodys')}</span>
                )}
              </th>
              <td data-label={column('reported')}>
                {l.reported ? lineWords(l.reported, t) : t('telephone.notKnown')}
                {l.reported_at && <p className="note">{moment(new Date(l.reported_at), now, clock)}</p>}
              </td>
              <td data-label={column('wanted')}>{l.wanted ? lineWords(l.wanted, t) : t('telephone.asItIs')}</td>
              <td className="long">
                <LineMark line={l} />
                {[l.refusal, l.problem].map(
                  (why) =>
                    why && (
                      <p key={why} className="step-found">
                        {inWords(why)}
                      </p>
                    ),
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}
