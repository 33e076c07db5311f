import { Checkbox, Field, Input } from '@fluentui/react-components'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { useMakeToken } from '../api/admin'
import { ChoosePeople } from '../components/ChoosePeople'
import { FormDialog } from '../components/FormDialog'
import { wrongWith } from '../components/problem'
import { ShownOnce } from '../components/ShownOnce'
import { useClock } from '../components/session'
import { type Schemas, TOKEN_SCOPES } from '../lib/model'
import { fromField } from '../lib/time'

type Token = Schemas['Token']
type TokenScope = Token['scopes'][number]

/** Make a token; then its secret is shown, this once. */
export function TokenDialog({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation()
  const clock = useClock()
  const make = useMakeToken()
  const [name, setName] = useState('')
  const [scopes, setScopes] = useState<TokenScope[]>(['claims'])
  const [origin, setOrigin] = useState('')
  const [person, setPerson] = useState<string[]>([])
  const [expiry, setExpiry] = useState('')
  const [tried, setTried] = useState(false)
  if (make.data)
    return (
      <ShownOnce
        title={t('admin.tokens.madeTitle', { name: make.data.name })}
        label={t('admin.tokens.secret')}
        secret={make.data.secret ?? ''}
        onClose={onClose}
      />
    )

  const reports = scopes.includes('claims') || scopes.includes('lines')
  const reads = scopes.includes('read')
  const expires = expiry ? fromField(expiry, clock.zone) : undefined
  // What the server would say too (postToken in internal/api/admin.go), before anything is sent.
  const wrong = {
    name: name.trim() ? undefined : t('profiles.nameNeeded'),
    scopes: scopes.length ? undefined : t('admin.tokens.scopesNeeded'),
    origin:
      reports && !origin
        ? t('admin.tokens.originNeeded')
        : origin && !/^[a-z0-9][a-z0-9-]*$/.test(origin)
          ? t('admin.tokens.originWrong')
          : undefined,
    person: reads && !person.length ? t('admin.tokens.personNeeded') : undefined,
    expires_at: expiry && (!expires || expires <= new Date()) ? t('admin.tokens.expiryWrong') : undefined,
  }
  const told = (field: keyof typeof wrong) => (tried ? wrong[field] : undefined) ?? wrongWith(make.error, field)
  return (
    <FormDialog
      title={t('admin.tokens.addTitle')}
      action={t('admin.tokens.make')}
      error={make.error}
      fields={Object.keys(wrong)}
      busy={make.isPending}
      onClose={onClose}
      onSubmit={() => {
        setTried(true)
        if (Object.values(wrong).some(Boolean)) return
        make.mutate({
          name: name.trim(),
          scopes,
          origin: origin || undefined,
          person: person[0],
          expires_at: expires?.toISOString(),
        })
      }}
    >
      <Field label={t('admin.tokens.name')} required validationMessage={told('name')}>
        <Input value={name} maxLength={120} onChange={(_e, d) => setName(d.value)} />
      </Field>
      <fieldset className="options">
        <legend>{t('admin.tokens.scopes')}</legend>
        {TOKEN_SCOPES.map((s) => (
          <Checkbox
            key={s}
            label={
              <>
                {t(`admin.tokens.scope.${s}`)} <span className="note">{t(`admin.tokens.scopeHint.${s}`)}</span>
              </>
            }
            checked={scopes.includes(s)}
            onChange={(_e, d) => setScopes(TOKEN_SCOPES.filter((x) => (x === s ? d.checked : scopes.includes(x))))}
          />
        ))}
        {told('scopes') && (
          <p className="wrong" role="alert">
            {told('scopes')}
          </p>
        )}
      </fieldset>
      <Field
        label={t('admin.tokens.origin')}
        required={reports}
        hint={t('admin.tokens.originHint')}
        validationMessage={told('origin')}
      >
        <Input value={origin} maxLength={40} autoCapitalize="none" onChange={(_e, d) => setOrigin(d.value)} />
      </Field>
      <ChoosePeople
        label={t('admin.tokens.person')}
        single
        value={person}
        wrong={told('person')}
        onChange={setPerson}
      />
      <Field
        label={t('admin.tokens.expiry')}
        hint={t('admin.tokens.expiryHint')}
        validationMessage={told('expires_at')}
      >
        <Input type="datetime-local" value={expiry} onChange={(_e, d) => setExpiry(d.value)} />
      </Field>
    </FormDialog>
  )
}
