import { Button } from '@fluentui/react-components'
import { Desktop20Regular, Phone20Regular } from '@fluentui/react-icons'
import { useQuery } from '@tanstack/react-query'
import { useEffect } from 'react'
import { useTranslation } from 'react-i18next'
import { useConnection } from '../api/live'
import { clientsQuery, useEndClient } from '../api/queries'
import { tab } from '../api/tab'
import { CopyField } from '../components/CopyField'
import { useProblemText } from '../components/problem'
import { useClock, useNow, usePublicURL } from '../components/session'
import { QueryTrouble } from '../components/trouble'
import { clientLabel } from '../lib/client-label'
import { moment } from '../lib/time'
import { Section, Trouble, Waiting } from '../ui/parts'

export function ClientsPage() {
  const { t } = useTranslation()
  const query = useQuery(clientsQuery)
  const { state } = useConnection()
  const { refetch } = query
  // This window is among them once the stream has said so.
  useEffect(() => {
    if (state === 'live') void refetch()
  }, [state, refetch])
  const end = useEndClient()
  const say = useProblemText()
  const clock = useClock()
  const now = useNow()
  const at = (text: string) => moment(new Date(text), now, clock)
  const here = tab.id
  const server = usePublicURL()
  return (
    <>
      <Section title={t('settings.clients')} note={t('clients.lead')}>
        {query.isPending && <Waiting label={t('waiting')} rows={3} />}
        {query.error && <QueryTrouble error={query.error} again={() => void query.refetch()} />}
        {end.error && <Trouble>{say(end.error)}</Trouble>}
        {query.data && !query.data.clients.length && <p className="note">{t('clients.none')}</p>}
        <ul className="rows" aria-label={t('settings.clients')}>
          {query.data?.clients.map((c) => (
            <li key={c.id}>
              <span className="quiet" aria-hidden="true">
                {/iPhone|Android|iPad/.test(c.label) ? <Phone20Regular /> : <Desktop20Regular />}
              </span>
              <div className="grow">
                <p>
                  <b>{clientLabel(c.label, t)}</b>{' '}
                  {c.id === here && <span className="quiet">({t('clients.this')})</span>}
                </p>
                <p className="note">
                  {t('clients.since', { at: at(c.since) })} ·{' '}
                  {c.activity_since
                    ? t('clients.activitySince', {
                        activity: t(`clients.activity.${c.activity}`),
                        at: at(c.activity_since),
                      })
                    : t(`clients.activity.${c.activity}`)}
                </p>
              </div>
              <Button
                title={t('clients.endHint')}
                aria-label={t('clients.endNamed', { label: clientLabel(c.label, t) })}
                disabled={end.isPending}
                onClick={() => end.mutate(c.id)}
              >
                {t('clients.end')}
              </Button>
            </li>
          ))}
        </ul>
      </Section>
      <Section title={t('clients.desktop')} note={t('clients.desktopNote')}>
        <div className="stack">
          <CopyField label={t('clients.desktopStart')} text={`doorlight-agent --server ${server}`} />
          <p className="note">{t('clients.desktopHow')}</p>
        </div>
      </Section>
    </>
  )
}
