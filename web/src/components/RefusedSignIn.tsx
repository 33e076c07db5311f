import { useQuery } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { providersQuery } from '../api/queries'
import type { Refusal } from '../lib/provider'
import { Trouble } from '../ui/parts'

/** Why a sign-in provider did not let somebody in, and what to do. */
export function RefusedSignIn({
  why,
  provider,
  connecting,
}: {
  why: Refusal
  /** The ID of the provider. */
  provider?: string
  /** They are signed in already, and wanted to connect an account. */
  connecting?: boolean
}) {
  const { t } = useTranslation()
  const { data: providers, isPending } = useQuery(providersQuery)
  const name = providers?.find((p) => p.id === provider)?.name
  // The name would come a moment later, and be announced twice.
  if (isPending) return null
  const title = connecting
    ? name
      ? t('signIn.notConnectedBy', { name })
      : t('signIn.notConnected')
    : name
      ? t('signIn.refusedBy', { name })
      : t('signIn.refusedTitle')
  return (
    <Trouble title={title}>
      <p>
        {t(`signIn.refused.${why}`)} {t(`signIn.todo.${why}`)}
      </p>
    </Trouble>
  )
}
