import { Warning16Regular } from '@fluentui/react-icons'
import { useTranslation } from 'react-i18next'
import type { Connector } from '../lib/connector'
import { secretEnd } from '../lib/graph'
import { dayOfYear } from '../lib/time'
import { useClock, useNow } from './session'

/** When the secret or certificate of an application ends; weeks before, it is a warning. */
export function SecretEnd({ c, always }: { c: Connector; always?: boolean }) {
  const { t } = useTranslation()
  const clock = useClock()
  const now = useNow()
  if (!c.expires_at) return always ? <span className="note">{t('admin.graph.endUnknown')}</span> : null
  const { state, days } = secretEnd(c.expires_at, now)
  const what = t(`admin.graph.${c.graph?.credential === 'certificate' ? 'theCertificate' : 'theSecret'}`)
  const at = dayOfYear(new Date(c.expires_at), clock)
  if (state === 'good') return always ? <span className="note">{t('admin.graph.endGood', { what, at })}</span> : null
  return (
    <span className="mark warn secret-end">
      <span aria-hidden="true">
        <Warning16Regular />
      </span>
      {state === 'ended' ? t('admin.graph.ended', { what, at }) : t('admin.graph.endSoon', { what, at, count: days })}
    </span>
  )
}
