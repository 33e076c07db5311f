import { Button, Switch, Tooltip } from '@fluentui/react-components'
import {
  Add20Regular,
  ArrowSync20Regular,
  CalendarLtr24Regular,
  Delete20Regular,
  Edit20Regular,
  LinkAdd20Regular,
  LockClosed16Regular,
  PlugDisconnected20Regular,
} from '@fluentui/react-icons'
import { useQuery } from '@tanstack/react-query'
import { useSearch } from '@tanstack/react-router'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { calendarsQuery, profilesQuery, useDeleteCalendar, useReadCalendar } from '../api/queries'
import { Confirm } from '../components/Confirm'
import { useProblemText } from '../components/problem'
import { RefusedAccount } from '../components/RefusedAccount'
import { inWords } from '../components/server-words'
import { useClock, useNow } from '../components/session'
import { useOwnSettings } from '../components/settings'
import { QueryTrouble } from '../components/trouble'
import { CalendarDialog } from '../forms/CalendarDialog'
import { CalendarFields } from '../forms/CalendarFields'
import { type Calendar, mayDo, toConnect } from '../lib/calendar'
import type { CalendarOptions } from '../lib/model'
import { moment } from '../lib/time'
import { Empty, Section, Trouble, Waiting } from '../ui/parts'
import { Saved } from './settings-general'

/** The calendars of a person: entered, connected, handed over, or there because the administrator says so. */
export function CalendarsPage() {
  const { t } = useTranslation()
  const { refused, connector } = useSearch({ from: '/app/settings/calendars' })
  const query = useQuery(calendarsQuery)
  const remove = useDeleteCalendar()
  const say = useProblemText()
  const [edited, setEdited] = useState<Calendar | 'new'>()
  const [removed, setRemoved] = useState<Calendar>()
  const data = query.data
  const connects = data ? toConnect(data) : []
  const central = data?.calendars.some((c) => c.central)
  return (
    <>
      <Section
        title={t('calendars.title')}
        note={
          data && !data.allowed && !connects.length
            ? t(central ? 'calendars.notAllowed' : 'calendars.ownOff')
            : t('calendars.lead')
        }
        actions={
          data?.allowed && (
            <Button appearance="primary" icon={<Add20Regular />} onClick={() => setEdited('new')}>
              {t('calendars.add')}
            </Button>
          )
        }
      >
        {query.isPending && <Waiting label={t('waiting')} rows={3} />}
        {query.error && <QueryTrouble error={query.error} again={() => void query.refetch()} />}
        {/* The name would come a moment later, and be announced twice. */}
        {refused && !query.isPending && (
          <RefusedAccount why={refused} name={data?.accounts.find((a) => a.id === connector)?.name} />
        )}
        {remove.error && <Trouble>{say(remove.error)}</Trouble>}
        <ul className="rows">
          {data?.calendars.map((c) => (
            <Row key={c.id} c={c} allowed={data.allowed} onEdit={() => setEdited(c)} onRemove={() => setRemoved(c)} />
          ))}
        </ul>
        {data && !data.calendars.length && (
          <Empty icon={<CalendarLtr24Regular />} title={t('calendars.none')}>
            {data.allowed && <p>{t('calendars.noneHint')}</p>}
            {data.local && <p>{t('calendars.noneLocal')}</p>}
            {!data.allowed && !data.local && <p>{t('calendars.noneCentral')}</p>}
          </Empty>
        )}
        {connects.length > 0 && (
          <div className="stack connect-accounts">
            <p className="note">{t('calendars.account.lead')}</p>
            <div className="row">
              {connects.map((a) => (
                // A page of the server, which leads on to Microsoft's: the router knows nothing of it.
                <Button key={a.id} as="a" href={a.path} icon={<LinkAdd20Regular />}>
                  {t('calendars.account.connect', { name: a.name })}
                </Button>
              ))}
            </div>
          </div>
        )}
      </Section>
      <Options />
      {edited && (
        <CalendarDialog calendar={edited === 'new' ? undefined : edited} onClose={() => setEdited(undefined)} />
      )}
      {removed && (
        <Confirm
          title={t(removed.kind === 'graph_account' ? 'calendars.account.disconnectTitle' : 'calendars.removeTitle', {
            name: removed.name,
          })}
          action={t(removed.kind === 'graph_account' ? 'calendars.account.disconnectDo' : 'remove')}
          onClose={() => setRemoved(undefined)}
          onConfirm={() => remove.mutate(removed.id)}
        >
          {t(
            removed.kind === 'graph_account'
              ? 'calendars.account.disconnectText'
              : removed.kind === 'local'
                ? 'calendars.removeLocal'
                : 'calendars.removeText',
          )}
        </Confirm>
      )}
    </>
  )
}

