import { ErrorCircle16Regular, QuestionCircle16Regular } from '@fluentui/react-icons'
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import type { ReactElement, ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import { systemTeamsQuery } from '../api/admin'
import type { Connector } from '../lib/connector'
import { lagOf } from '../lib/health'
import { dateAndTime } from '../lib/time'
import { Section, Waiting } from '../ui/parts'
import { inWords } from './server-words'
import { useClock } from './session'
import { QueryTrouble } from './trouble'

/** Whom an application keeps in step with Microsoft Teams, whom it does not know there, and for whom that fails. */
export function SystemTeams({ c }: { c: Connector }) {
  const { t } = useTranslation()
  const clock = useClock()
  const query = useQuery(systemTeamsQuery(c.id))
  const x = query.data
  const age = x?.oldest_seconds === undefined ? undefined : lagOf(x.oldest_seconds)
  const facts: [string, ReactNode][] = x
    ? [
        [t('admin.systems.teams.people'), x.people],
        [t('admin.systems.teams.found'), x.found],
        [t('admin.systems.teams.signedIn'), x.signed_in],
        [t('teams.heard'), x.heard_at ? dateAndTime(new Date(x.heard_at), clock) : t('teams.neverHeard')],
        [t('admin.systems.teams.oldest'), age ? t(`teams.ago.${age.unit}`, { count: age.count }) : '–'],
      ]
    : []
  return (
    <Section title={t('admin.section.teams')}>
      {query.isPending && <Waiting label={t('waiting')} rows={2} />}
      {query.error && <QueryTrouble error={query.error} again={() => void query.refetch()} />}
      {c.teams?.error && (
        <p className="wrong">
          {t('admin.connector.error')}
          {c.teams.checked_at && ` (${dateAndTime(new Date(c.teams.checked_at), clock)})`}: {inWords(c.teams.error)}
        </p>
      )}
      {x?.people === 0 && <p>{t('admin.systems.teams.nobody')}</p>}
      {x && x.people > 0 && (
        <div className="stack">
          <dl className="facts">
            {facts.map(([name, value]) => (
              <div key={name}>
                <dt>{name}</dt>
                <dd>{value}</dd>
              </div>
            ))}
          </dl>
          <People
            title={t('admin.systems.teams.unknown')}
            note={t('admin.systems.teams.unknownNote')}
            icon={<QuestionCircle16Regular />}
            list={x.unknown.map((p) => ({ ...p, beside: p.address || t('admin.systems.noMailbox') }))}
          />
          <People
            title={t('admin.systems.teams.failing')}
            icon={<ErrorCircle16Regular />}
            list={x.failing.map((p) => ({ ...p, below: inWords(p.problem) }))}
          />
          {!!x.more && <p className="note">{t('admin.systems.teams.more', { count: x.more })}</p>}
        </div>
      )}
    </Section>
  )
}

function People({
  title,
  note,
  icon,
  list,
}: {
  title: string
  note?: string
  icon: ReactElement
  list: { person: string; name: string; beside?: string; below?: string }[]
}) {
  if (!list.length) return null
  return (
    <div>
      <h3 className="field-like">{title}</h3>
      {note && <p className="note">{note}</p>}
      <ul className="rows" aria-label={title}>
        {list.map((p) => (
          <li key={p.person} className="step">
            <span className="step-mark bad" aria-hidden="true">
              {icon}
            </span>
            <div className="grow">
              <p>
                <Link to="/admin/people" search={{ edit: p.person }} className="row-name">
                  {p.name || p.person}
                </Link>{' '}
                {p.beside && <span className="note long">{p.beside}</span>}
              </p>
              {p.below && <p className="step-found">{p.below}</p>}
            </div>
          </li>
        ))}
      </ul>
    </div>
  )
}
