import { CloudOff20Regular } from '@fluentui/react-icons'
import { useEffect, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { useConnection } from '../api/live'
import { clockTime } from '../lib/time'
import { useClock } from './session'

/** A short drop is nobody's business; the banner waits so long before it shows. */
const QUIET_FOR = 3_000

export function ConnectionBanner() {
  const { t } = useTranslation()
  const clock = useClock()
  const { state, lostAt, heard } = useConnection()
  const [shown, setShown] = useState(false)
  useEffect(() => {
    if (state !== 'lost' || lostAt === undefined) {
      setShown(false)
      return
    }
    const timer = setTimeout(() => setShown(true), Math.max(0, lostAt + QUIET_FOR - Date.now()))
    return () => clearTimeout(timer)
  }, [state, lostAt])
  return (
    <div className="connection" role="status">
      {shown && (
        <p className="connection-lost">
          <CloudOff20Regular aria-hidden="true" />
          {heard ? t('live.lost', { at: clockTime(new Date(heard), clock) }) : t('live.never')}
        </p>
      )}
    </div>
  )
}
