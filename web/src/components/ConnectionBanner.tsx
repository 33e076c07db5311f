import { Button } from '@fluentui/react-components'
import { CloudOff20Regular, Dismiss16Regular } from '@fluentui/react-icons'
import { useQuery } from '@tanstack/react-query'
import { useEffect, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { useConnection } from '../api/live'
import { forgetUntold, untoldQuery } from '../api/queries'
import { clockTime } from '../lib/time'
import { Trouble } from '../ui/parts'
import { useProblemText } from './problem'
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

/** Errors of clicks that have no place of their own for them. */
export function Untold() {
  const { t } = useTranslation()
  const say = useProblemText()
  const { data: error } = useQuery(untoldQuery)
  return (
    <div className="untold" role="alert">
      {error && (
        <Trouble
          title={t('problem.title')}
          action={
            <Button
              size="small"
              appearance="transparent"
              icon={<Dismiss16Regular />}
              aria-label={t('close')}
              onClick={forgetUntold}
            />
          }
        >
          {say(error)}
        </Trouble>
      )}
    </div>
  )
}
