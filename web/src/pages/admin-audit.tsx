import { Button, Field, Input, Select } from '@fluentui/react-components'
import { ClipboardTextLtr24Regular } from '@fluentui/react-icons'
import { useInfiniteQuery, useQuery } from '@tanstack/react-query'
import { useNavigate, useSearch } from '@tanstack/react-router'
import { useCallback } from 'react'
import { useTranslation } from 'react-i18next'
import { auditPages, connectorsQuery, groupsQuery, locationsQuery, tokensQuery } from '../api/admin'
import { useAuditWords } from '../components/audit-words'
import { ChoosePeople } from '../components/ChoosePeople'
import { useNames } from '../components/names'
import { SearchField } from '../components/SearchField'
import { useClock, useMe } from '../components/session'
import { QueryTrouble } from '../components/trouble'
import { ACTIONS, type AuditFilter, actorOf, auditQuery, detailOf } from '../lib/audit'
import { type AuditEntry, administersAll } from '../lib/model'
import { dateAndTime } from '../lib/time'
import { isDay } from '../lib/zone'
import { Empty, Page, Section, Waiting } from '../ui/parts'

/** Who changed what. The address holds the filter. */
export function AuditPage() {
  const { t } = useTranslation()
  const { zone } = useClock()
  const filter = useSearch({
    from: '/app/admin/audit',
    select: ({ person, actor, action, text, since, until }): AuditFilter => ({
      person,
      actor,
      action,
      text,
      since,
      until,
    }),
  })
  const query = useInfiniteQuery(auditPages(filter, zone))
  const entries = query.data?.pages.flat() ?? []
  const asked = Object.entries(auditQuery(filter, zone)).flatMap(([k, v]) => (v ? [[k, v] as [string, string]] : []))
  const table = new URLSearchParams(asked).toString()
  return (
    <Page title={t('nav.audit')} lead={t('admin.audit.lead')}>
      <Filters filter={filter} />
      <Section
        title={t('admin.audit.list')}
        actions={
          <a href={`/api/v1/audit.csv${table && `?${table}`}`} download>
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
  const { t, i18n } = useTranslation()
  const navigate = useNavigate()
  const all = administersAll(useMe().role)
  const { data: tokens = [] } = useQuery({ ...tokensQuery, enabled: all })
  const set = useCallback(
    (part: AuditFilter) => void navigate({ to: '/admin/audit', search: (s) => ({ ...s, ...part }), replace: true }),
    [navigate],
  )
  const search = useCallback((text: string) => set({ text: text || undefined }), [set])
  const actor = actorOf(filter.actor ?? '')
  const actions = ACTIONS.map((a) => ({ action: a, words: t(`admin.audit.action.${a}`) })).sort((a, b) =>
    a.words.localeCompare(b.words, i18n.language),
  )
  const day = (field: 'since' | 'until', wrong?: string) => (
    <Field label={t(`admin.audit.${field}`)} validationMessage={wrong}>
      <Input
        type="date"
        value={filter[field] ?? ''}
        onChange={(_e, d) => {
          if (d.value === '' || isDay(d.value)) set({ [field]: d.value || undefined })
        }}
      />
    </Field>
  )
  return (
    <Section
      title={t('admin.audit.filters')}
      actions={
        Object.values(filter).some(Boolean) && (
          <Button
            size="small"
            onClick={() =>
              set({
                person: undefined,
                actor: undefined,
                action: undefined,
                text: undefined,
                since: undefined,
                until: undefined,
              })
            }
          >
            {t('admin.audit.clear')}
          </Button>
        )
      }
    >
      <div className="fields">
        <ChoosePeople
          label={t('admin.audit.by')}
          single
          value={actor.kind === 'person' ? [actor.id] : []}
          onChange={([actor]) => set({ actor })}
        />
        <ChoosePeople
          label={t('admin.audit.person')}
          single
          value={filter.person ? [filter.person] : []}
          onChange={([person]) => set({ person })}
        />
        <Field label={t('admin.audit.actionLabel')}>
          <Select value={filter.action ?? ''} onChange={(_e, d) => set({ action: d.value || undefined })}>
            <option value="">{t('admin.audit.anyAction')}</option>
            {filter.action && !ACTIONS.some((a) => a === filter.action) && (
              <option value={filter.action}>{filter.action}</option>
            )}
            {actions.map((a) => (
              <option key={a.action} value={a.action}>
                {a.words}
              </option>
            ))}
          </Select>
        </Field>
        {tokens.length > 0 && (
          <Field label={t('admin.audit.byToken')}>
            <Select
              value={actor.kind === 'token' ? actor.id : ''}
              onChange={(_e, d) => set({ actor: d.value ? `token/${d.value}` : undefined })}
            >
              <option value="">{t('admin.audit.anyToken')}</option>
              {tokens.map((x) => (
                <option key={x.id} value={x.id}>
                  {x.name}
                </option>
              ))}
            </Select>
          </Field>
        )}
        {day('since')}
        {day(
          'until',
          filter.since && filter.until && filter.until < filter.since ? t('admin.audit.wrongOrder') : undefined,
        )}
        <Field label={t('admin.audit.text')} hint={t('admin.audit.textHint')}>
          <SearchField q={filter.text ?? ''} label={t('admin.audit.text')} onSearch={search} />
        </Field>
      </div>
    </Section>
  )
}

function Entries({ entries }: { entries: AuditEntry[] }) {
  const { t } = useTranslation()
  const clock = useClock()
  const all = administersAll(useMe().role)
  const { data: tokens } = useQuery({ ...tokensQuery, enabled: all })
  const { data: connectors } = useQuery({ ...connectorsQuery, enabled: all, refetchInterval: false })
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
  const connector = (id: string) => connectors?.find((x) => x.id === id)?.name ?? id
  const actingConnector = (id: string) => {
    const name = connectors?.find((x) => x.id === id)?.name
    return name ? t('admin.audit.connectorActor', { name }) : t('admin.audit.connectorGone')
  }
  const actor = (text: string) => {
    const a = actorOf(text)
    return { person, token, connector: actingConnector, system: () => t('admin.audit.system') }[a.kind](a.id)
  }
  const scope = (id: string) => [...locations, ...groups].find((x) => x.id === id)?.name ?? id
  const words = useAuditWords({ person, token, scope, connector })
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
  const named = facts.some((f) => f.path.length === 1 && f.path[0] === 'name')
  const shown = facts.flatMap((f) => words.fact(f, named) ?? [])
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
