import { Button, Field, Input, MessageBar, MessageBarBody } from '@fluentui/react-components'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { profilesQuery, useChoice } from '../api/queries'
import { useProblemText } from '../components/problem'
import { useClock, useNow } from '../components/session'
import { endOf, OPEN, UntilPicker } from '../components/until'
import { type Card, permittedStatuses, type Status } from '../lib/model'
import { Trouble } from '../ui/parts'
import { StatusShape } from '../ui/StatusShape'

/** Choose for somebody else: the status first, then the text, and only then does it count. */
export function ChooseForOther({ card }: { card: Card }) {
  const { t } = useTranslation()
  const { data: profiles } = useQuery(profilesQuery(card.id))
  const choice = useChoice(card.id)
  const say = useProblemText()
  const clock = useClock()
  const now = useNow()
  const [status, setStatus] = useState<Status>()
  const [text, setText] = useState('')
  const [until, setUntil] = useState(OPEN)
  const end = endOf(until, clock.zone, now)
  return (
    <section className="card-choose" aria-label={t('card.choose', { name: card.name })}>
      <h3>{t('card.choose', { name: card.name })}</h3>
      <fieldset className="choices" aria-label={t('choice.statuses')}>
        {permittedStatuses(profiles?.permitted).map((s) => (
          <button
            key={s}
            type="button"
            className="choice"
            aria-pressed={status === s}
            onClick={() => setStatus(status === s ? undefined : s)}
          >
            <StatusShape status={s} size={18} />
            {t(`status.${s}`)}
          </button>
        ))}
      </fieldset>
      {status && (
        <form
          className="stack"
          onSubmit={(e) => {
            e.preventDefault()
            if (end === null) return
            choice.mutate(
              { status, text: text.trim() || undefined, until: end?.toISOString() },
              {
                onSuccess: () => {
                  setStatus(undefined)
                  setText('')
                  setUntil(OPEN)
                },
              },
            )
          }}
        >
          <Field label={t('choice.text')}>
            <Input
              value={text}
              maxLength={120}
              placeholder={t('choice.textExample')}
              onChange={(_e, d) => setText(d.value)}
            />
          </Field>
          <UntilPicker value={until} onChange={setUntil} />
          {choice.error && <Trouble>{say(choice.error)}</Trouble>}
          <Button type="submit" appearance="primary" disabled={choice.isPending || end === null}>
            {t('card.set', { status: t(`status.${status}`) })}
          </Button>
        </form>
      )}
      {choice.isSuccess && !status && (
        <MessageBar intent="success">
          <MessageBarBody>{t('card.chosen', { name: card.name })}</MessageBarBody>
        </MessageBar>
      )}
    </section>
  )
}
