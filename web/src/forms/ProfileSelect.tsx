import { Select, type SelectProps } from '@fluentui/react-components'
import { useTranslation } from 'react-i18next'
import type { Profile } from '../lib/model'
import { shipped } from '../lib/shipped'

/** One of the profiles that are offered. One that is not offered any more is still told. */
export function ProfileSelect({
  value,
  profiles,
  known = profiles,
  onProfile,
  ...select
}: {
  value: string
  profiles: Profile[]
  /** All there are, for the name of one that is not offered. */
  known?: Profile[]
  onProfile: (id: string) => void
} & Omit<SelectProps, 'value' | 'onChange'>) {
  const { t } = useTranslation()
  const gone = !profiles.some((f) => f.id === value)
  const name = known.find((f) => f.id === value)?.name ?? value
  return (
    <Select {...(select as object)} value={value} onChange={(_e, d) => onProfile(d.value)}>
      {gone && (
        <option value={value} disabled>
          {t('admin.activation.gone', { name: shipped(name, t) })}
        </option>
      )}
      {profiles.map((f) => (
        <option key={f.id} value={f.id}>
          {shipped(f.name, t)}
        </option>
      ))}
    </Select>
  )
}
