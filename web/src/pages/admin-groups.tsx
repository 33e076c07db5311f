import { Button } from '@fluentui/react-components'
import { Add20Regular, Delete20Regular, Edit20Regular, Organization24Regular } from '@fluentui/react-icons'
import { useQuery } from '@tanstack/react-query'
import { type ReactNode, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { monitoringGroupsQuery, useRemoveGroup, workGroupsQuery } from '../api/admin'
import { Confirm } from '../components/Confirm'
import { useNames } from '../components/names'
import { useProblemText } from '../components/problem'
import { QueryTrouble } from '../components/trouble'
import { MonitoringGroupDialog, WorkGroupDialog } from '../forms/GroupDialogs'
import type { Schemas } from '../lib/model'
import { Empty, Page, Section, Trouble, Waiting } from '../ui/parts'

type Work = Schemas['WorkGroup']
type Monitoring = Schemas['MonitoringGroup']
type Open =
  | { kind: 'work'; group?: Work }
  | { kind: 'monitoring'; group?: Monitoring }
  | { kind: 'remove'; what: 'work' | 'monitoring'; id: string; name: string }

/** Work groups and monitoring groups: who is what to whom by the administration. */
export function GroupsPage() {
  const { t } = useTranslation()
  const work = useQuery(workGroupsQuery)
  const monitoring = useQuery(monitoringGroupsQuery)
  const remove = useRemoveGroup()
  const say = useProblemText()
  const [open, setOpen] = useState<Open>()
  const close = () => setOpen(undefined)
  return (
    <Page title={t('nav.groups')} lead={t('admin.groups.lead')}>
      {remove.error && <Trouble>{say(remove.error)}</Trouble>}
      <Section
        title={t('admin.groups.work')}
        note={t('admin.groups.workNote')}
        actions={
          <Button icon={<Add20Regular />} appearance="primary" onClick={() => setOpen({ kind: 'work' })}>
            {t('admin.groups.addWork')}
          </Button>
        }
      >
        <State query={work} none={t('admin.groups.noneWork')} />
        <ul className="rows" aria-label={t('admin.groups.work')}>
          {work.data?.map((g) => (
            <Row
              key={g.id}
              name={g.name}
              onEdit={() => setOpen({ kind: 'work', group: g })}
              onRemove={() => setOpen({ kind: 'remove', what: 'work', id: g.id ?? '', name: g.name })}
            >
              <p>{t('admin.groups.mutual', { level: t(`relationships.level.${g.level}`) })}</p>
              <Names ids={g.members} words={(names) => t('admin.groups.membersOf', { names })} />
            </Row>
          ))}
        </ul>
      </Section>
      <Section
        title={t('admin.groups.monitoring')}
        note={t('admin.groups.monitoringNote')}
        actions={
          <Button icon={<Add20Regular />} appearance="primary" onClick={() => setOpen({ kind: 'monitoring' })}>
            {t('admin.groups.addMonitoring')}
          </Button>
        }
      >
        <State query={monitoring} none={t('admin.groups.noneMonitoring')} />
        <ul className="rows" aria-label={t('admin.groups.monitoring')}>
          {monitoring.data?.map((g) => (
            <Row
              key={g.id}
              name={g.name}
              onEdit={() => setOpen({ kind: 'monitoring', group: g })}
              onRemove={() => setOpen({ kind: 'remove', what: 'monitoring', id: g.id ?? '', name: g.name })}
            >
              <p>
                {t('admin.groups.observersAre', { level: t(`relationships.level.${g.observer_level}`) })} ·{' '}
                {t('admin.groups.membersAre', { level: t(`relationships.level.${g.member_level}`) })}
              </p>
              <Names ids={g.observers} words={(names) => t('admin.groups.observersOf', { names })} />
              <Names ids={g.members} words={(names) => t('admin.groups.membersOf', { names })} />
            </Row>
          ))}
        </ul>
      </Section>
      {open?.kind === 'work' && <WorkGroupDialog group={open.group} onClose={close} />}
      {open?.kind === 'monitoring' && <MonitoringGroupDialog group={open.group} onClose={close} />}
      {open?.kind === 'remove' && (
        <Confirm
          title={t('admin.groups.removeTitle', { name: open.name })}
          action={t('remove')}
          onClose={close}
          onConfirm={() => remove.mutate({ kind: open.what, id: open.id })}
        >
          {t('admin.groups.removeText')}
        </Confirm>
      )}
    </Page>
  )
}

type Query = { isPending: boolean; error: unknown; data?: unknown[]; refetch: () => unknown }

function State({ query, none }: { query: Query; none: string }) {
  const { t } = useTranslation()
  return (
    <>
      {query.isPending && <Waiting label={t('waiting')} rows={3} />}
      {!!query.error && <QueryTrouble error={query.error} again={() => void query.refetch()} />}
      {query.data?.length === 0 && (
        <Empty icon={<Organization24Regular />} title={none}>
          {t('admin.groups.noneHint')}
        </Empty>
      )}
    </>
  )
}

function Row({
  name,
  children,
  onEdit,
  onRemove,
}: {
  name: string
  children: ReactNode
  onEdit: () => void
  onRemove: () => void
}) {
  const { t } = useTranslation()
  return (
    <li>
      <div className="grow">
        <p className="row-name">{name}</p>
        {children}
      </div>
      <span className="row-buttons">
        <Button
          appearance="subtle"
          icon={<Edit20Regular />}
          aria-label={t('admin.groups.editNamed', { name })}
          onClick={onEdit}
        />
        <Button
          appearance="subtle"
          icon={<Delete20Regular />}
          aria-label={t('admin.groups.removeNamed', { name })}
          onClick={onRemove}
        />
      </span>
    </li>
  )
}

/** The first of them by name; a group may have thousands. */
const NAMED = 8

function Names({ ids, words }: { ids: string[]; words: (names: string) => string }) {
  const { t } = useTranslation()
  const first = ids.slice(0, NAMED)
  const nameOf = useNames(first)
  const names = first.map((id) => nameOf(id).name ?? '…').join(', ') || t('admin.choose.nobody')
  const more = ids.length - first.length
  return <p className="note">{words(more > 0 ? `${names} ${t('admin.choose.andMore', { count: more })}` : names)}</p>
}
