import './team.css'
import { Button } from '@fluentui/react-components'
import { Add20Regular, Checkmark16Regular, Edit20Regular, People24Regular } from '@fluentui/react-icons'
import { useInfiniteQuery } from '@tanstack/react-query'
import { useNavigate, useSearch } from '@tanstack/react-router'
import { useCallback, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { peoplePages } from '../api/admin'
import { useWatch } from '../api/live'
import { usePresence } from '../api/presence-store'
import { PresenceLineText } from '../components/PersonTile'
import { SearchField } from '../components/SearchField'
import { QueryTrouble } from '../components/trouble'
import { EditPerson, PersonDialog } from '../forms/PersonDialog'
import type { Card } from '../lib/model'
import { Face } from '../ui/Face'
import { Empty, Page, Section, Waiting } from '../ui/parts'
import { StatusShape } from '../ui/StatusShape'

/** Everybody, by search and pages; the address says whose record is open. */
export function PersonsPage() {
  const { t } = useTranslation()
  const { q = '', edit } = useSearch({ from: '/app/admin/people' })
  const navigate = useNavigate()
  const query = useInfiniteQuery(peoplePages(q))
  const [said, setSaid] = useState('')
  const search = useCallback(
    (words: string) =>
      void navigate({ to: '/admin/people', search: (s) => ({ ...s, q: words || undefined }), replace: true }),
    [navigate],
  )
  const open = (id: string | undefined) =>
    void navigate({ to: '/admin/people', search: (s) => ({ ...s, edit: id }), replace: id === undefined })
  const done = (what: 'saved' | 'deleted', name: string) => setSaid(t(`admin.persons.${what}`, { name }))
  const people = query.data?.pages.flatMap((p) => p.people) ?? []
  useWatch(people.map((p) => p.id))
  return (
    <Page
      title={t('nav.people')}
      lead={t('admin.persons.lead')}
      actions={
        <Button appearance="primary" icon={<Add20Regular />} onClick={() => open('new')}>
          {t('admin.persons.add')}
        </Button>
      }
    >
      <Section
        title={t('admin.persons.list')}
        actions={<SearchField q={q} label={t('admin.persons.search')} onSearch={search} />}
      >
        <p className={said ? 'saved said' : 'hidden'} role="status">
          {said && <Checkmark16Regular aria-hidden="true" />} {said}
        </p>
        {query.isPending && <Waiting label={t('waiting')} />}
        {query.error && <QueryTrouble error={query.error} again={() => void query.refetch()} />}
        {query.data && !people.length && (
          <Empty icon={<People24Regular />} title={q ? t('admin.persons.noneFound', { q }) : t('admin.persons.none')} />
        )}
        <ul className="rows" aria-label={t('admin.persons.list')}>
          {people.map((p) => (
            <Row key={p.id} card={p} onEdit={() => open(p.id)} />
          ))}
        </ul>
        {query.hasNextPage && (
          <Button className="more" disabled={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>
            {t('admin.persons.more')}
          </Button>
        )}
      </Section>
      {edit === 'new' && <PersonDialog onClose={() => open(undefined)} onDone={done} />}
      {edit && edit !== 'new' && <EditPerson id={edit} onClose={() => open(undefined)} onDone={done} />}
    </Page>
  )
}

function Row({ card, onEdit }: { card: Card; onEdit: () => void }) {
  const { t } = useTranslation()
  const p = usePresence(card.id, card.presence)
  const shape = p?.off ? 'off' : p?.status
  return (
    <li className="person-row">
      <Face id={card.id} name={card.name} size={32}>
        {shape && <StatusShape status={shape} size={15} />}
      </Face>
      <div className="grow">
        <p className="row-name">{card.name}</p>
        <PresenceLineText p={p} />
      </div>
      <p className="note person-contact">{[card.location, card.work_number, card.email].filter(Boolean).join(' · ')}</p>
      <Button
        appearance="subtle"
        icon={<Edit20Regular />}
        aria-label={t('admin.persons.editNamed', { name: card.name })}
        onClick={onEdit}
      />
    </li>
  )
}