function Row({
  c,
  allowed,
  onEdit,
  onRemove,
}: {
  c: Calendar
  allowed: boolean
  onEdit: () => void
  onRemove: () => void
}) {
  const { t } = useTranslation()
  const clock = useClock()
  const now = useNow()
  const read = useReadCalendar()
  const at = (text: string) => moment(new Date(text), now, clock)
  const may = mayDo(c, allowed)
  const account = c.kind === 'graph_account'
  const health = c.error
    ? t('calendars.health.failed', { at: c.checked_at ? at(c.checked_at) : '' })
    : c.succeeded_at
      ? t(c.kind === 'local' ? 'calendars.health.handed' : 'calendars.health.ok', {
          at: at(c.succeeded_at),
          count: c.appointments,
        })
      : t('calendars.health.reading')
  return (
    <li className="calendar-row">
      <span className={`calendar-dot${c.error ? ' failed' : c.problems.length ? ' problem' : ''}`} aria-hidden="true" />
      <div className="grow">
        <p>
          <span className="calendar-name">{c.name}</span> <span className="quiet">{t(`calendars.${c.kind}`)}</span>
        </p>
        {(c.url || account) && <p className="calendar-url">{c.url ?? c.username}</p>}
        {c.central && (
          <p className="locked">
            <LockClosed16Regular aria-hidden="true" /> {t('settings.byAdmin')}
          </p>
        )}
        <p className={c.error ? 'calendar-error' : 'note'}>{health}</p>
        {c.error && (
          <>
            <p className="note">{inWords(c.error)}</p>
            <p className="note">
              {c.succeeded_at
                ? t('calendars.health.lastGood', { at: at(c.succeeded_at) })
                : t('calendars.health.neverGood')}
            </p>
          </>
        )}
        {c.problems.length > 0 && (
          <details>
            <summary>{t('calendars.problems', { count: c.problems.length })}</summary>
            <ul>
              {c.problems.map((p) => (
                <li key={p}>{inWords(p)}</li>
              ))}
            </ul>
          </details>
        )}
      </div>
      <div className="row">
        {may.read && (
          <Tooltip content={t('calendars.readNow')} relationship="description">
            <Button
              appearance="subtle"
              icon={<ArrowSync20Regular />}
              aria-label={t('calendars.readNamed', { name: c.name })}
              disabled={read.isPending}
              onClick={() => read.mutate(c.id)}
            />
          </Tooltip>
        )}
        {may.edit && (
          <Button
            appearance="subtle"
            icon={<Edit20Regular />}
            aria-label={t('calendars.editNamed', { name: c.name })}
            onClick={onEdit}
          />
        )}
        {may.remove && !account && (
          <Button
            appearance="subtle"
            icon={<Delete20Regular />}
            aria-label={t('calendars.removeNamed', { name: c.name })}
            onClick={onRemove}
          />
        )}
        {may.remove && account && (
          <Button
            icon={<PlugDisconnected20Regular />}
            aria-label={t('calendars.account.disconnectNamed', { name: c.name })}
            onClick={onRemove}
          >
            {t('calendars.account.disconnect')}
          </Button>
        )}
      </div>
    </li>
  )
}

/** How appointments become presence. */
function Options() {
  const { t } = useTranslation()
  const { query, save, change } = useOwnSettings()
  const { data: profiles } = useQuery(profilesQuery('me'))
  const say = useProblemText()
  const s = query.data?.calendar
  if (!s) return null
  const locked = !s.central.user_may_change
  const v = s.effective
  const off = locked || !s.own
  const set = (part: Partial<CalendarOptions> | undefined) =>
    change((own) => ({ ...own, calendar: part && { ...v, ...part } }))
  return (
    <Section
      title={t('settings.calendarOptions')}
      actions={
        locked ? (
          <span className="locked">
            <LockClosed16Regular aria-hidden="true" /> {t('settings.byAdmin')}
          </span>
        ) : (
          <span className="row">
            {save.isSuccess && <Saved />}
            <Switch
              label={t('settings.useOwn')}
              labelPosition="before"
              checked={!!s.own}
              onChange={(_e, d) => set(d.checked ? {} : undefined)}
            />
          </span>
        )
      }
    >
      {save.error && <Trouble>{say(save.error)}</Trouble>}
      <CalendarFields value={v} profiles={profiles?.templates ?? []} off={off} onChange={set} />
    </Section>
  )
}
