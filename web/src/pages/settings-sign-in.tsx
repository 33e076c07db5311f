import { Button, Field, Input } from '@fluentui/react-components'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Problem } from '../api/errors'
import { sessionsQuery, useChangePassword, useEndSession } from '../api/queries'
import { useProblemText } from '../components/problem'
import { useClock, useNow } from '../components/session'
import { QueryTrouble } from '../components/trouble'
import { clientLabel } from '../lib/client-label'
import { moment } from '../lib/time'
import { Section, Trouble, Waiting } from '../ui/parts'

/** The own password, and where one is signed in. */
export function SignInsPage() {
  return (
    <>
      <OwnPassword />
      <SignIns />
    </>
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
  return (
    <Section title={t('password.change')} note={t('password.changeNote')}>
      <form
        className="form"
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
