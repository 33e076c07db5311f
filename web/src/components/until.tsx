import { Field, Input, ToggleButton } from '@fluentui/react-components'
import { useId, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { clockTime, fromField, quickEnds, toField } from '../lib/time'
import { useClock, useNow } from './session'

export type Until = { kind: 'open' } | { kind: 'at'; at: Date; name: string } | { kind: 'custom'; text: string }
export const OPEN: Until = { kind: 'open' }

/** The instant of a choice's end; undefined: open; null: the custom time is not one, or is past. */
export function endOf(u: Until, zone: string, now = new Date()): Date | undefined | null {
  if (u.kind === 'open') return undefined
  if (u.kind === 'at') return u.at
  const at = fromField(u.text, zone)
  return at && at > now ? at : null
}

/** Until when: quick choices, and a time of one's own. */
export function UntilPicker({ value, onChange }: { value: Until; onChange: (u: Until) => void }) {
  const { t } = useTranslation()
  const clock = useClock()
  const now = useNow()
  const id = useId()
  const [ends] = useState(() => quickEnds(now, clock.zone))
  const custom = value.kind === 'custom'
  const wrong = custom && value.text !== '' && endOf(value, clock.zone, now) === null
  return (
    <fieldset className="until">
      <legend id={id}>{t('choice.until')}</legend>
      <div className="chips">
        <ToggleButton size="small" shape="circular" checked={value.kind === 'open'} onClick={() => onChange(OPEN)}>
          {t('choice.untilOpen')}
        </ToggleButton>
        {ends.map((q) => {
          const name =
            q.kind === 'minutes'
              ? t('choice.minutes', { minutes: q.minutes })
              : q.kind === 'noon'
                ? clockTime(q.at, clock)
                : t('choice.tomorrow')
          return (
            <ToggleButton
              key={name}
              size="small"
              shape="circular"
              checked={value.kind === 'at' && value.name === name}
              onClick={() => onChange({ kind: 'at', at: q.at, name })}
            >
              {name}
            </ToggleButton>
          )
        })}
        <ToggleButton
          size="small"
          shape="circular"
          checked={custom}
          onClick={() =>
            onChange({ kind: 'custom', text: toField(new Date(now.getTime() + 2 * 3_600_000), clock.zone) })
          }
        >
          {t('choice.custom')}
        </ToggleButton>
      </div>
      {custom && (
        <Field label={t('choice.customLabel')} validationMessage={wrong ? t('choice.past') : undefined} size="small">
          <Input
            type="datetime-local"
            value={value.text}
            onChange={(_e, d) => onChange({ kind: 'custom', text: d.value })}
          />
        </Field>
      )}
    </fieldset>
  )
}
