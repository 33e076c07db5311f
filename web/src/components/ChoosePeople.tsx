import { Button, Combobox, Field, Option } from '@fluentui/react-components'
import { Dismiss16Regular } from '@fluentui/react-icons'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { searchQuery } from '../api/queries'
import { Face } from '../ui/Face'
import { useNames } from './names'

/** How many of those who are chosen are listed before one asks for all. */
const LISTED = 20

/** Choose people by search: one, or any number. */
export function ChoosePeople({
  label,
  value,
  single,
  hint,
  wrong,
  onChange,
}: {
  label: string
  value: string[]
  single?: boolean
  hint?: string
  wrong?: string
  onChange: (ids: string[]) => void
}) {
  const { t } = useTranslation()
  const [q, setQ] = useState('')
  const [all, setAll] = useState(false)
  const [open, setOpen] = useState(false)
  const found = useQuery(searchQuery(q.trim()))
  const shown = all ? value : value.slice(0, LISTED)
  const nameOf = useNames(shown)
  const people = q.trim() ? (found.data?.people ?? []) : []
  return (
    <div className="choose">
      {(!single || value.length === 0) && (
        <Field
          // Enter is for the list; it must not send the form around it.
          onKeyDown={(e) => e.key === 'Enter' && e.preventDefault()}
          label={single ? label : `${label}: ${t('admin.choose.add')}`}
          hint={hint}
          validationMessage={wrong}
        >
          <Combobox
            freeform
            multiselect={!single}
            inlinePopup
            placeholder={t('admin.choose.placeholder')}
            value={q}
            selectedOptions={value}
            open={open}
            onOpenChange={(_e, d) => setOpen(d.open)}
            onChange={(e) => {
              setQ(e.target.value)
              setOpen(true)
            }}
            onOptionSelect={(_e, d) => {
              const id = d.optionValue
              if (!id) return // typing takes back what stands there
              setQ('')
              if (single) onChange([id])
              else onChange(value.includes(id) ? value.filter((x) => x !== id) : [...value, id])
            }}
          >
            {people.map((p) => (
              <Option key={p.id} value={p.id} text={p.name}>
                <Face id={p.id} name={p.name} size={24} />
                <span className="choose-name">{p.name}</span>
                {p.work_number && <span className="note">{p.work_number}</span>}
              </Option>
            ))}
            {!people.length && (
              <Option value="" text="" disabled>
                {q.trim() && found.data ? t('admin.choose.noneFound') : t('admin.choose.type')}
              </Option>
            )}
          </Combobox>
        </Field>
      )}
      {single && value.length > 0 && <p className="choose-label">{label}</p>}
      {value.length > 0 ? (
        <ul className="chosen" aria-label={label}>
          {shown.map((id) => {
            const name = nameOf(id).name ?? id
            return (
              <li key={id}>
                <Face id={id} name={name} size={24} />
                <span>{name}</span>
                <Button
                  appearance="subtle"
                  size="small"
                  icon={<Dismiss16Regular />}
                  aria-label={t('admin.choose.removeNamed', { name })}
                  onClick={() => onChange(value.filter((x) => x !== id))}
                />
              </li>
            )
          })}
        </ul>
      ) : (
        !single && <p className="note">{t('admin.choose.nobody')}</p>
      )}
      {shown.length < value.length && (
        <Button size="small" onClick={() => setAll(true)}>
          {t('admin.choose.more', { count: value.length })}
        </Button>
      )}
    </div>
  )
}
