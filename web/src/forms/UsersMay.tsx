import { Field, Select } from '@fluentui/react-components'
import { useTranslation } from 'react-i18next'

/** Whether people may choose for themselves; name: of what. */
export function UsersMay({
  name,
  value,
  off,
  onChange,
}: {
  name: string
  value: boolean
  off: boolean
  onChange: (v: boolean) => void
}) {
  const { t } = useTranslation()
  return (
    <Field label={t('admin.activation.users')} className="users-may">
      <Select
        value={value ? 'may' : 'cannot'}
        disabled={off}
        aria-label={`${name}: ${t('admin.activation.users')}`}
        onChange={(_e, d) => onChange(d.value === 'may')}
      >
        <option value="may">{t('admin.activation.may')}</option>
        <option value="cannot">{t('admin.activation.cannot')}</option>
      </Select>
    </Field>
  )
}
