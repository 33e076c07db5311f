import { Field, Input } from '@fluentui/react-components'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { useMakeConnectorToken } from '../api/admin'
import { CopyField } from '../components/CopyField'
import { FormDialog } from '../components/FormDialog'
import { wrongWith } from '../components/problem'
import { ShownOnce } from '../components/ShownOnce'
import { useAddress, useClock } from '../components/session'
import type { Connector } from '../lib/connector'
import { provisioningPath } from '../lib/provisioning'
import { fromField } from '../lib/time'

/** Make the token with which a provider sends its people; then it is shown, this once. */
export function ConnectorTokenDialog({ c, onClose }: { c: Connector; onClose: () => void }) {
  const { t } = useTranslation()
  const clock = useClock()
  const address = useAddress()
  const make = useMakeConnectorToken()
  const [expiry, setExpiry] = useState('')
  const [tried, setTried] = useState(false)
  const title = t('admin.provisioning.tokenTitle', { name: c.name })
  if (make.data)
    return (
      <ShownOnce title={title} label={t('admin.provisioning.token')} secret={make.data.token} onClose={onClose}>
        <CopyField label={t('admin.provisioning.address')} text={address(make.data.path ?? provisioningPath(c.id))} />
      </ShownOnce>
    )
  const expires = expiry ? fromField(expiry, clock.zone) : undefined
  const wrong = expiry && (!expires || expires <= new Date()) ? t('admin.tokens.expiryWrong') : undefined
  return (
    <FormDialog
      title={title}
      action={t('admin.tokens.make')}
      error={make.error}
      fields={['expires_at']}
      busy={make.isPending}
      onClose={onClose}
      onSubmit={() => {
        setTried(true)
        if (!wrong) make.mutate({ connector: c.id, body: { expires_at: expires?.toISOString() } })
      }}
    >
      {c.has_secret && <p>{t('admin.provisioning.tokenEnds')}</p>}
      <Field
        label={t('admin.tokens.expiry')}
        hint={t('admin.tokens.expiryHint')}
        validationMessage={(tried ? wrong : undefined) ?? wrongWith(make.error, 'expires_at')}
      >
        <Input type="datetime-local" value={expiry} onChange={(_e, d) => setExpiry(d.value)} />
      </Field>
    </FormDialog>
  )
}
