import { MessageBar, MessageBarBody } from '@fluentui/react-components'
import { Warning16Regular } from '@fluentui/react-icons'
import { useTranslation } from 'react-i18next'
import type { Connector } from '../lib/connector'
import { secretEnd } from '../lib/graph'
import { dayOfYear } from '../lib/time'
import { useClock, useNow } from './session'

function useEnd(c: Connector) {
  const { t } = useTranslation()
  const clock = useClock()
  const now = useNow()
  if (!c.expires_at) return undefined
  const what = t(`admin.graph.${c.graph?.credential === 'certificate' ? 'theCertificate' : 'theSecret'}`)
  return { ...secretEnd(c.expires_at, now), what, at: dayOfYear(new Date(c.expires_at), clock) }
}

/** When the secret or certificate of an application ends, and what to do about it. */
export function SecretEnd({ c }: { c: Connector }) {
  const { t } = useTranslation()
  const end = useEnd(c)
  // When a certificate ends stands in it.
  if (!end) return c.graph?.credential === 'secret' ? <p className="note">{t('admin.graph.endUnknown')}</p> : null
  const { state, days, what, at } = end
  if (state === 'good') return <p className="note">{t('admin.graph.endGood', { what, at })}</p>
  return (
    <MessageBar intent={state === 'ended' ? 'error' : 'warning'} layout="multiline">
      <MessageBarBody>
        {state === 'ended' ? t('admin.graph.ended', { what, at }) : t('admin.graph.endSoon', { what, at, count: days })}
      </MessageBarBody>
    </MessageBar>
  )
}

/** The same for a list, where it is worth a word. */
export function SecretEndMark({ c }: { c: Connector }) {
  const { t } = useTranslation()
  const end = useEnd(c)
  if (!end || end.state === 'good') return null
  const { state, days, what } = end
  return (
    <span className="mark warn wraps">
      <span aria-hidden="true">
        <Warning16Regular />
      </span>
      {state === 'ended' ? t('admin.graph.endedShort', { what }) : t('admin.graph.endShort', { what, count: days })}
    </span>
  )
}
