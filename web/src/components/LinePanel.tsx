import { MessageBar, MessageBarBody } from '@fluentui/react-components'
import type { ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import { ForwardForm, type OwnNumber } from '../forms/ForwardForm'
import { lineState, lineWords, type PersonLine } from '../lib/lines'
import { moment } from '../lib/time'
import { LineMark } from './LineMark'
import { inWords } from './server-words'
import { useClock, useNow } from './session'

/** One line of somebody: where calls go now, what presence asks for, what is in the way, and a way to forward it by hand. */
export function LinePanel({
  person,
  line,
  numbers,
}: {
  /** Whose it is: an ID, or me. */
  person: string
  line: PersonLine
  numbers: OwnNumber[]
}) {
  const { t } = useTranslation()
  const clock = useClock()
  const now = useNow()
  const { reported, reported_at } = line
  const facts: [string, ReactNode][] = []
  if (line.can.length || reported)
    facts.push([
      t('telephone.now'),
      <span key="now">
        <strong>{reported ? lineWords(reported, t) : t('telephone.notKnown')}</strong>
        {reported_at && (
          <span className="note"> {t('telephone.asOf', { at: moment(new Date(reported_at), now, clock) })}</span>
        )}
      </span>,
    ])
  if (line.can.length)
    facts.push(
      [
        t('telephone.wanted'),
        !line.follows
          ? t('telephone.followsNot')
          : line.refusal
            ? t('telephone.wantedRefused')
            : line.wanted
              ? lineWords(line.wanted, t)
              : t('telephone.asItIs'),
      ],
      [t('telephone.stateOf'), <LineMark key="mark" line={line} />],
    )
  return (
    <div className="stack">
      {line.problem && (
        <MessageBar intent="error" layout="multiline">
          <MessageBarBody>{inWords(line.problem)}</MessageBarBody>
        </MessageBar>
      )}
      {line.refusal && (
        <MessageBar intent="warning" layout="multiline">
          <MessageBarBody>{inWords(line.refusal)}</MessageBarBody>
        </MessageBar>
      )}
      <dl className="facts">
        {facts.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      {line.can.length > 0 ? (
        <ForwardForm person={person} line={line} numbers={numbers} />
      ) : (
        <p className="note">{t('telephone.cannot')}</p>
      )}
      {line.can.length > 0 && line.follows && lineState(line) !== 'failed' && (
        <p className="note">{t('telephone.byHandNote')}</p>
      )}
    </div>
  )
}
