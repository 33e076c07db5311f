import { Button, Field, Input } from '@fluentui/react-components'
import { useQuery } from '@tanstack/react-query'
import { Navigate, useNavigate } from '@tanstack/react-router'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Problem } from '../api/errors'
import { sessionQuery, setupQuery, useSetup } from '../api/queries'
import { LanguageSwitch } from '../components/LanguageSwitch'
import { useProblemText } from '../components/problem'
import { Logo, Trouble, useFocusOnce, useTitle } from '../ui/parts'
import { ZoneSelect } from '../ui/ZoneSelect'

/** The first start: one administrator and the first location. */
export function SetupPage() {
  const { t } = useTranslation()
  const { data: setup } = useQuery(setupQuery)
  const { data: me } = useQuery({ ...sessionQuery, enabled: false })
  const make = useSetup()
  const navigate = useNavigate()
  const say = useProblemText()
  const first = useFocusOnce<HTMLInputElement>()
  const [f, setF] = useState({
    code: '',
    name: '',
    login: '',
    password: '',
    location: '',
    time_zone: Intl.DateTimeFormat().resolvedOptions().timeZone,
  })
  useTitle(t('setup.title'))
  if (setup && !setup.needed) return <Navigate to={me ? '/' : '/sign-in'} replace />
  const wrong = (name: string) => (make.error instanceof Problem ? make.error.field(name) : undefined)
  const field = (
    name: Exclude<keyof typeof f, 'time_zone'>,
    more?: { type?: 'password'; hint?: string; complete?: string; first?: boolean },
  ) => (
    <Field label={t(`setup.${name}`)} required hint={more?.hint} validationMessage={wrong(name)}>
      <Input
        ref={more?.first ? first : undefined}
        name={name}
        type={more?.type}
        autoComplete={more?.complete ?? 'off'}
        value={f[name]}
        onChange={(_e, d) => setF({ ...f, [name]: d.value })}
      />
    </Field>
  )
  return (
    <main className="door">
      <form
        className="door-card wide"
        onSubmit={(e) => {
          e.preventDefault()
          make.mutate(
            { ...f, code: f.code || undefined },
            { onSuccess: () => void navigate({ to: '/', replace: true }) },
          )
        }}
      >
        <div className="door-brand">
          <Logo size={48} />
          <div>
            <h1>{t('setup.title')}</h1>
            <p className="note">{t('setup.lead')}</p>
          </div>
        </div>
        {make.error && <Trouble>{say(make.error)}</Trouble>}
        {setup?.code_required && field('code', { hint: t('setup.codeHint') })}
        {field('name', { complete: 'name', first: !setup?.code_required })}
        {field('login', { complete: 'username' })}
        {field('password', { type: 'password', hint: t('setup.passwordHint'), complete: 'new-password' })}
        {field('location', { hint: t('setup.locationHint') })}
        <Field label={t('setup.time_zone')} validationMessage={wrong('time_zone')}>
          <ZoneSelect value={f.time_zone} onZone={(time_zone) => setF({ ...f, time_zone })} />
        </Field>
        <Button type="submit" appearance="primary" size="large" disabled={make.isPending}>
          {t('setup.submit')}
        </Button>
      </form>
      <LanguageSwitch />
    </main>
  )
}
