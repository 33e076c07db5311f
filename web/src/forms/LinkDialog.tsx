import { Field, Radio, RadioGroup } from '@fluentui/react-components'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { useMakeLink } from '../api/admin'
import { FormDialog } from '../components/FormDialog'
import { ShownOnce } from '../components/ShownOnce'
import { useAddress, useClock } from '../components/session'
import type { PersonRecord } from '../lib/model'
import { dateAndTime } from '../lib/time'

const KINDS = ['invitation', 'reset'] as const

/** Make a link with which somebody sets a password; then it is shown, this once. */
export function LinkDialog({ record, onClose }: { record: PersonRecord; onClose: () => void }) {
  const { t } = useTranslation()
  const clock = useClock()
  const address = useAddress()
  const make = useMakeLink()
  const [kind, setKind] = useState<(typeof KINDS)[number]>('invitation')
  const title = t('admin.persons.link.title', { name: record.name })
  if (make.data)
    return (
      <ShownOnce
        title={title}
        text={t('admin.persons.link.made', { name: record.name })}
        label={t('admin.persons.link.field')}
        secret={address(make.data.path)}
        onClose={onClose}
      >
        <p>{t('admin.persons.link.expires', { at: dateAndTime(new Date(make.data.expires_at), clock) })}</p>
      </ShownOnce>
    )
  return (
    <FormDialog
      title={title}
      action={t('admin.persons.link.do')}
      error={make.error}
      busy={make.isPending}
      onClose={onClose}
      onSubmit={() => make.mutate({ id: record.id, kind })}
    >
      <p>{t('admin.persons.link.lead')}</p>
      <Field label={t('admin.persons.link.kind')}>
        <RadioGroup value={kind} onChange={(_e, d) => setKind(KINDS.find((k) => k === d.value) ?? 'invitation')}>
          {KINDS.map((k) => (
            <Radio key={k} value={k} label={`${t(`admin.persons.link.${k}`)}: ${t(`admin.persons.link.${k}Hint`)}`} />
          ))}
        </RadioGroup>
      </Field>
    </FormDialog>
  )
}
