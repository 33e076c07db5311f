import { Button } from '@fluentui/react-components'
import { Add20Regular, Building24Regular, Copy20Regular, Delete20Regular, Edit20Regular } from '@fluentui/react-icons'
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { groupsQuery, locationsQuery, useRemoveScope } from '../api/admin'
import { Confirm } from '../components/Confirm'
import { useProblemText } from '../components/problem'
import { useMe } from '../components/session'
import { QueryTrouble } from '../components/trouble'
import { DuplicateDialog, GroupDialog, LocationDialog } from '../forms/ScopeDialog'
import { administersAll, type Group, type Location } from '../lib/model'
import { Empty, Page, Section, Trouble, Waiting } from '../ui/parts'
import { ReasonButton } from '../ui/ReasonButton'

type Open =
  | { kind: 'location' | 'duplicate'; location?: Location }
  | { kind: 'group'; location: string; group?: Group }
  | { kind: 'remove'; what: 'location' | 'group'; id: string; name: string }

/** Locations, and the configuration groups in them. */
export function LocationsPage() {
  const { t } = useTranslation()
  const locations = useQuery(locationsQuery)
  const groups = useQuery(groupsQuery)
  const remove = useRemoveScope()
  const say = useProblemText()
  const [open, setOpen] = useState<Open>()
  const foreign = useOnlySystem()
  const close = () => setOpen(undefined)
  const error = locations.error ?? groups.error
  return (
    <Page
      title={t('nav.locations')}
      lead={t('admin.locations.lead')}
      actions={
        <ReasonButton
          reason={foreign}
          appearance="primary"
          icon={<Add20Regular />}
          onClick={() => setOpen({ kind: 'location' })}
        >
          {t('admin.locations.add')}
        </ReasonButton>
      }
    >
      {(locations.isPending || groups.isPending) && !error && <Waiting label={t('waiting')} />}
      {error && (
        <QueryTrouble
          error={error}
          again={() => {
            void locations.refetch()
            void groups.refetch()
          }}
        />
      )}
      {locations.data?.length === 0 && (
        <Empty icon={<Building24Regular />} title={t('admin.locations.none')}>
          {t('admin.locations.noneHint')}
        </Empty>
      )}
      {groups.data &&
        locations.data?.map((l) => (
          <LocationCard
            key={l.id}
            l={l}
            groups={groups.data.filter((g) => g.location === l.id)}
            trouble={
              remove.error && remove.variables.kind === 'location' && remove.variables.id === l.id
                ? say(remove.error)
                : undefined
            }
            groupTrouble={
              remove.error && remove.variables.kind === 'group'
                ? { id: remove.variables.id, words: say(remove.error) }
                : undefined
            }
            onOpen={setOpen}
          />
        ))}
      {open?.kind === 'location' && <LocationDialog location={open.location} onClose={close} />}
      {open?.kind === 'duplicate' && open.location && <DuplicateDialog location={open.location} onClose={close} />}
      {open?.kind === 'group' && <GroupDialog location={open.location} group={open.group} onClose={close} />}
      {open?.kind === 'remove' && (
        <Confirm
          title={t('admin.locations.removeTitle', { name: open.name })}
          action={t('remove')}
          onClose={close}
          onConfirm={() => remove.mutate({ kind: open.what, id: open.id })}
        >
          {open.what === 'location' ? t('admin.locations.removeText') : t('admin.locations.removeGroupText')}
        </Confirm>
      )}
    </Page>
  )
}

function LocationCard({
  l,
  groups,
  trouble,
  groupTrouble,
  onOpen,
}: {
  l: Location
  groups: Group[]
  trouble?: string
  groupTrouble?: { id: string; words: string }
  onOpen: (open: Open) => void
}) {
  const { t } = useTranslation()
  const id = l.id ?? ''
  const foreign = useOnlySystem()
  return (
    <Section
      title={l.name}
      note={`${t('admin.people', { count: l.people ?? 0 })} · ${l.time_zone.replaceAll('_', ' ')}`}
      actions={
        <span className="row-buttons">
          <ManageLink scope={id} name={l.name} />
          <Button
            appearance="subtle"
            icon={<Edit20Regular />}
            aria-label={t('admin.locations.editNamed', { name: l.name })}
            onClick={() => onOpen({ kind: 'location', location: l })}
          />
          <ReasonButton
            reason={foreign}
            appearance="subtle"
            icon={<Copy20Regular />}
            aria-label={t('admin.locations.duplicateNamed', { name: l.name })}
            onClick={() => onOpen({ kind: 'duplicate', location: l })}
          />
          <ReasonButton
            reason={foreign}
            appearance="subtle"
            icon={<Delete20Regular />}
            aria-label={t('admin.locations.removeNamed', { name: l.name })}
            onClick={() => onOpen({ kind: 'remove', what: 'location', id, name: l.name })}
          />
        </span>
      }
    >
      {trouble && <Trouble>{trouble}</Trouble>}
      {groups.length === 0 && <p className="note">{t('admin.locations.noGroups')}</p>}
      <ul className="rows tree" aria-label={t('admin.locations.groups', { name: l.name })}>
        {groups.map((g) => (
          <li key={g.id}>
            <div className="grow">
              <p className="row-name">{g.name}</p>
              <p className="note">{t('admin.people', { count: g.people ?? 0 })}</p>
              {groupTrouble && groupTrouble.id === g.id && <Trouble>{groupTrouble.words}</Trouble>}
            </div>
            <span className="row-buttons">
              <ManageLink scope={g.id ?? ''} name={g.name} />
              <Button
                appearance="subtle"
                icon={<Edit20Regular />}
                aria-label={t('admin.locations.editNamed', { name: g.name })}
                onClick={() => onOpen({ kind: 'group', location: id, group: g })}
              />
              <Button
                appearance="subtle"
                icon={<Delete20Regular />}
                aria-label={t('admin.locations.removeNamed', { name: g.name })}
                onClick={() => onOpen({ kind: 'remove', what: 'group', id: g.id ?? '', name: g.name })}
              />
            </span>
          </li>
        ))}
      </ul>
      <Button
        className="tree-add"
        size="small"
        icon={<Add20Regular />}
        aria-label={t('admin.locations.addGroupTo', { name: l.name })}
        onClick={() => onOpen({ kind: 'group', location: id })}
      >
        {t('admin.locations.addGroup')}
      </Button>
    </Section>
  )
}

/** Why a button for system administrators may not be pressed; undefined if it may. */
function useOnlySystem(): string | undefined {
  const { t } = useTranslation()
  return administersAll(useMe().role) ? undefined : t('admin.onlySystem')
}

function ManageLink({ scope, name }: { scope: string; name: string }) {
  const { t } = useTranslation()
  return (
    <Link
      to="/admin/scopes/$scope"
      params={{ scope }}
      className="manage"
      aria-label={t('admin.locations.manageNamed', { name })}
    >
      {t('admin.locations.manage')}
    </Link>
  )
}
