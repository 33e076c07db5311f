import { Switch } from '@fluentui/react-components'
import { LockClosed16Regular } from '@fluentui/react-icons'
import { useQuery } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { profilesQuery } from '../api/queries'
import { useProblemText } from '../components/problem'
import { useOwnSettings } from '../components/settings'
import { QueryTrouble } from '../components/trouble'
import { EventFields } from '../forms/EventFields'
import { eventWords } from '../lib/change-words'
import { EVENTS, type EventName, type Profiles, type Schemas } from '../lib/model'
import { shipped } from '../lib/shipped'
import { Section, Trouble, Waiting } from '../ui/parts'
import { Saved } from './settings-general'

type OnEvent = Schemas['OnEvent']

export function ActivationPage() {
  const { t } = useTranslation()
  const { query, save, change } = useOwnSettings()
  const profiles = useQuery(profilesQuery('me'))
  const say = useProblemText()
  const set = (e: EventName, v: OnEvent | undefined) =>
    change((own) => {
      const { [e]: _, ...others } = own.activation ?? {}
      return { ...own, activation: v ? { ...others, [e]: v } : others }
    })
  return (
    <>
      <div className="row spread">
        <p className="lead">{t('settings.activationLead')}</p>
        {save.isSuccess && <Saved />}
      </div>
      {query.isPending && <Waiting label={t('waiting')} />}
      {query.error && <QueryTrouble error={query.error} again={() => void query.refetch()} />}
      {save.error && <Trouble>{say(save.error)}</Trouble>}
      {query.data &&
        profiles.data &&
        EVENTS.map((e) => {
          const s = query.data.activation[e]
          return s && <EventCard key={e} name={e} s={s} profiles={profiles.data} set={(v) => set(e, v)} />
        })}
    </>
  )
}

function EventCard({
  name,
  s,
  profiles,
  set,
}: {
  name: EventName
  s: Schemas['EventSetting']
  profiles: Profiles
  set: (v: OnEvent | undefined) => void
}) {
  const { t } = useTranslation()
  const named = (id: string) =>
    shipped([...profiles.own, ...profiles.templates].find((f) => f.id === id)?.name ?? id, t)
  const title = t(`settings.event.${name}`)
  const locked = !s.central.user_may_change
  const { user_may_change: _, ...central } = s.central
  const v = s.own ?? central
  return (
    <Section
      title={title}
      note={t('settings.central', { value: eventWords(central, named, t) })}
      actions={
        locked ? (
          <span className="locked">
            <LockClosed16Regular aria-hidden="true" /> {t('settings.byAdmin')}
          </span>
        ) : (
          <Switch
            label={t('settings.useOwn')}
            labelPosition="before"
            checked={!!s.own}
            onChange={(_e, d) => set(d.checked ? { ...central } : undefined)}
            aria-label={`${t('settings.useOwn')}: ${title}`}
          />
        )
      }
    >
      {s.own && !locked && (
        <EventFields name={name} value={v} profiles={[...profiles.own, ...profiles.templates]} onChange={set} />
      )}
    </Section>
  )
}
