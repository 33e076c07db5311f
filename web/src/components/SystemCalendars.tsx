import { ErrorCircle16Regular } from '@fluentui/react-icons'
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useTranslation } from 'react-i18next'
import { systemCalendarsQuery } from '../api/admin'
import type { Connector } from '../lib/connector'
import { dateAndTime } from '../lib/time'
import { Section, Waiting } from '../ui/parts'
import { inWords } from './server-words'
import { useClock } from './session'
import { QueryTrouble } from './trouble'

/** How many calendars a system holds for people here, and whose cannot be read. */
export function SystemCalendars({ c }: { c: Connector }) {
  const { t } = useTranslation()
  const clock = useClock()
  const query = useQuery(systemCalendarsQuery(c.id))
  const data = query.data
  const failing = data ? data.failing.length + (data.more ?? 0) : 0
  const at = (text: string) => dateAndTime(new Date(text), clock)
  return (
    <Section title={t('admin.systems.calendars')}>
      {query.isPending && <Waiting label={t('waiting')} rows={2} />}
      {query.error && <QueryTrouble error={query.error} again={() => void query.refetch()} />}
      {data && (
        <div className="stack">
          <p className={failing ? 'wrong' : undefined}>
            {data.calendars === 0
              ? t('admin.systems.noCalendars')
              : `${t('admin.systems.reads', { count: data.calendars })} ${
                  failing ? t('admin.systems.failing', { count: failing }) : t('admin.systems.allRead')
                }`}
          </p>
          {data.failing.length > 0 && (
            <ul className="rows" aria-label={t('admin.systems.failingList')}>
              {data.failing.map((x) => (
                <li key={`${x.person}/${x.mailbox}`} className="step">
                  <span className="step-mark bad" aria-hidden="true">
                    <ErrorCircle16Regular />
                  </span>
                  <div className="grow">
                    <p>
                      <Link to="/admin/people" search={{ edit: x.person }} className="row-name">
                        {x.name}
                      </Link>{' '}
                      <span className="note long">{x.mailbox || t('admin.systems.noMailbox')}</span>
                    </p>
                    <p className="step-found">{inWords(x.error)}</p>
                    <p className="note">
                      {x.succeeded_at
                        ? t('admin.systems.lastRead', { at: at(x.succeeded_at) })
                        : t('admin.systems.neverRead')}
                    </p>
                  </div>
                </li>
              ))}
            </ul>
          )}
          {!!data.more && <p className="note">{t('admin.systems.more', { count: data.more })}</p>}
        </div>
      )}
    </Section>
  )
}
