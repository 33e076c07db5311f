import './relationships.css'
import './team.css'
import { useQuery } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { seenQuery } from '../api/queries'
import { PresenceLineText } from '../components/PersonTile'
import { useClock, useMe, useNow } from '../components/session'
import { QueryTrouble } from '../components/trouble'
import type { Right, Schemas } from '../lib/model'
import { ending, moment } from '../lib/time'
import { Face } from '../ui/Face'
import { Page, Waiting } from '../ui/parts'
import { StatusShape } from '../ui/StatusShape'
import { RelationshipTabs } from './relationships'

const RIGHTS: Right[] = [
  'name',
  'private_numbers',
  'status',
  'text',
  'line',
  'other_party',
  'forwarding',
  'times',
  'subject',
  'own',
]

/** Who sees what about me: one card for each level, as the server sends it to such viewers now. */
export function SeenPage() {
  const { t } = useTranslation()
  const query = useQuery(seenQuery)
  return (
    <Page title={t('relationships.seen')} lead={t('seen.lead')} wide>
      <RelationshipTabs />
      {query.error && <QueryTrouble error={query.error} again={() => void query.refetch()} />}
      {query.isPending && <Waiting label={t('waiting')} />}
      <p className="note seen-legend" aria-hidden="true">
        {t('seen.legend')}
      </p>
      <ul className="seen-cards">
        {query.data?.levels.toReversed().map((l) => (
          <SeenCard key={l.level} seen={l} />
        ))}
      </ul>
    </Page>
  )
}

function SeenCard({ seen }: { seen: Schemas['SeenBy'] }) {
  const { t } = useTranslation()
  const me = useMe()
  const clock = useClock()
  const now = useNow()
  const c = seen.card
  const p = c?.presence
  const shape = p?.off ? 'off' : p?.status
  const more = seen.people - seen.names.length
  return (
    <li className="seen-card" aria-label={t(`relationships.level.${seen.level}`)}>
      <header>
        <h2>{t(`relationships.level.${seen.level}`)}</h2>
        <span className="count">{t('seen.people', { count: seen.people })}</span>
      </header>
      {c ? (
        <div className="seen-person">
          <Face id={me.person.id} name={c.name} size={44}>
            {shape && <StatusShape status={shape} size={18} />}
          </Face>
          <div className="tile-main">
            <span className="tile-name">{c.name}</span>
            <PresenceLineText p={p} />
            <span className="note">
              {[
                p?.since && t('presence.since', { at: moment(new Date(p.since), now, clock) }),
                p?.until && t('presence.until', { at: ending(new Date(p.until), now, clock) }),
              ]
                .filter(Boolean)
                .join(' · ')}
            </span>
            <span className="note">{[c.work_number, c.mobile_number, c.home_number].filter(Boolean).join(' · ')}</span>
          </div>
        </div>
      ) : (
        <p className="note">{t('seen.nothing')}</p>
      )}
      {c && (
        <ul className="seen-rights">
          {RIGHTS.map((r) => {
            const access = (['none', 'read', 'write'] as const).find((a) => a === c.may[r]) ?? 'none'
            return (
              <li key={r} data-access={access}>
                <span aria-hidden="true">{{ none: '–', read: '✓', write: '✎' }[access]}</span> {t(`seen.right.${r}`)}
                <span className="hidden">: {t(`seen.access.${access}`)}</span>
              </li>
            )
          })}
        </ul>
      )}
      <p className="seen-names">
        {seen.names.length ? seen.names.join(', ') : t('seen.nobody')}
        {more > 0 && seen.names.length > 0 && ` ${t('seen.andMore', { count: more })}`}
      </p>
    </li>
  )
}
