import './profiles.css'
import { Button } from '@fluentui/react-components'
import {
  Add20Regular,
  ArrowDown20Regular,
  ArrowUp20Regular,
  Delete20Regular,
  Edit20Regular,
  PersonTag24Regular,
  ReOrderDotsVertical20Regular,
} from '@fluentui/react-icons'
import { useQuery } from '@tanstack/react-query'
import { useRef, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { profilesQuery, useOwnProfiles } from '../api/queries'
import { Confirm } from '../components/Confirm'
import { useProblemText } from '../components/problem'
import { QueryTrouble } from '../components/trouble'
import { ProfileDialog } from '../forms/ProfileDialog'
import { forwardingWords } from '../lib/change-words'
import { type Profile, permittedStatuses } from '../lib/model'
import { moved } from '../lib/order'
import { shipped } from '../lib/shipped'
import { Empty, Page, Section, Trouble, Waiting } from '../ui/parts'
import { StatusShape } from '../ui/StatusShape'

const fresh: Profile = { name: '', status: 'busy', forwarding: { action: 'keep' } }

export function ProfilesPage() {
  const { t } = useTranslation()
  const query = useQuery(profilesQuery('me'))
  const save = useOwnProfiles()
  const say = useProblemText()
  const [edited, setEdited] = useState<Profile>()
  const [deleted, setDeleted] = useState<Profile>()
  const [said, setSaid] = useState('')
  const drag = useRef<number>(undefined)
  const [over, setOver] = useState<number>()
  const data = query.data
  const own = data?.own ?? []

  const move = (from: number, to: number) => {
    const f = own[from]
    if (!f || from === to || to < 0 || to >= own.length) return
    save.mutate(moved(own, from, to))
    setSaid(t('profiles.moved', { name: f.name, place: to + 1, count: own.length }))
  }

  return (
    <Page title={t('nav.profiles')} lead={t('profiles.lead')}>
      {query.error && <QueryTrouble error={query.error} again={() => void query.refetch()} />}
      {query.isPending && <Waiting label={t('waiting')} />}
      {data && (
        <>
          <Section
            title={t('profiles.own')}
            note={data.own_allowed ? t('profiles.ownNote') : t('profiles.notAllowed')}
            actions={
              data.own_allowed && (
                <Button appearance="primary" icon={<Add20Regular />} onClick={() => setEdited(fresh)}>
                  {t('profiles.add')}
                </Button>
              )
            }
          >
            {save.error && <Trouble>{say(save.error)}</Trouble>}
            <ol className="rows profile-rows" aria-label={t('profiles.own')}>
              {own.map((f, i) => (
                <li
                  key={f.id}
                  draggable
                  className={over === i ? 'drop' : undefined}
                  onDragStart={(e) => {
                    drag.current = i
                    e.dataTransfer.effectAllowed = 'move'
                  }}
                  onDragOver={(e) => {
                    if (drag.current === undefined) return
                    e.preventDefault()
                    setOver(i)
                  }}
                  onDragEnd={() => {
                    drag.current = undefined
                    setOver(undefined)
                  }}
                  onDrop={(e) => {
                    e.preventDefault()
                    if (drag.current !== undefined) move(drag.current, i)
                    drag.current = undefined
                    setOver(undefined)
                  }}
                >
                  <span className="grip" title={t('profiles.drag')} aria-hidden="true">
                    <ReOrderDotsVertical20Regular />
                  </span>
                  <ProfileWords f={f} />
                  <span className="profile-buttons">
                    <Button
                      appearance="subtle"
                      icon={<ArrowUp20Regular />}
                      aria-label={t('profiles.up', { name: f.name })}
                      disabledFocusable={i === 0}
                      onClick={() => move(i, i - 1)}
                    />
                    <Button
                      appearance="subtle"
                      icon={<ArrowDown20Regular />}
                      aria-label={t('profiles.down', { name: f.name })}
                      disabledFocusable={i === own.length - 1}
                      onClick={() => move(i, i + 1)}
                    />
                    <Button
                      appearance="subtle"
                      icon={<Edit20Regular />}
                      data-edit
                      aria-label={t('profiles.editNamed', { name: f.name })}
                      onClick={() => setEdited(f)}
                    />
                    <Button
                      appearance="subtle"
                      icon={<Delete20Regular />}
                      aria-label={t('profiles.deleteNamed', { name: f.name })}
                      onClick={() => setDeleted(f)}
                    />
                  </span>
                </li>
              ))}
            </ol>
            {data.own_allowed && !own.length && (
              <Empty icon={<PersonTag24Regular />} title={t('profiles.ownNone')}>
                {t('profiles.ownNoneHint')}
              </Empty>
            )}
            <div className="hidden" role="status">
              {said}
            </div>
          </Section>
          <Section title={t('profiles.templates')} note={t('profiles.templatesNote')}>
            <ul className="rows profile-rows two" aria-label={t('profiles.templates')}>
              {data.templates.map((f) => (
                <li key={f.id}>
                  <ProfileWords f={f} />
                </li>
              ))}
            </ul>
          </Section>
          {edited && (
            <ProfileDialog
              profile={edited}
              others={own.filter((f) => f !== edited)}
              permitted={permittedStatuses(data.permitted)}
              onClose={() => setEdited(undefined)}
              onSave={(f) => save.mutateAsync(edited.id ? own.map((x) => (x.id === edited.id ? f : x)) : [...own, f])}
            />
          )}
          {deleted && (
            <Confirm
              title={t('profiles.deleteTitle', { name: deleted.name })}
              action={t('profiles.delete')}
              onClose={() => setDeleted(undefined)}
              onConfirm={() => save.mutate(own.filter((f) => f.id !== deleted.id))}
            >
              {t('profiles.deleteText')}
            </Confirm>
          )}
        </>
      )}
    </Page>
  )
}

function ProfileWords({ f }: { f: Profile }) {
  const { t } = useTranslation()
  return (
    <>
      <StatusShape status={f.status} size={20} label={t(`status.${f.status}`)} />
      <div className="grow profile-words">
        <span className="profile-name">{shipped(f.name, t)}</span>
        {f.text && f.text !== f.name && <span className="quiet">{shipped(f.text, t)}</span>}
        <span className="profile-forwarding">{forwardingWords(f.forwarding, t)}</span>
      </div>
    </>
  )
}
