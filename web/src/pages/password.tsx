import { Button, Field, Input } from '@fluentui/react-components'
import { useNavigate } from '@tanstack/react-router'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Problem } from '../api/errors'
import { usePasswordByLink } from '../api/queries'
import { LanguageSwitch } from '../components/LanguageSwitch'
import { useProblemText } from '../components/problem'
import { Logo, Trouble, useFocusOnce, useTitle } from '../ui/parts'

/** Where an invitation or a reset link leads. Its secret stands behind the #, which is not sent to servers. */
export function PasswordPage() {
  const { t } = useTranslation()
  const set = usePasswordByLink()
  const navigate = useNavigate()
  const say = useProblemText()
  const first = useFocusOnce<HTMLInputElement>()
  const [secret] = useState(() => window.location.hash.slice(1))
  const [password, setPassword] = useState('')
  const [again, setAgain] = useState('')
  const [asked, setAsked] = useState(false)
  useTitle(t('password.title'))
  const differs = asked && password !== again
  const used = set.error instanceof Problem && set.error.status === 404
  return (
    <main className="door">
      <form
        className="door-card"
        onSubmit={(e) => {
          e.preventDefault()
          setAsked(true)
          if (password === again)
            set.mutate({ secret, password }, { onSuccess: () => void navigate({ to: '/', replace: true }) })
        }}
      >
        <div className="door-brand">
          <Logo size={48} />
          <div>
            <h1>{t('password.title')}</h1>
            <p className="note">{t('password.lead')}</p>
          </div>
        </div>
        {(!secret || used) && <Trouble>{t('password.noLink')}</Trouble>}
        {set.error && !used && <Trouble>{say(set.error)}</Trouble>}
        <Field
          label={t('password.new')}
          hint={t('setup.passwordHint')}
          validationMessage={set.error instanceof Problem ? set.error.field('password') : undefined}
        >
          <Input
            required
            ref={first}
            minLength={10}
            type="password"
            autoComplete="new-password"
            value={password}
            onChange={(_e, d) => setPassword(d.value)}
            size="large"
          />
        </Field>
        <Field label={t('password.again')} validationMessage={differs ? t('password.differs') : undefined}>
          <Input
            required
            type="password"
            autoComplete="new-password"
            value={again}
            onChange={(_e, d) => setAgain(d.value)}
            size="large"
          />
        </Field>
        <Button type="submit" appearance="primary" size="large" disabled={set.isPending || !secret}>
          {t('password.submit')}
        </Button>
      </form>
      <LanguageSwitch />
    </main>
  )
}
