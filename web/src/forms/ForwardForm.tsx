import { Button, Field, Input, MessageBar, MessageBarBody, Radio, RadioGroup } from '@fluentui/react-components'
import { Checkmark16Regular } from '@fluentui/react-icons'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { useForward } from '../api/queries'
import { toldAtFields, useProblemText, wrongWith } from '../components/problem'
import {
  type HandDraft,
  handBody,
  handDraft,
  modeName,
  modesFor,
  numbersMissing,
  type PersonLine,
  TARGETS,
  type Target,
  targetsOf,
} from '../lib/lines'
import { same } from '../lib/scope'
import { Trouble } from '../ui/parts'

type Reading = Pick<PersonLine, 'reported' | 'reported_at'>
const readingOf = ({ reported, reported_at }: PersonLine): Reading => ({ reported, reported_at })

/** A number of theirs that is offered. */
export type OwnNumber = { kind: 'mobile' | 'home' | 'voicemail'; number: string }

/** Forwards a line by hand: only what its telephone system can do is offered (F4). */
export function ForwardForm({ person, line, numbers }: { person: string; line: PersonLine; numbers: OwnNumber[] }) {
  const { t } = useTranslation()
  const say = useProblemText()
  const forward = useForward(person)
  const [edits, setEdits] = useState<HandDraft>()
  const [tried, setTried] = useState(false)
  // What was set last, until the telephone system says anything anew.
  const [sent, setSent] = useState<{ draft: HandDraft; before: Reading }>()
  const waiting = sent !== undefined && same(sent.before, readingOf(line))
  const saved = waiting ? sent.draft : handDraft(line)
  const d = edits ?? saved
  const targets = d.mode ? targetsOf(d.mode, line.can) : []
  const missing = tried ? numbersMissing(d, line.can) : []
  const dirty =
    edits !== undefined && (edits.mode !== saved.mode || !same(handBody(line, edits), handBody(line, saved)))
  const put = (part: Partial<HandDraft>) => {
    forward.reset()
    setTried(false)
    setEdits({ ...d, ...part })
  }
  const putNumber = (k: Target, number: string) => put({ numbers: { ...d.numbers, [k]: number } })
  const submit = () => {
    setTried(true)
    if (!d.mode || numbersMissing(d, line.can).length) return
    const next = { draft: d, before: readingOf(line) }
    forward.mutate(handBody(line, d), {
      onSuccess: () => {
        setSent(next)
        setEdits(undefined)
      },
    })
  }
  // What is wrong with a number that is not shown would not be seen.
  const told = toldAtFields(forward.error, targets)
  const wrong = (k: Target) => (missing.includes(k) ? t('profiles.numberNeeded') : wrongWith(forward.error, k))
  return (
    <form
      noValidate
      className="forward"
      aria-label={t('telephone.byHandOf', { line: line.line })}
      onSubmit={(e) => {
        e.preventDefault()
        if (!forward.isPending) submit()
      }}
    >
      <Field label={t('telephone.byHand')}>
        <RadioGroup
          value={d.mode ?? ''}
          disabled={forward.isPending}
          onChange={(_e, v) => put({ mode: modesFor(line.can).find((m) => m === v.value) })}
        >
          {modesFor(line.can).map((m) => (
            <Radio key={m} value={m} label={t(`telephone.mode.${modeName(m, line.can)}`)} />
          ))}
        </RadioGroup>
      </Field>
      {TARGETS.filter((k) => targets.includes(k)).map((k) => (
        <div key={k} className="forward-number">
          <Field label={t(`telephone.to.${k}`)} validationMessage={wrong(k)}>
            <Input
              type="tel"
              maxLength={40}
              autoComplete="off"
              value={d.numbers[k] ?? ''}
              onChange={(_e, v) => putNumber(k, v.value)}
            />
          </Field>
          {numbers.length > 0 && (
            <fieldset className="number-offers" aria-label={t('telephone.offers', { what: t(`telephone.to.${k}`) })}>
              {numbers.map((n) => (
                <Button key={n.kind} size="small" onClick={() => putNumber(k, n.number)}>
                  {t(`telephone.own.${n.kind}`, { number: n.number })}
                </Button>
              ))}
            </fieldset>
          )}
        </div>
      ))}
      {d.mode === 'off' && dirty && (
        <MessageBar intent={line.reported?.one_number ? 'warning' : 'info'} layout="multiline">
          <MessageBarBody>{t('profiles.offWarning')}</MessageBarBody>
        </MessageBar>
      )}
      {forward.error && !told && <Trouble>{say(forward.error)}</Trouble>}
      <div className="row">
        <Button type="submit" appearance="primary" disabled={forward.isPending || !dirty}>
          {t('telephone.set')}
        </Button>
        {edits && dirty && !forward.isPending && (
          <Button
            onClick={() => {
              setEdits(undefined)
              setTried(false)
              forward.reset()
            }}
          >
            {t('cancel')}
          </Button>
        )}
        <span role="status" className={forward.isPending ? 'note' : forward.isSuccess && !dirty ? 'saved' : 'hidden'}>
          {forward.isPending && t('telephone.setting')}
          {forward.isSuccess && !dirty && (
            <>
              <Checkmark16Regular aria-hidden="true" /> {t(waiting ? 'telephone.doneWaiting' : 'telephone.done')}
            </>
          )}
        </span>
      </div>
    </form>
  )
}
