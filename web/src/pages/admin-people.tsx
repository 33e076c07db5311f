import './team.css'
import { Button, Field, Select } from '@fluentui/react-components'
import {
  Add20Regular,
  ArrowImport20Regular,
  Checkmark16Regular,
  Edit20Regular,
  Link20Regular,
  LockClosed16Regular,
  People24Regular,
  Star16Regular,
} from '@fluentui/react-icons'
import { useInfiniteQuery, useQuery } from '@tanstack/react-query'
import { Link, useNavigate, useSearch } from '@tanstack/react-router'
import { useCallback, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { connectorsQuery, groupsQuery, locationsQuery, type RecordFilter, recordPages } from '../api/admin'
import { SearchField } from '../components/SearchField'
import { useMe } from '../components/session'
import { QueryTrouble } from '../components/trouble'
import { LinkDialog } from '../forms/LinkDialog'
import { EditPerson, PersonDialog } from '../forms/PersonDialog'
import { administersAll, type PersonRecord, ROLES } from '../lib/model'
import { Face } from '../ui/Face'
import { Empty, Page, Section, Waiting } from '../ui/parts'
import { ReasonButton } from '../ui/ReasonButton'

/** Everybody whom the reader administers, by search, filters and pages; the address says which, and whose record is open. */
export function PersonsPage() {
  const { t } = useTranslation()
  const { edit, ...filter } = useSearch({
    from: '/app/admin/people',
    select: ({ q, location, group, role, blocked, edit }) => ({ q, location, group, role, blocked, edit }),
  })
  const navigate = useNavigate()
  const query = useInfiniteQuery(recordPages(filter))
  const [said, setSaid] = useState('')
  const [linked, setLinked] = useState<PersonRecord>()
  const set = useCallback(
    (part: RecordFilter) => void navigate({ to: '/admin/people', search: (s) => ({ ...s, ...part }), replace: true }),
    [navigate],
  )
  const search = useCallback((q: string) => set({ q: q || undefined }), [set])
  const open = (id: string | undefined) =>
    void navigate({ to: '/admin/people', search: (s) => ({ ...s, edit: id }), replace: id === undefined })
  const done = (what: 'saved' | 'deleted', name: string) => setSaid(t(`admin.persons.${what}`, { name }))
  const records = query.data?.pages.flatMap((p) => p.records) ?? []
  const total = query.data?.pages[0]?.total ?? 0
  const filtered = Object.values(filter).some(Boolean)
  return (
    <Page
      wide
      title={t('nav.people')}
      lead={t('admin.persons.lead')}
      actions={
        <>
          <Link to="/admin/people/import" className="button-link">
            <ArrowImport20Regular aria-hidden="true" /> {t('admin.persons.import')}
          </Link>
          <Button appearance="primary" icon={<Add20Regular />} onClick={() => open('new')}>
            {t('admin.persons.add')}
          </Button>
        </>
      }
    >
      <Section
        title={t('admin.persons.list')}
        actions={<SearchField q={filter.q ?? ''} label={t('admin.persons.search')} onSearch={search} />}
      >
        <Filters filter={filter} onFilter={set} />
        <p className={said ? 'saved said' : 'hidden'} role="status">
          {said && <Checkmark16Regular aria-hidden="true" />} {said}
        </p>
        {query.isPending && <Waiting label={t('waiting')} />}
        {query.error && <QueryTrouble error={query.error} again={() => void query.refetch()} />}
        {query.data && !records.length && (
          <Empty icon={<People24Regular />} title={filtered ? t('admin.persons.noneFound') : t('admin.persons.none')}>
            {filtered && t('admin.persons.noneFoundHint')}
          </Empty>
        )}
        {records.length > 0 && (
          <>
            <p className="note" role="status">
              {t('admin.persons.found', { count: total })}
            </p>
            <Records records={records} onEdit={open} onLink={setLinked} />
          </>
        )}
        {query.hasNextPage && (
          <Button className="more" disabled={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>
            {t('admin.persons.more')}
          </Button>
        )}
      </Section>
      {edit === 'new' && <PersonDialog onClose={() => open(undefined)} onDone={done} />}
      {edit && edit !== 'new' && <EditPerson id={edit} onClose={() => open(undefined)} onDone={done} />}
      {linked && <LinkDialog record={linked} onClose={() => setLinked(undefined)} />}
    </Page>
  )
}

function Filters({ filter, onFilter }: { filter: RecordFilter; onFilter: (part: RecordFilter) => void }) {
  const { t } = useTranslation()
  const { data: locations = [] } = useQuery(locationsQuery)
  const { data: groups = [] } = useQuery(groupsQuery)
  const offered = groups.filter((g) => !filter.location || g.location === filter.location)
  const any = t('admin.persons.any')
  return (
    <search className="selection" aria-label={t('admin.persons.filters')}>
      <Field label={t('admin.persons.field.location')} size="small">
        <Select
          size="small"
          value={filter.location ?? ''}
          onChange={(_e, d) => onFilter({ location: d.value || undefined, group: undefined })}
        >
          <option value="">{any}</option>
          {locations.map((l) => (
            <option key={l.id} value={l.id}>
              {l.name}
            </option>
          ))}
        </Select>
      </Field>
      <Field label={t('admin.persons.field.group')} size="small">
        <Select size="small" value={filter.group ?? ''} onChange={(_e, d) => onFilter({ group: d.value || undefined })}>
          <option value="">{any}</option>
          {offered.map((g) => (
            <option key={g.id} value={g.id}>
              {filter.location ? g.name : `${g.name} (${locations.find((l) => l.id === g.location)?.name ?? ''})`}
            </option>
          ))}
        </Select>
      </Field>
      <Field label={t('admin.persons.field.role')} size="small">
        <Select
          size="small"
          value={filter.role ?? ''}
          onChange={(_e, d) => onFilter({ role: ROLES.find((r) => r === d.value) })}
        >
          <option value="">{any}</option>
          {ROLES.map((r) => (
            <option key={r} value={r}>
              {t(`admin.persons.role.${r}`)}
            </option>
          ))}
        </Select>
      </Field>
      <Field label={t('admin.persons.blockedFilter')} size="small">
        <Select
          size="small"
          value={filter.blocked ?? ''}
          onChange={(_e, d) => onFilter({ blocked: d.value === 'yes' || d.value === 'no' ? d.value : undefined })}
        >
          <option value="">{any}</option>
          <option value="no">{t('admin.persons.blockedNo')}</option>
          <option value="yes">{t('admin.persons.blockedYes')}</option>
        </Select>
      </Field>
      {(filter.location || filter.group || filter.role || filter.blocked) && (
        <Button
          size="small"
          onClick={() => onFilter({ location: undefined, group: undefined, role: undefined, blocked: undefined })}
        >
          {t('admin.persons.clear')}
        </Button>
      )}
    </search>
  )
}

function Records({
  records,
  onEdit,
  onLink,
}: {
  records: PersonRecord[]
  onEdit: (id: string) => void
  onLink: (r: PersonRecord) => void
}) {
  const { t } = useTranslation()
  const all = administersAll(useMe().role)
  const { data: locations = [] } = useQuery(locationsQuery)
  const { data: groups = [] } = useQuery(groupsQuery)
  const { data: connectors = [] } = useQuery({ ...connectorsQuery, enabled: all })
  const from = (r: PersonRecord) =>
    !r.directory
      ? t('admin.persons.byHand')
      : (connectors.find((c) => c.id === r.directory)?.name ?? t('admin.persons.aDirectory'))
  const columns = {
    login: t('admin.persons.field.login'),
    location: t('admin.persons.field.location'),
    group: t('admin.persons.field.group'),
    role: t('admin.persons.field.role'),
    marks: t('admin.persons.column.marks'),
    from: t('admin.persons.column.directory'),
  }
  return (
    <table className="table" aria-label={t('admin.persons.list')}>
      <thead>
        <tr>
          <th scope="col">{t('admin.persons.field.name')}</th>
          {Object.values(columns).map((c) => (
            <th key={c} scope="col">
              {c}
            </th>
          ))}
          <th scope="col">
            <span className="hidden">{t('admin.persons.column.actions')}</span>
          </th>
        </tr>
      </thead>
      <tbody>
        {records.map((r) => (
          <tr key={r.id}>
            <th scope="row">
              <span className="with-face">
                <Face id={r.id} name={r.name} size={28} />
                <span className="row-name">{r.name}</span>
              </span>
            </th>
            <td data-label={columns.login} className="long">
              {r.login || <span className="quiet">{t('admin.persons.noLogin')}</span>}
            </td>
            <td data-label={columns.location}>{locations.find((l) => l.id === r.location)?.name ?? r.location}</td>
            <td data-label={columns.group} className={r.group ? undefined : 'unused'}>
              {groups.find((g) => g.id === r.group)?.name ?? r.group}
            </td>
            <td data-label={columns.role}>{t(`admin.persons.role.${r.role}`)}</td>
            <td data-label={columns.marks} className={r.vip || r.blocked ? undefined : 'unused'}>
              <span className="marks">
                {r.vip && (
                  <span className="mark">
                    <Star16Regular aria-hidden="true" /> {t('admin.persons.isVip')}
                  </span>
                )}
                {r.blocked && (
                  <span className="mark warn">
                    <LockClosed16Regular aria-hidden="true" /> {t('admin.persons.isBlocked')}
                  </span>
                )}
              </span>
            </td>
            <td data-label={columns.from}>{from(r)}</td>
            <td className="row-actions">
              <span className="row-buttons">
                <Button
                  appearance="subtle"
                  icon={<Edit20Regular />}
                  aria-label={t('admin.persons.editNamed', { name: r.name })}
                  onClick={() => onEdit(r.id)}
                />
                <ReasonButton
                  appearance="subtle"
                  icon={<Link20Regular />}
                  aria-label={t('admin.persons.link.named', { name: r.name })}
                  reason={
                    !r.login
                      ? t('admin.persons.link.needsLogin')
                      : r.blocked
                        ? t('admin.persons.link.isBlocked')
                        : connectors.find((c) => c.id === r.directory)?.ldap?.sign_in
                          ? t('admin.persons.link.directoryPassword')
                          : undefined
                  }
                  onClick={() => onLink(r)}
                />
              </span>
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}
