import { Button } from '@fluentui/react-components'
import { CheckmarkCircle16Regular, ErrorCircle16Regular } from '@fluentui/react-icons'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { deliveriesQuery, useMakeConnectorToken } from '../api/admin'
import { Confirm } from '../components/Confirm'
import { ConnectorActions, ConnectorPage } from '../components/ConnectorPage'
import { useProblemText } from '../components/problem'
import { ShownOnce } from '../components/ShownOnce'
import { inWords } from '../components/server-words'
import { useClock, useNow } from '../components/session'
import { QueryTrouble } from '../components/trouble'
import { WebhookForm } from '../forms/WebhookForm'
import type { Connector } from '../lib/connector'
import { exactTime } from '../lib/time'
import { Section, Trouble, Waiting } from '../ui/parts'

/** One program that is told of changed presences: how it is doing, its secret, the latest calls, and its settings. */
export function WebhookPage() {
  const { t } = useTranslation()
  return (
    <ConnectorPage
      kind="webhook"
      Form={WebhookForm}
      above={(c, dirty) => (
        <>
          <ConnectorActions
            key={c.id}
            c={c}
            dirty={dirty}
            checks
            notYet={c.has_secret ? undefined : t('admin.webhooks.noSecret')}
            deleteText={t('admin.webhooks.deleteText')}
          />
          <Secret key={`secret-${c.id}`} c={c} />
          <Deliveries c={c} />
        </>
      )}
    />
  )
}

function Secret({ c }: { c: Connector }) {
  const { t } = useTranslation()
  const say = useProblemText()
  const make = useMakeConnectorToken()
  const [asking, setAsking] = useState(false)
  const begin = () => make.mutate({ connector: c.id, body: {} })
  return (
    <Section title={t('admin.webhooks.group.secret')}>
      <div className="stack">
        {make.error && <Trouble>{say(make.error)}</Trouble>}
        <p>{t(c.has_secret ? 'admin.webhooks.secretKept' : 'admin.webhooks.secretNone')}</p>
        <div>
          <Button
            appearance={c.has_secret ? undefined : 'primary'}
            disabled={make.isPending}
            onClick={() => (c.has_secret ? setAsking(true) : begin())}
          >
            {t(c.has_secret ? 'admin.webhooks.newSecret' : 'admin.webhooks.makeSecret')}
          </Button>
        </div>
      </div>
      {asking && (
        <Confirm
          title={t('admin.webhooks.renewTitle', { name: c.name })}
          action={t('admin.webhooks.renewDo')}
          onClose={() => setAsking(false)}
          onConfirm={begin}
        >
          {t('admin.webhooks.renewText')}
        </Confirm>
      )}
      {make.data && (
        <ShownOnce
          title={t('admin.webhooks.secretTitle', { name: c.name })}
          label={t('admin.tokens.secret')}
          secret={make.data.token}
          onClose={make.reset}
        />
      )}
    </Section>
  )
}

/** The latest calls, read anew every few seconds: whoever sets a receiver up waits for one. */
function Deliveries({ c }: { c: Connector }) {
  const { t } = useTranslation()
  const clock = useClock()
  const now = useNow()
  const query = useQuery(deliveriesQuery(c.id))
  const all = query.data?.deliveries ?? []
  const next = query.data?.next_at ? new Date(query.data.next_at) : undefined
  const n = (x: number) => x.toLocaleString(clock.locale)
  const column = (name: 'at' | 'attempt' | 'people' | 'answer' | 'took' | 'error') => t(`admin.webhooks.column.${name}`)
  return (
    <Section title={t('admin.webhooks.deliveries')} note={t('admin.webhooks.deliveriesNote')}>
      {query.isPending && <Waiting label={t('waiting')} rows={2} />}
      {query.error && <QueryTrouble error={query.error} again={() => void query.refetch()} />}
      {next && (
        <p>{next > now ? t('admin.webhooks.next', { at: exactTime(next, clock) }) : t('admin.webhooks.nextNow')}</p>
      )}
      {query.data && !all.length && <p className="note">{t('admin.webhooks.deliveriesNone')}</p>}
      {all.length > 0 && (
        <section
          className="deliveries"
          // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard
          tabIndex={0}
          aria-label={t('admin.webhooks.deliveries')}
        >
          <table className="table" aria-label={t('admin.webhooks.deliveries')}>
            <thead>
              <tr>
                {(['at', 'answer', 'error', 'attempt', 'people', 'took'] as const).map((x) => (
                  <th key={x} scope="col">
                    {column(x)}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {all.map((d) => (
                <tr key={`${d.id}/${d.attempt}/${d.at}`}>
                  <th scope="row">
                    <time dateTime={d.at}>{exactTime(new Date(d.at), clock)}</time>
                  </th>
                  <td data-label={column('answer')}>
                    <span className={d.error ? 'mark warn' : 'mark good'}>
                      <span aria-hidden="true">
                        {d.error ? <ErrorCircle16Regular /> : <CheckmarkCircle16Regular />}
                      </span>
                      {t(d.error ? 'admin.webhooks.notTaken' : 'admin.webhooks.taken')} ·{' '}
                      {d.status ?? t('admin.webhooks.noAnswer')}
                    </span>
                  </td>
                  <td data-label={column('error')} className={d.error ? 'long' : 'unused'}>
                    {d.error && inWords(d.error)}
                  </td>
                  <td data-label={column('attempt')}>{n(d.attempt)}</td>
                  <td data-label={column('people')}>{n(d.people)}</td>
                  <td data-label={column('took')} className="amount">
                    {t('admin.webhooks.ms', { n: n(d.took_ms) })}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </section>
      )}
    </Section>
  )
}
