import { Button, Field, Input } from '@fluentui/react-components'
import { PersonKey20Regular } from '@fluentui/react-icons'
import { useQuery } from '@tanstack/react-query'
import { useSearch } from '@tanstack/react-router'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Problem } from '../api/errors'
import { identitiesQuery, providersQuery, sessionsQuery, useChangePassword, useEndSession } from '../api/queries'
import { Identities } from '../components/Identities'
import { useProblemText } from '../components/problem'
import { RefusedSignIn } from '../components/RefusedSignIn'
import { useClock, useNow } from '../components/session'
import { QueryTrouble } from '../components/trouble'
import { clientLabel } from '../lib/client-label'
import { wayTo } from '../lib/provider'
import { moment } from '../lib/time'
import { Section, Trouble, Waiting } from '../ui/parts'

/** The accounts of sign-in providers, the own password, and where one is signed in. */
export function SignInsPage() {
  return (
    <>
      <OwnIdentities />
      <OwnPassword />
      <SignIns />
    </>
  )
}

function OwnIdentities() {
  const { t } = useTranslation()
  const { refused, provider } = useSearch({ from: '/app/settings/sign-in' })
  const { data: providers = [] } = useQuery(providersQuery)
  const { data: identities } = useQuery(identitiesQuery('me'))
  const others = providers.filter((p) => !identities?.some((x) => x.connector === p.id))
  // Where there is nothing to connect, nobody needs to hear of it.
  if (!refused && !providers.length && !identities?.length) return null
  return (
    <Section title={t('identities.title')} note={t('identities.lead')}>
      <div className="stack">
        {refused && <RefusedSignIn why={refused} provider={provider} connecting />}
        <Identities person="me" empty={t('identities.none')} />
        {identities && others.length > 0 && (
          <>
            <div className="row">
              {others.map((p) => (
                // A page of the server, which leads on to the provider's: the router knows nothing of it.
                <Button key={p.id} as="a" href={wayTo(p.path, '/settings/sign-in', true)} icon={<PersonKey20Regular />}>
                  {t('identities.connect', { name: p.name })}
                </Button>
              ))}
            </div>
            <p className="note">{t('identities.connectHint')}</p>
          </>
        )}
      </div>
    </Section>
  )
}

function OwnPassword() {
  const { t } = useTranslation()
  const change = useChangePassword()
  const say = useProblemText()
  const [f, setF] = useState({ old: '', new: '', again: '' })
  const [asked, setAsked] = useState(false)
  const wrong = (name: string) => (change.error instanceof Problem ? change.error.field(name) : undefined)
  const field = (name: 'old' | 'new' | 'again', more: { hint?: string; complete: string; wrong?: string }) => (
    <Field label={t(`password.${name}`)} hint={more.hint} validationMessage={more.wrong}>
      <Input
        required
        type="password"
        minLength={name === 'new' ? 10 : undefined}
        autoComplete={more.complete}
        value={f[name]}
        onChange={(_e, d) => setF({ ...f, [name]: d.value })}
      />
    </Field>
  )
  // Only the answer tells who has no password here (putPassword in internal/api/sessions.go).
  if (change.error instanceof Problem && change.error.status === 409 && /without a password/.test(change.error.message))
    return (
      <Section title={t('password.change')}>
        <p role="alert">{t('password.none')}</p>
      </Section>
    )
  return (
    <Section title={t('password.change')} note={t('password.changeNote')}>
      <form
        className="stack"
        onSubmit={(e) => {
          e.preventDefault()
          setAsked(true)
          if (f.new === f.again) change.mutate({ old: f.old, new: f.new })
        }}
      >
        {change.error && !(change.error instanceof Problem && change.error.fields.length > 0) && (
          <Trouble>{say(change.error)}</Trouble>
        )}
        {field('old', { complete: 'current-password', wrong: wrong('old') })}
        {field('new', { complete: 'new-password', hint: t('setup.passwordHint'), wrong: wrong('new') })}
        {field('again', {
          complete: 'new-password',
          wrong: asked && f.new !== f.again ? t('password.differs') : undefined,
        })}
        <div>
          <Button type="submit" disabled={change.isPending}>
            {t('password.changeSubmit')}
          </Button>
        </div>
      </form>
    </Section>
  )
}

function SignIns() {
  const { t } = useTranslation()
  const query = useQuery(sessionsQuery)
  const end = useEndSession()
  const say = useProblemText()
  const clock = useClock()
  const now = useNow()
  const at = (text: string) => moment(new Date(text), now, clock)
  return (
    <Section title={t('signIns.title')} note={t('signIns.lead')}>
      {query.isPending && <Waiting label={t('waiting')} rows={2} />}
      {query.error && <QueryTrouble error={query.error} again={() => void query.refetch()} />}
      {end.error && <Trouble>{say(end.error)}</Trouble>}
      <ul className="rows" aria-label={t('signIns.title')}>
        {query.data?.sessions.map((s) => (
          <li key={s.id}>
            <div className="grow">
              <p>
                <b>{clientLabel(s.label, t)}</b> {s.current && <span className="quiet">({t('signIns.current')})</span>}
              </p>
              <p className="note">
                {t('signIns.since', { at: at(s.created_at) })}
                {s.client && ` · ${t('signIns.client')}`}
                {` · ${s.provider ? t('signIns.by', { provider: s.provider }) : t('signIns.byPassword')}`}
                {s.address && ` · ${s.address}`}
              </p>
            </div>
            {!s.current && (
              <Button
                aria-label={t('signIns.endNamed', { label: clientLabel(s.label, t) })}
                disabled={end.isPending}
                onClick={() => end.mutate(s.id)}
              >
                {t('signIns.end')}
              </Button>
            )}
          </li>
        ))}
      </ul>
    </Section>
  )
}
