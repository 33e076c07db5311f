import './relationships.css'
import { SearchBox, Select, Tooltip } from '@fluentui/react-components'
import { useQuery } from '@tanstack/react-query'
import { Link, useNavigate, useRouterState, useSearch } from '@tanstack/react-router'
import { useEffect, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { relationshipsQuery, useRelationship } from '../api/queries'
import { useProblemText } from '../components/problem'
import { QueryTrouble } from '../components/trouble'
import { LEVELS, type Level, type Schemas } from '../lib/model'
import { Face } from '../ui/Face'
import { Page, Section, Trouble, Waiting } from '../ui/parts'

export function RelationshipTabs() {
  const { t } = useTranslation()
  const path = useRouterState({ select: (s) => s.location.pathname })
  return (
    <nav className="tabs" aria-label={t('relationships.tabs')}>
      <Link
        to="/relationships"
        className="tab"
        activeOptions={{ exact: true }}
        aria-current={path === '/relationships' ? 'page' : undefined}
      >
        {t('relationships.people')}
      </Link>
      <Link
        to="/relationships/seen"
        className="tab"
        activeOptions={{ exact: true }}
        aria-current={path === '/relationships/seen' ? 'page' : undefined}
      >
        {t('relationships.seen')}
      </Link>
    </nav>
  )
}

export function RelationshipsPage() {
  const { t } = useTranslation()
  const { q = '' } = useSearch({ from: '/app/relationships' })
  const navigate = useNavigate()
  const [text, setText] = useState(q)
  const query = useQuery(relationshipsQuery(q))
  const change = useRelationship()
  const say = useProblemText()
  useEffect(() => {
    if (text.trim() === q) return
    const timer = setTimeout(
      () => void navigate({ to: '/relationships', search: { q: text.trim() || undefined }, replace: true }),
      200,
    )
    return () => clearTimeout(timer)
  }, [text, q, navigate])
  const data = query.data
  return (
    <Page title={t('nav.relationships')} lead={t('relationships.lead')}>
      <RelationshipTabs />
      {query.error && <QueryTrouble error={query.error} again={() => void query.refetch()} />}
      {change.error && <Trouble>{say(change.error)}</Trouble>}
      <Section
        title={q ? t('team.found') : t('relationships.special')}
        note={data && t('relationships.default', { level: t(`relationships.level.${data.default}`) })}
        actions={
          <SearchBox
            value={text}
            onChange={(_e, d) => setText(d.value)}
            placeholder={t('relationships.search')}
            aria-label={t('relationships.search')}
          />
        }
      >
        {data?.extend_only && <p className="note">{t('relationships.extendOnly')}</p>}
        {query.isPending && <Waiting label={t('waiting')} />}
        {data && !data.relationships.length && (
          <p className="note">{q ? t('relationships.noneFound', { q }) : t('relationships.none')}</p>
        )}
        <ul className="rows">
          {data?.relationships.map((r) => (
            <Row
              key={r.viewer}
              r={r}
              extendOnly={data.extend_only}
              onChange={(level) => change.mutate({ viewer: r.viewer, level })}
            />
          ))}
        </ul>
        {data?.next && <p className="note">{t('relationships.more')}</p>}
      </Section>
      <Section title={t('relationships.seen')}>
        <dl className="levels">
          {LEVELS.map((l) => (
            <div key={l}>
              <dt>{t(`relationships.level.${l}`)}</dt>
              <dd>{t(`relationships.means.${l}`)}</dd>
            </div>
          ))}
        </dl>
      </Section>
    </Page>
  )
}

function Row({
  r,
  extendOnly,
  onChange,
}: {
  r: Schemas['Relationship']
  extendOnly: boolean
  onChange: (level: Level | 'default') => void
}) {
  const { t } = useTranslation()
  const name = r.name || t('relationships.nameless')
  // LEVELS begins with the most comprehensive one.
  const less = (l: Level) => extendOnly && LEVELS.indexOf(l) > LEVELS.indexOf(r.administrative)
  return (
    <li className="relation-row">
      <Face id={r.viewer} name={r.name} size={32} />
      <div className="grow">
        <p className="relation-name">{name}</p>
        <p className="note">{t(r.own ? 'relationships.own' : 'relationships.administrative')}</p>
      </div>
      <Tooltip content={t('relationships.onlyAdd')} relationship="description" visible={extendOnly ? undefined : false}>
        <Select
          className="relation-level"
          aria-label={t('relationships.levelOf', { name })}
          value={r.own ?? 'default'}
          onChange={(_e, d) => onChange(LEVELS.find((l) => l === d.value) ?? 'default')}
        >
          <option value="default">
            {t('relationships.byDefault', { level: t(`relationships.level.${r.administrative}`) })}
          </option>
          {LEVELS.map((l) => (
            <option key={l} value={l} disabled={less(l)}>
              {t(`relationships.level.${l}`)}
            </option>
          ))}
        </Select>
      </Tooltip>
    </li>
  )
}
