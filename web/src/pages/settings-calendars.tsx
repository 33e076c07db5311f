import { Button, Switch, Tooltip } from '@fluentui/react-components'
import {
  Add20Regular,
  ArrowSync20Regular,
  CalendarLtr24Regular,
  Delete20Regular,
  Edit20Regular,
  LockClosed16Regular,
} from '@fluentui/react-icons'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { calendarsQuery, profilesQuery, useDeleteCalendar, useReadCalendar } from '../api/queries'
import { Confirm } from '../components/Confirm'
import { useProblemText } from '../components/problem'
import { useClock, useNow } from '../components/session'
import { useOwnSettings } from '../components/settings'
import { QueryTrouble } from '../components/trouble'
import { CalendarDialog } from '../forms/CalendarDialog'
import { CalendarFields } from '../forms/CalendarFields'
import type { CalendarOptions, Schemas } from '../lib/model'
import { moment } from '../lib/time'
import { Empty, Section, Trouble, Waiting } from '../ui/parts'
import { Saved } from './settings-general'

type Calendar = Schemas['Calendar']

export function CalendarsPage() {
  const { t } = useTranslation()
  const query = useQuery(calendarsQuery)
  const remove = useDeleteCalendar()
  const say = useProblemText()
  const [edited, setEdited] = useState<Calendar | 'new'>()
  const [removed, setRemoved] = useState<Calendar>()
  const data = query.data
  return (
    <>
      <Section
        title={t('calendars.title')}
        note={data && !data.allowed ? t('calendars.notAllowed') : t('calendars.lead')}
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
        {remove.error && <Trouble>{say(remove.error)}</Trouble>}
        <ul className="rows">
          {data?.calendars.map((c) => (
            <Row key={c.id} c={c} allowed={data.allowed} onEdit={() => setEdited(c)} onRemove={() => setRemoved(c)} />
          ))}
        </ul>
        {data?.allowed && !data.calendars.length && (
          <Empty icon={<CalendarLtr24Regular />} title={t('calendars.none')}>
            {t('calendars.noneHint')}
          </Empty>
        )}
      </Section>
      <Options />
      {edited && (
        <CalendarDialog calendar={edited === 'new' ? undefined : edited} onClose={() => setEdited(undefined)} />
      )}
      {removed && (
        <Confirm
          title={t('calendars.removeTitle', { name: removed.name })}
          action={t('remove')}
          onClose={() => setRemoved(undefined)}
          onConfirm={() => remove.mutate(removed.id)}
        >
          {t('calendars.removeText')}
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
  const health = c.error
    ? t('calendars.health.failed', { at: c.checked_at ? at(c.checked_at) : '' })
    : c.succeeded_at
      ? t('calendars.health.ok', { at: at(c.succeeded_at), count: c.appointments })
      : t('calendars.health.reading')
  return (
    <li className="calendar-row">
      <span className={`calendar-dot${c.error ? ' failed' : c.problems.length ? ' problem' : ''}`} aria-hidden="true" />
      <div className="grow">
        <p>
          <span className="calendar-name">{c.name}</span> <span className="quiet">{t(`calendars.${c.kind}`)}</span>
        </p>
        <p className="calendar-url">{c.url}</p>
        <p className={c.error ? 'calendar-error' : 'note'}>{health}</p>
        {c.error && (
          <>
            <p className="note">{c.error}</p>
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
                <li key={p}>{p}</li>
              ))}
            </ul>
          </details>
        )}
      </div>
      <div className="row">
        <Tooltip content={t('calendars.readNow')} relationship="description">
          <Button
            appearance="subtle"
            icon={<ArrowSync20Regular />}
            aria-label={t('calendars.readNamed', { name: c.name })}
            disabled={read.isPending}
            onClick={() => read.mutate(c.id)}
          />
        </Tooltip>
        {allowed && (
          <Button
            appearance="subtle"
            icon={<Edit20Regular />}
            aria-label={t('calendars.editNamed', { name: c.name })}
            onClick={onEdit}
          />
        )}
        {allowed && (
          <Button
            appearance="subtle"
            icon={<Delete20Regular />}
            aria-label={t('calendars.removeNamed', { name: c.name })}
            onClick={onRemove}
          />
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
