import { useBlocker } from '@tanstack/react-router'
import { useTranslation } from 'react-i18next'
import { queryClient, sessionQuery } from '../api/queries'
import { Confirm } from './Confirm'

/** Going to another page, closing the window and reloading would lose what is not saved. */
export function AskBeforeLeaving({ dirty }: { dirty: boolean }) {
  const { t } = useTranslation()
  const { status, proceed, reset } = useBlocker({
    // Nobody is asked when the session has ended: there is nothing left to save with.
    shouldBlockFn: ({ current, next }) =>
      dirty && current.pathname !== next.pathname && !!queryClient.getQueryData(sessionQuery.queryKey),
    enableBeforeUnload: () => dirty,
    withResolver: true,
  })
  if (status !== 'blocked') return null
  return (
    <Confirm
      title={t('admin.changes.leaveTitle')}
      action={t('admin.changes.leave')}
      stay={t('admin.changes.stay')}
      onClose={reset}
      onConfirm={proceed}
    >
      {t('admin.changes.leaveText')}
    </Confirm>
  )
}
