/** The sections of a scope's settings, each with its value and what changes it. They know nothing about saving. */
import { Checkbox, Field, Radio, RadioGroup, Select, Switch } from '@fluentui/react-components'
import { useTranslation } from 'react-i18next'
import { EVENTS, LEVELS, type SectionName, type Template, WITHHELD } from '../lib/model'
import type { Values } from '../lib/scope'
import { StatusShape } from '../ui/StatusShape'
import { CalendarFields } from './CalendarFields'
import { CalendarMethod } from './CalendarMethod'
import { EventFields } from './EventFields'
import { UsersMay } from './UsersMay'

type Props<S extends SectionName> = {
  value: Values[S]
  /** The location decides here. */
  off: boolean
  onChange: (value: Values[S]) => void
}
type Profiles = {
  templates: Template[]
  /** What the server found wrong with a field of the section. */
  wrong: (field: string) => string | undefined
}

const active = (templates: Template[]) => templates.filter((x) => x.active)

export function FeatureForm({ value, off, onChange }: Props<'feature'>) {
  const { t } = useTranslation()
  return (
    <Switch
      label={t('admin.feature.enabled')}
      checked={value.enabled}
      disabled={off}
      onChange={(_e, d) => onChange({ enabled: d.checked })}
    />
  )
}

export function OwnProfilesForm({ value, off, onChange }: Props<'own_profiles'>) {
  const { t } = useTranslation()
  return (
    <div className="stack">
      <Switch
        label={t('admin.ownProfiles.allowed')}
        checked={value.allowed}
        disabled={off}
        onChange={(_e, d) => onChange({ ...value, allowed: d.checked })}
      />
      <fieldset className="permitted">
        <legend>
          {t('admin.ownProfiles.permitted')} <span className="note">{t('admin.ownProfiles.note')}</span>
        </legend>
        {(['available', ...WITHHELD, 'logged_out'] as const).map((s) => {
          const withheld = WITHHELD.find((x) => x === s)
          return (
            <div key={s} className="permitted-one">
              <Checkbox
                label={
                  <span className="with-shape">
                    <StatusShape status={s} size={18} />
                    {t(`status.${s}`)}
                    {!withheld && <span className="note">({t('admin.ownProfiles.always')})</span>}
                  </span>
                }
                disabled={off || !withheld}
                checked={!withheld || value.permitted.includes(withheld)}
                onChange={(_e, d) =>
                  onChange({
                    ...value,
                    permitted: WITHHELD.filter((x) => (x === s ? d.checked === true : value.permitted.includes(x))),
                  })
                }
              />
            </div>
          )
        })}
      </fieldset>
    </div>
  )
}

export function ActivationForm({ value, off, templates, wrong, onChange }: Props<'activation'> & Profiles) {
  const { t } = useTranslation()
  return (
    <div className="scope-events">
      {EVENTS.map((e) => {
        const rule = value[e]
        const title = t(`settings.event.${e}`)
        return (
          <fieldset key={e} className="scope-event">
            <legend>{title}</legend>
            <EventFields
              name={e}
              value={rule}
              profiles={active(templates)}
              known={templates}
              off={off}
              wrong={(field) => wrong(`activation.${e}.${field}`)}
              onChange={(v) => onChange({ ...value, [e]: v })}
            />
            <UsersMay
              name={title}
              value={rule.user_may_change}
              off={off}
              onChange={(user_may_change) => onChange({ ...value, [e]: { ...rule, user_may_change } })}
            />
          </fieldset>
        )
      })}
    </div>
  )
}

export function CalendarForm({
  scope,
  value,
  off,
  templates,
  wrong,
  onChange,
}: Props<'calendar'> & Profiles & { scope: string }) {
  const { t } = useTranslation()
  return (
    <div className="stack">
      <CalendarMethod
        scope={scope}
        value={value}
        off={off}
        wrong={(field) => wrong(`calendar.${field}`)}
        onChange={onChange}
      />
      <CalendarFields
        value={value}
        profiles={active(templates)}
        known={templates}
        off={off}
        wrong={(field) => wrong(`calendar.${field}`)}
        onChange={(part) => onChange({ ...value, ...part })}
      />
      <Checkbox
        label={t('admin.calendar.own')}
        disabled={off}
        checked={value.own_calendars}
        onChange={(_e, d) => onChange({ ...value, own_calendars: d.checked === true })}
      />
      <div className="fields">
        <UsersMay
          name={t('admin.section.calendar')}
          value={value.user_may_change}
          off={off}
          onChange={(user_may_change) => onChange({ ...value, user_may_change })}
        />
      </div>
    </div>
  )
}

export function RelationshipsForm({ value, off, onChange }: Props<'relationships'>) {
  const { t } = useTranslation()
  return (
    <div className="stack">
      <Field
        label={t('admin.relationships.default')}
        hint={`${t(`relationships.level.${value.default}`)}: ${t(`admin.relationships.means.${value.default}`)}`}
      >
        <Select
          className="level-select"
          value={value.default}
          disabled={off}
          onChange={(_e, d) => onChange({ ...value, default: LEVELS.find((l) => l === d.value) ?? value.default })}
        >
          {LEVELS.map((l) => (
            <option key={l} value={l}>
              {t(`relationships.level.${l}`)}
            </option>
          ))}
        </Select>
      </Field>
      <Field hint={t('admin.relationships.extendHint')}>
        <Checkbox
          label={t('admin.relationships.extendOnly')}
          disabled={off}
          checked={value.extend_only}
          onChange={(_e, d) => onChange({ ...value, extend_only: d.checked === true })}
        />
      </Field>
    </div>
  )
}

/** Whose settings a configuration group takes in a section (R1). */
export function SectionChoice({
  section,
  individual,
  onChange,
}: {
  section: SectionName
  individual: boolean
  onChange: (individual: boolean) => void
}) {
  const { t } = useTranslation()
  return (
    <RadioGroup
      layout="horizontal"
      className="section-choice"
      aria-label={t('admin.scope.choiceOf', { section: t(`admin.section.${section}`) })}
      value={individual ? 'individual' : 'default'}
      onChange={(_e, d) => onChange(d.value === 'individual')}
    >
      <Radio value="default" label={t('admin.scope.default')} />
      <Radio value="individual" label={t('admin.scope.individual')} />
    </RadioGroup>
  )
}
