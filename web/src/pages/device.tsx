import { Button, Field, Input } from '@fluentui/react-components'
import { DesktopCheckmark24Regular } from '@fluentui/react-icons'
import { useQuery } from '@tanstack/react-query'
import { useNavigate, useSearch } from '@tanstack/react-router'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Problem } from '../api/errors'
import { deviceQuery, useAnswerDevice } from '../api/queries'
import { useProblemText } from '../components/problem'
import { useClock, useMe, useNow } from '../components/session'
import { moment } from '../lib/time'
import { Page, Section, Trouble, useFocusOnce, Waiting } from '../ui/parts'

/** Where a desktop client leads its owner, to let it in (RFC 8628). */
export function DevicePage() {
  const { t } = useTranslation()
  const { code } = useSearch({ from: '/app/device' })
  // Another code is another question: nothing of the answer before is left.
  return <Page title={t('device.title')}>{code ? <Asked key={code} code={code} /> : <CodeForm />}</Page>
}

function CodeForm({ trouble }: { trouble?: string }) {
  const { t } = useTranslation()
  const navigate = useNavigate()
  const first = useFocusOnce<HTMLInputElement>()
  const [code, setCode] = useState('')
  return (
    <Section title={t('device.enter')} note={t('device.enterNote')}>
      <form
        className="stack"
        onSubmit={(e) => {
          e.preventDefault()
          void navigate({ to: '/device', search: { code: code.trim() } })
        }}
      >
        {trouble && <Trouble>{trouble}</Trouble>}
        <Field label={t('device.code')} hint={t('device.codeHint')}>
          <Input
            required
            ref={first}
            maxLength={20}
            autoComplete="off"
            autoCapitalize="characters"
            spellCheck={false}
            value={code}
            onChange={(_e, d) => setCode(d.value)}
          />
        </Field>
        <div>
          <Button type="submit" appearance="primary">
            {t('device.next')}
          </Button>
        </div>
      </form>
    </Section>
  )
}

function Asked({ code }: { code: string }) {
  const { t } = useTranslation()
  const me = useMe()
  const query = useQuery(deviceQuery(code))
  const answer = useAnswerDevice(code)
  const say = useProblemText()
  const clock = useClock()
  const now = useNow()
  if (answer.isSuccess)
    return (
      <Section title={t(answer.variables ? 'device.allowed' : 'device.refused')}>
        <p role="status" className="row">
          {answer.variables && <DesktopCheckmark24Regular aria-hidden="true" />}
          {t(answer.variables ? 'device.allowedNote' : 'device.refusedNote')}
        </p>
      </Section>
    )
  const trouble = answer.error ?? query.error
  if (trouble instanceof Problem && trouble.status === 404) return <CodeForm trouble={t('device.unknown')} />
  if (query.isPending) return <Waiting label={t('waiting')} rows={3} />
  if (!query.data) return <CodeForm trouble={say(query.error)} />
  const d = query.data
  return (
    <Section
      title={t('device.asks', { label: d.label })}
      note={t('device.asksNote', { name: me.person.name, login: me.login })}
    >
      <div className="stack">
        {answer.error && <Trouble>{say(answer.error)}</Trouble>}
        {d.elsewhere && <Trouble title={t('device.elsewhere')}>{t('device.elsewhereNote')}</Trouble>}
        <dl className="facts">
          <div>
            <dt>{t('device.code')}</dt>
            <dd>
              <code>{code.toUpperCase()}</code>
            </dd>
          </div>
          <div>
            <dt>{t('device.from')}</dt>
            <dd>{d.address ?? t('device.fromUnknown')}</dd>
          </div>
          <div>
            <dt>{t('device.at')}</dt>
            <dd>{moment(new Date(d.created_at), now, clock)}</dd>
          </div>
        </dl>
        <p>{t('device.same')}</p>
        <p className="note">{t('device.may')}</p>
        <div className="row">
          <Button appearance="primary" disabled={answer.isPending} onClick={() => answer.mutate(true)}>
            {t('device.allow')}
          </Button>
          <Button disabled={answer.isPending} onClick={() => answer.mutate(false)}>
            {t('device.refuse')}
          </Button>
        </div>
      </div>
    </Section>
  )
}
