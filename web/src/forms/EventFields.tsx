import { Field, Switch } from '@fluentui/react-components'
import { useTranslation } from 'react-i18next'
import type { EventName, Profile, Schemas } from '../lib/model'
import { NumberField } from '../ui/NumberField'
import { ProfileSelect } from './ProfileSelect'

type OnEvent = Schemas['OnEvent']

/** What an event does: for oneself, or for a scope. */
export function EventFields<V extends OnEvent>({
  name,
  value: v,
  profiles,
  known,
  off,
  wrong,
  onChange,
}: {
  name: EventName
  value: V
  profiles: Profile[]
  known?: Profile[]
  off?: boolean
  wrong?: (field: string) => string | undefined
  onChange: (v: V) => void
}) {
  const { t } = useTranslation()
  return (
    <div className="event">
      <Switch
        label={t('settings.on')}
        checked={v.on}
        disabled={off}
        onChange={(_e, d) => onChange({ ...v, on: d.checked })}
      />
      {v.on && (
        <div className="event-fields">
          <Field label={t('settings.profile')} validationMessage={wrong?.('profile')}>
            <ProfileSelect
              value={v.profile}
              profiles={profiles}
              known={known}
              disabled={off}
              onProfile={(profile) => onChange({ ...v, profile })}
            />
          </Field>
          {name === 'inactivity' && (
            <NumberField
              label={t('settings.minutes')}
              value={v.minutes ?? 10}
              min={1}
              max={1440}
              wrong={wrong?.('minutes') ?? t('settings.wholeNumber', { min: 1, max: 1440 })}
              disabled={off}
              onChange={(minutes) => onChange({ ...v, minutes })}
            />
          )}
        </div>
      )}
    </div>
  )
}
