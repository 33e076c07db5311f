import { Button } from '@fluentui/react-components'
import { Add20Regular, Key24Regular } from '@fluentui/react-icons'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { tokensQuery, useRevokeToken } from '../api/admin'
import { Confirm } from '../components/Confirm'
import { useNames } from '../components/names'
import { useProblemText } from '../components/problem'
import { useClock, useNow } from '../components/session'
import { QueryTrouble } from '../components/trouble'
import { TokenDialog } from '../forms/TokenDialog'
import type { Schemas } from '../lib/model'
import { dateAndTime } from '../lib/time'
import { Empty, Page, Section, Trouble, Waiting } from '../ui/parts'

type Token = Schemas['Token']

/** Tokens of programs: what they may do, and until when. */
export function TokensPage() {
  const { t } = useTranslation()
  const query = useQuery(tokensQuery)
  const revoke = useRevokeToken()
  const say = useProblemText()
  const [making, setMaking] = useState(false)
  const [revoked, setRevoked] = useState<Token>()
  const nameOf = useNames((query.data ?? []).flatMap((x) => x.person ?? []))
  return (
    <Page
      title={t('nav.tokens')}
      lead={t('admin.tokens.lead')}
      actions={
        <Button appearance="primary" icon={<Add20Regular />} onClick={() => setMaking(true)}>
          {t('admin.tokens.add')}
        </Button>
      }
    >
      {query.isPending && <Waiting label={t('waiting')} rows={3} />}
      {query.error && <QueryTrouble error={query.error} again={() => void query.refetch()} />}
      {revoke.error && <Trouble>{say(revoke.error)}</Trouble>}
      {query.data?.length === 0 && (
        <Empty icon={<Key24Regular />} title={t('admin.tokens.none')}>
          {t('admin.tokens.noneHint')}
        </Empty>
      )}
      {!!query.data?.length && (
        <Section title={t('admin.tokens.list')}>
          <ul className="rows" aria-label={t('admin.tokens.list')}>
            {query.data.map((x) => (
              <Row key={x.id} x={x} person={x.person && (nameOf(x.person).name ?? x.person)} onRevoke={setRevoked} />
            ))}
          </ul>
        </Section>
      )}
      {making && <TokenDialog onClose={() => setMaking(false)} />}
      {revoked && (
        <Confirm
          title={t('admin.tokens.revokeTitle', { name: revoked.name })}
          action={t('admin.tokens.revoke')}
          onClose={() => setRevoked(undefined)}
          onConfirm={() => revoke.mutate(revoked.id ?? '')}
        >
          {t('admin.tokens.revokeText')}
        </Confirm>
      )}
    </Page>
  )
}

function Row({ x, person, onRevoke }: { x: Token; person?: string; onRevoke: (x: Token) => void }) {
  const { t } = useTranslation()
  const clock = useClock()
  const now = useNow()
  const end = x.expires_at ? new Date(x.expires_at) : undefined
  const life = !end
    ? t('admin.tokens.never')
    : t(end > now ? 'admin.tokens.expires' : 'admin.tokens.expired', { at: dateAndTime(end, clock) })
  return (
    <li>
      <div className="grow">
        <p className="row-name">{x.name}</p>
        <p>{x.scopes.map((s) => t(`admin.tokens.scope.${s}`)).join(' · ')}</p>
        <p className="note">
          {[
            x.origin && t('admin.tokens.originLine', { origin: x.origin }),
            person && t('admin.tokens.personLine', { name: person }),
            life,
          ]
            .filter(Boolean)
            .join(' · ')}
        </p>
      </div>
      <Button aria-label={t('admin.tokens.revokeNamed', { name: x.name })} onClick={() => onRevoke(x)}>
        {t('admin.tokens.revoke')}
      </Button>
    </li>
  )
}
