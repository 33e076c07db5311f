import {
  ArrowSync16Regular,
  CheckmarkCircle16Regular,
  ErrorCircle16Regular,
  Info16Regular,
  QuestionCircle16Regular,
  Warning16Regular,
} from '@fluentui/react-icons'
import type { ReactElement } from 'react'
import { useTranslation } from 'react-i18next'
import { type LineState, lineState, type PersonLine } from '../lib/lines'

const MARKS: Record<LineState, { icon: ReactElement; className: string }> = {
  unknown: { icon: <QuestionCircle16Regular />, className: 'mark' },
  failed: { icon: <ErrorCircle16Regular />, className: 'mark warn' },
  refused: { icon: <Warning16Regular />, className: 'mark warn' },
  alone: { icon: <Info16Regular />, className: 'mark' },
  changing: { icon: <ArrowSync16Regular />, className: 'mark' },
  settled: { icon: <CheckmarkCircle16Regular />, className: 'mark good' },
}

/** How far a line is what presence asks for: a mark, and a word. */
export function LineMark({ line }: { line: PersonLine }) {
  const { t } = useTranslation()
  const state = lineState(line)
  return (
    <span className={`${MARKS[state].className} wraps`}>
      <span aria-hidden="true">{MARKS[state].icon}</span> {t(`telephone.state.${state}`)}
    </span>
  )
}
