import { Button } from '@fluentui/react-components'
import { ClipboardTextLtr24Regular } from '@fluentui/react-icons'
import { useInfiniteQuery, useQuery } from '@tanstack/react-query'
import { useNavigate, useSearch } from '@tanstack/react-router'
import { useTranslation } from 'react-i18next'
import { type AuditFilter, auditPages, groupsQuery, locationsQuery, tokensQuery } from '../api/admin'
import { useAuditWords } from '../components/audit-words'
import { ChoosePeople } from '../components/ChoosePeople'
import { useNames } from '../components/names'
import { useClock, useMe } from '../components/session'
import { QueryTrouble } from '../components/trouble'
import { actorOf, detailOf } from '../lib/audit'
import { type AuditEntry, administersAll } from '../lib/model'
import { dateAndTime } from '../lib/time'
import { Empty, Page, Section, Waiting } from '../ui/parts'

/** Who changed what. The address holds the filter. */
export function AuditPage() {
  const { t } = useTranslation()
  const filter = useSearch({ from: '/app/admin/audit', select: ({ person }): AuditFilter => ({ person }) })
  const query = useInfiniteQuery(auditPages(filter))
  const entries = query.data?.pages.flat() ?? []
  return (
    <Page title={t('nav.audit')} lead={t('admin.audit.lead')}>
      <Filters filter={filter} />
      <Section
        title={t('admin.audit.list')}
        actions={
          <a href={`/api/v1/audit.csv${filter.person ? `?person=${encodeURIComponent(filter.person)}` : ''}`} download>
            {t('admin.audit.table')}
          </a>
        }
      >
        {query.isPending && <Waiting label={t('waiting')} />}
        {query.error && <QueryTrouble error={query.error} again={() => void query.refetch()} />}
        {query.data && !entries.length && (
          <Empty icon={<ClipboardTextLtr24Regular />} title={t('admin.audit.none')}>
            {t('admin.audit.noneHint')}
          </Empty>
        )}
        <Entries entries={entries} />
        {query.hasNextPage && (
          <Button className="more" disabled={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>
            {t('admin.audit.older')}
          </Button>
        )}
      </Section>
    </Page>
  )
}

function Filters({ filter }: { filter: AuditFilter }) {
  const { t } = useTranslation()
  const navigate = useNavigate()
  const set = (part: AuditFilter) =>
    void navigate({ to: '/admin/audit', search: { ...filter, ...part }, replace: true })
  return (
    <Section title={t('admin.audit.filters')}>
      <div className="fields">
        <ChoosePeople
          label={t('admin.audit.person')}
          single
          value={filter.person ? [filter.person] : []}
          onChange={([person]) => set({ person })}
        />
      </div>
    </Section>
  )
}

function Entries({ entries }: { entries: AuditEntry[] }) {
  const { t } = useTranslation()
  const clock = useClock()
  const all = administersAll(useMe().role)
  const { data: tokens } = useQuery({ ...tokensQuery, enabled: all })
  const { data: locations = [] } = useQuery(locationsQuery)
  const { data: groups = [] } = useQuery(groupsQuery)
  const people = entries.flatMap((e) => {
    const a = actorOf(e.actor)
    const { facts } = detailOf(e.detail)
    const viewers = facts.filter((f) => f.path[0] === 'viewer').map((f) => String(f.value))
    return [...(a.kind === 'person' ? [a.id] : []), ...(e.person ? [e.person] : []), ...viewers]
  })
  const nameOf = useNames(people)
  const person = (id: string) => {
    const { name, gone } = nameOf(id)
    return name ?? (gone ? t('admin.audit.unknown', { id }) : '…')
  }
  const token = (id: string) => {
    const name = tokens?.find((x) => x.id === id)?.name
    return name ? t('admin.audit.token', { name }) : t('admin.audit.tokenGone')
  }
  const actor = (text: string) => {
    const a = actorOf(text)
    return { person, token, system: () => t('admin.audit.system') }[a.kind](a.id)
  }
  const scope = (id: string) => [...locations, ...groups].find((x) => x.id === id)?.name ?? id
  const words = useAuditWords({ person, token, scope })
  return (
    <ol className="rows audit" aria-label={t('admin.audit.list')}>
      {entries.map((e) => (
        <li key={e.id}>
          <time className="note" dateTime={e.at}>
            {dateAndTime(new Date(e.at), clock)}
          </time>
          <div className="grow">
            <p>
              <span className="row-name">{words.action(e.action)}</span>{' '}
              <span className="quiet">
                {[
                  actor(e.actor),
                  e.address && t('admin.audit.from', { address: e.address }),
                  e.person && e.person !== e.actor && t('admin.audit.concerns', { name: person(e.person) }),
                ]
                  .filter(Boolean)
                  .join(' · ')}
              </span>
            </p>
            <Detail detail={e.detail} words={words} />
          </div>
        </li>
      ))}
    </ol>
  )
}

function Detail({ detail, words }: { detail: unknown; words: ReturnType<typeof useAuditWords> }) {
  const { t } = useTranslation()
  const { changed, facts } = detailOf(detail)
  const shown = facts.flatMap((f) => words.fact(f) ?? [])
  if (!changed.length && !shown.length) return null
  return (
    <ul className="audit-detail">
      {shown.length > 0 && <li className="note">{shown.join(' · ')}</li>}
      {changed.map((d) => (
        <li key={d.path.join('.')}>
          {words.field(d.path)}: <del>{words.value(d.path, d.before)}</del> <span aria-hidden="true">→</span>{' '}
          <span className="hidden">{t('admin.changes.will')}</span> <ins>{words.value(d.path, d.after)}</ins>
        </li>
      ))}
    </ul>
  )
}
