import { Checkbox, Field } from '@fluentui/react-components'
import { useTranslation } from 'react-i18next'
import { type CalendarOptions, type Profile, SHOW_AS } from '../lib/model'
import { NumberField } from '../ui/NumberField'
import { ProfileSelect } from './ProfileSelect'

const FLAGS = ['subject_as_text', 'all_day', 'category_profiles', 'only_with_category'] as const

/** How appointments become presence: for oneself, or for a scope. */
export function CalendarFields({
  value: v,
  profiles,
  known,
  off,
  wrong,
  onChange,
}: {
  value: CalendarOptions
  profiles: Profile[]
  known?: Profile[]
  off?: boolean
  wrong?: (field: string) => string | undefined
  onChange: (part: Partial<CalendarOptions>) => void
}) {
  const { t } = useTranslation()
  // A category that selects nothing cannot be asked for (CalendarOptions.check in internal/policy/settings.go).
  const needs = (f: (typeof FLAGS)[number]) => f === 'only_with_category' && !v.category_profiles
  return (
    <div className="stack">
      <div className="fields">
        <Field label={t('settings.options.profile')} validationMessage={wrong?.('profile')}>
          <ProfileSelect
            value={v.profile}
            profiles={profiles}
            known={known}
            disabled={off}
            onProfile={(profile) => onChange({ profile })}
          />
        </Field>
        <NumberField
          label={t('settings.options.days_ahead')}
          value={v.days_ahead}
          min={1}
          max={365}
          wrong={wrong?.('days_ahead') ?? t('settings.wholeNumber', { min: 1, max: 365 })}
          disabled={off}
          onChange={(days_ahead) => onChange({ days_ahead })}
        />
      </div>
      <div className="options">
        <fieldset>
          <legend>{t('settings.options.show_as')}</legend>
          {SHOW_AS.map((x) => (
            <Checkbox
              key={x}
              label={t(`showAs.${x}`)}
              disabled={off}
              checked={v.show_as.includes(x)}
              onChange={(_e, d) =>
                onChange({ show_as: SHOW_AS.filter((y) => (y === x ? d.checked === true : v.show_as.includes(y))) })
              }
            />
          ))}
        </fieldset>
        {FLAGS.map((f) => (
          <div key={f}>
            <Checkbox
              label={t(`settings.options.${f}`)}
              disabled={off || needs(f)}
              checked={v[f]}
              onChange={(_e, d) =>
                onChange({
                  [f]: d.checked === true,
                  ...(f === 'category_profiles' && !d.checked ? { only_with_category: false } : {}),
                })
              }
            />
            {needs(f) && !off && <p className="note needs">{t('admin.calendar.needsCategory')}</p>}
          </div>
        ))}
      </div>
    </div>
  )
}
