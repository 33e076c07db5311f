import { Button, Field, Input } from '@fluentui/react-components'
import { PersonKey20Regular } from '@fluentui/react-icons'
import { useQuery } from '@tanstack/react-query'
import { useNavigate, useRouter, useSearch } from '@tanstack/react-router'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Problem } from '../api/errors'
import { providersQuery, setupQuery, useSignIn } from '../api/queries'
import { LanguageSwitch } from '../components/LanguageSwitch'
import { useProblemText } from '../components/problem'
import { RefusedSignIn } from '../components/RefusedSignIn'
import { wayTo } from '../lib/provider'
import { Logo, Trouble, useFocusOnce, useTitle } from '../ui/parts'

export function SignInPage() {
  const { t } = useTranslation()
  const { to, refused, provider } = useSearch({ from: '/sign-in' })
  const { data: providers = [] } = useQuery(providersQuery)
  const signIn = useSignIn()
  const { data: setup } = useQuery(setupQuery)
  const navigate = useNavigate()
  const router = useRouter()
  const say = useProblemText()
  const first = useFocusOnce<HTMLInputElement>()
  const [login, setLogin] = useState('')
  const [password, setPassword] = useState('')
  useTitle(t('signIn.title'))
  return (
    <main className="door">
      <form
        className="door-card"
        onSubmit={(e) => {
          e.preventDefault()
          signIn.mutate(
            { login, password },
            { onSuccess: () => (to ? router.history.replace(to) : void navigate({ to: '/', replace: true })) },
          )
        }}
      >
        <div className="door-brand">
          <Logo size={48} />
          <div>
            <h1>{t('signIn.title')}</h1>
            <p className="note">{t('signIn.lead')}</p>
          </div>
        </div>
        {refused && !signIn.error && <RefusedSignIn why={refused} provider={provider} />}
        {signIn.error && (
          <Trouble>
            {signIn.error instanceof Problem && signIn.error.status === 401
              ? t('problem.wrongLogin')
              : say(signIn.error)}
          </Trouble>
        )}
        <Field label={t('signIn.login')}>
          <Input
            required
            ref={first}
            name="username"
            autoComplete="username"
            autoCapitalize="none"
            value={login}
            onChange={(_e, d) => setLogin(d.value)}
            size="large"
          />
        </Field>
        <Field label={t('signIn.password')}>
          <Input
            required
            name="password"
            type="password"
            autoComplete="current-password"
            value={password}
            onChange={(_e, d) => setPassword(d.value)}
            size="large"
          />
        </Field>
        <Button type="submit" appearance="primary" size="large" disabled={signIn.isPending}>
          {t('signIn.submit')}
        </Button>
        {providers.length > 0 && (
          <div className="door-ways">
            <p className="door-or">{t('signIn.or')}</p>
            <ul aria-label={t('signIn.providers')}>
              {providers.map((p) => (
                <li key={p.id}>
                  {/* A page of the server, which leads on to the provider's: the router knows nothing of it. */}
                  <Button as="a" href={wayTo(p.path, to)} size="large" icon={<PersonKey20Regular />}>
                    {t('signIn.with', { name: p.name })}
                  </Button>
                </li>
              ))}
            </ul>
          </div>
        )}
        {setup?.demo && <p className="note">{t('signIn.demo')}</p>}
      </form>
      <LanguageSwitch />
    </main>
  )
}
