import { Button, MessageBar, MessageBarBody, Switch } from '@fluentui/react-components'
import { LockClosed16Regular, PeopleTeam24Regular, PlugDisconnected20Regular } from '@fluentui/react-icons'
import { useQuery } from '@tanstack/react-query'
import { useSearch } from '@tanstack/react-router'
import { type ReactNode, useEffect, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { ownTeamsQuery, useDisconnectTeams } from '../api/queries'
import { Confirm } from '../components/Confirm'
import { useProblemText } from '../components/problem'
import { RefusedAccount } from '../components/RefusedAccount'
import { inWords } from '../components/server-words'
import { useOwnSettings } from '../components/settings'
import { useTeamsSignIn } from '../components/TeamsSignIn'
import { QueryTrouble } from '../components/trouble'
import { SyncChoice } from '../forms/SyncChoice'
import { lagOf } from '../lib/health'
import type { TeamsSync } from '../lib/model'
import { noticesOf, type PersonTeams, secondsSince, shownWords } from '../lib/teams'
import { Empty, Section, Trouble, Waiting } from '../ui/parts'
import { Saved } from './settings-general'

/** While the page is open it is asked so often how Teams is doing. */
const ASK = 4_000

/** A person and Microsoft Teams: what is synchronised, how that goes, and as whom they have signed in for it. */
export function TeamsPage() {
  const { t } = useTranslation()
  const { refused, connector } = useSearch({ from: '/app/settings/teams' })
  const query = useQuery({ ...ownTeamsQuery, staleTime: 0, refetchInterval: ASK })
  const teams = query.data
  // The name would come a moment later, and be announced twice.
  const told = refused && !query.isPending
  return (
    <>
      {told && <RefusedAccount why={refused} name={connector === teams?.connector ? teams?.application : undefined} />}
      {query.error && <QueryTrouble error={query.error} again={() => void query.refetch()} />}
      {query.isPending && <Waiting label={t('waiting')} rows={4} />}
      {teams && !teams.connector && (
        <Section title={t('teams.title')}>
          <Empty icon={<PeopleTeam24Regular />} title={t('teams.none')}>
            {t('teams.noneHint')}
          </Empty>
        </Section>
      )}
      {teams?.connector && (
        <>
          <Choice teams={teams} />
          {teams.sync !== 'none' && <State teams={teams} />}
          {teams.access === 'delegated' && (teams.sync !== 'none' || teams.account) && <Account teams={teams} />}
        </>
      )}
    </>
  )
}

function Locked() {
  const { t } = useTranslation()
  return (
    <span className="locked">
      <LockClosed16Regular aria-hidden="true" /> {t('settings.byAdmin')}
    </span>
  )
}

/** What is synchronised: an own choice where there may be one, else what is in force. */
function Choice({ teams }: { teams: PersonTeams }) {
  const { t } = useTranslation()
  const { query, save, change } = useOwnSettings()
  const say = useProblemText()
  const s = query.data?.teams
  if (!teams.user_may_change)
    return (
      <Section title={t('teams.title')} note={t('teams.lead')} actions={<Locked />}>
        <p className="in-force">{t(`admin.teams.sync.${teams.sync}`)}</p>
        {teams.sync === 'telephony_and_status' ? (
          <>
            <p className="note">{t('admin.teams.means.telephony')}</p>
            <p className="note">{t('teams.status')}</p>
          </>
        ) : (
          <p className="note">{t(`admin.teams.means.${teams.sync}`)}</p>
        )}
      </Section>
    )
  const set = (sync: TeamsSync | undefined) => change((own) => ({ ...own, teams: sync && { sync } }))
  return (
    <Section
      title={t('teams.title')}
      note={t('teams.lead')}
      actions={
        s && (
          <span className="row">
            {save.isSuccess && <Saved />}
            <Switch
              label={t('settings.useOwn')}
              labelPosition="before"
              checked={!!s.own}
              onChange={(_e, d) => set(d.checked ? s.effective.sync : undefined)}
            />
          </span>
        )
      }
    >
      {query.error && <QueryTrouble error={query.error} again={() => void query.refetch()} />}
      {save.error && <Trouble>{say(save.error)}</Trouble>}
      {s && <SyncChoice value={s.effective.sync} off={!s.own} onSync={set} />}
    </Section>
  )
}

const INTENTS = { sign_in: 'warning', problem: 'error', hidden: 'warning', offline: 'info' } as const

/** What Teams shows, what came of it here, what it was told, and what is in the way. */
function State({ teams }: { teams: PersonTeams }) {
  const { t } = useTranslation()
  const facts: [string, ReactNode][] = [
    [t('teams.heard'), <Heard key="heard" at={teams.heard_at} />],
    [t('teams.shows'), shownWords(teams, t) ?? t('teams.notKnown')],
    [t('teams.entry'), t(`teams.entryOf.${teams.entry ?? 'none'}`)],
    [t('teams.told'), teams.written.map((w) => t(`teams.writtenOf.${w}`)).join(', ') || t('teams.writtenOf.none')],
  ]
  return (
    <Section title={t('teams.state')} note={teams.application && t('teams.by', { name: teams.application })}>
      <div className="stack">
        {noticesOf(teams, inWords, t).map((n) => (
          <MessageBar key={n.kind} intent={INTENTS[n.kind]} layout="multiline">
            <MessageBarBody>{n.text}</MessageBarBody>
          </MessageBar>
        ))}
        <dl className="facts">
          {facts.map(([name, value]) => (
            <div key={name}>
              <dt>{name}</dt>
              <dd>{value}</dd>
            </div>
          ))}
        </dl>
      </div>
    </Section>
  )
}

/** How long ago Teams was heard; it counts on by itself. */
function Heard({ at }: { at: string | undefined }) {
  const { t } = useTranslation()
  const [now, setNow] = useState(() => new Date())
  useEffect(() => {
    const timer = setInterval(() => setNow(new Date()), 1_000)
    return () => clearInterval(timer)
  }, [])
  if (!at) return t('teams.neverHeard')
  // It may have been heard since the clock was last looked at.
  const { unit, count } = lagOf(secondsSince(at, now))
  return t(`teams.ago.${unit}`, { count })
}

/** As whom somebody has signed in, and the ways in and out. */
function Account({ teams }: { teams: PersonTeams }) {
  const { t } = useTranslation()
  const disconnect = useDisconnectTeams()
  const say = useProblemText()
  const { choice, path } = useTeamsSignIn(teams)
  const [asking, setAsking] = useState(false)
  const in_ = teams.account && !teams.sign_in_needed
  return (
    <Section title={t('teams.account')} note={t('teams.accountNote')}>
      <div className="stack">
        {disconnect.error && <Trouble>{say(disconnect.error)}</Trouble>}
        {teams.account ? (
          <p>
            {t(in_ ? 'teams.signedInAs' : 'teams.signedInBefore')} <strong className="long">{teams.account}</strong>
            {in_ && <span className="note"> {t(teams.remembered ? 'teams.remembered' : 'teams.notRemembered')}</span>}
          </p>
        ) : (
          <p>{t('teams.signedOut')}</p>
        )}
        {!in_ && choice}
        <div className="row">
          {!in_ && path && (
            // A page of the server, which leads on to Microsoft's: the router knows nothing of it.
            <a href={path} className="button-link primary">
              {t('teams.signIn')}
            </a>
          )}
          {teams.account && (
            <Button icon={<PlugDisconnected20Regular />} onClick={() => setAsking(true)}>
              {t('teams.disconnect')}
            </Button>
          )}
        </div>
      </div>
      {asking && (
        <Confirm
          title={t('teams.disconnectTitle')}
          action={t('teams.disconnect')}
          onClose={() => setAsking(false)}
          onConfirm={() => disconnect.mutate()}
        >
          {t('teams.disconnectText')}
        </Confirm>
      )}
    </Section>
  )
}
