import {
  Button,
  Dialog,
  DialogActions,
  DialogBody,
  DialogContent,
  DialogSurface,
  DialogTitle,
  Field,
  Radio,
  RadioGroup,
} from '@fluentui/react-components'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { useMakeLink } from '../api/admin'
import { CopyField } from '../components/CopyField'
import { FormDialog } from '../components/FormDialog'
import { useClock } from '../components/session'
import type { PersonRecord } from '../lib/model'
import { dateAndTime } from '../lib/time'

const KINDS = ['invitation', 'reset'] as const

/** Make a link with which somebody sets a password; then it is shown, this once. */
export function LinkDialog({ record, onClose }: { record: PersonRecord; onClose: () => void }) {
  const { t } = useTranslation()
  const clock = useClock()
  const make = useMakeLink()
  const [kind, setKind] = useState<(typeof KINDS)[number]>('invitation')
  const title = t('admin.persons.link.title', { name: record.name })
  if (make.data)
    // It closes by its button only: neither a click beside it nor Escape must lose the link.
    return (
      <Dialog open modalType="alert">
        <DialogSurface>
          <DialogBody>
            <DialogTitle>{title}</DialogTitle>
            <DialogContent className="stack">
              <p>{t('admin.persons.link.made', { name: record.name })}</p>
              <CopyField
                label={t('admin.persons.link.field')}
                text={new URL(make.data.path, globalThis.location.origin).href}
              />
              <p>{t('admin.persons.link.expires', { at: dateAndTime(new Date(make.data.expires_at), clock) })}</p>
            </DialogContent>
            <DialogActions>
              <Button appearance="primary" onClick={onClose}>
                {t('close')}
              </Button>
            </DialogActions>
          </DialogBody>
        </DialogSurface>
      </Dialog>
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
