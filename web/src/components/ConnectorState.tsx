import {
  ArrowSync16Regular,
  CheckmarkCircle16Regular,
  CircleOff16Regular,
  ErrorCircle16Regular,
  QuestionCircle16Regular,
} from '@fluentui/react-icons'
import type { ReactElement } from 'react'
import { useTranslation } from 'react-i18next'
import { type Connector, lastGood, STEPS, type State, stateOf } from '../lib/connector'
import type { Schemas } from '../lib/model'
import { dateAndTime } from '../lib/time'
import { Section } from '../ui/parts'
import { inWords } from './server-words'
import { useClock } from './session'

const MARKS: Record<State, { icon: ReactElement; className: string }> = {
  running: { icon: <ArrowSync16Regular />, className: 'mark' },
  off: { icon: <CircleOff16Regular />, className: 'mark' },
  failed: { icon: <ErrorCircle16Regular />, className: 'mark warn' },
  never: { icon: <QuestionCircle16Regular />, className: 'mark' },
  good: { icon: <CheckmarkCircle16Regular />, className: 'mark good' },
}

/** How an outside system is doing: a mark, a word, and when it last went well. */
export function ConnectorState({ c }: { c: Connector }) {
  const { t } = useTranslation()
  const clock = useClock()
  const state = stateOf(c)
  const good = lastGood(c)
  return (
    <div className="connector-state">
      <p className="row">
        <span className={MARKS[state].className}>
          <span aria-hidden="true">{MARKS[state].icon}</span> {t(`admin.connector.state.${state}`)}
        </span>
        <span className="note">
          {good
            ? t('admin.connector.lastGood', { at: dateAndTime(new Date(good), clock) })
            : t('admin.connector.neverGood')}
        </span>
      </p>
      {c.error && (
        <p className="wrong">
          {t('admin.connector.error')}
          {c.checked_at && ` (${dateAndTime(new Date(c.checked_at), clock)})`}: {inWords(c.error)}
        </p>
      )}
    </div>
  )
}

type Step = Schemas['Step']

/** What a check found, step by step, and what to do. */
export function CheckSteps({ steps, purpose }: { steps: Step[]; purpose?: 'calendar' | 'teams' }) {
  const { t } = useTranslation()
  const title = t(purpose ? `admin.connector.checkTitleOf.${purpose}` : 'admin.connector.checkTitle')
  const bad = steps.filter((s) => !s.ok).length
  return (
    <Section title={title}>
      <p role="status" className="said">
        {bad ? t('admin.connector.checkBad', { count: bad }) : t('admin.connector.checkGood')}
      </p>
      <ol className="rows" aria-label={title}>
        {steps.map((s, i) => {
          const known = STEPS.find((x) => x === s.name)
          return (
            // biome-ignore lint/suspicious/noArrayIndexKey: a check does not change, and has a step for each server
            <li key={i} className="step">
              <span className={s.ok ? 'step-mark good' : 'step-mark bad'} aria-hidden="true">
                {s.ok ? <CheckmarkCircle16Regular /> : <ErrorCircle16Regular />}
              </span>
              <div className="grow">
                <p>
                  <span className="row-name">{known ? t(`admin.connector.step.${known}`) : s.name}</span>{' '}
                  <span className="note">
                    {s.ok ? t('admin.connector.works') : t('admin.connector.worksNot')}
                    {s.server && ` · ${s.server}`}
                  </span>
                </p>
                {s.found && <p className="step-found">{inWords(s.found)}</p>}
                {s.remedy && (
                  <p className="step-found">
                    <strong>{t('admin.connector.remedy')}:</strong> {inWords(s.remedy)}
                  </p>
                )}
              </div>
            </li>
          )
        })}
      </ol>
    </Section>
  )
}
