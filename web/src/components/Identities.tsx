import { Button } from '@fluentui/react-components'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { identitiesQuery, useRelease } from '../api/queries'
import type { Schemas } from '../lib/model'
import { dateAndTime } from '../lib/time'
import { Trouble, Waiting } from '../ui/parts'
import { Confirm } from './Confirm'
import { useProblemText } from './problem'
import { useClock } from './session'
import { QueryTrouble } from './trouble'

type Identity = Schemas['Identity']

/** The accounts of sign-in providers by which somebody is known, each with a button that releases it. */
export function Identities({
  person,
  name,
  empty,
}: {
  person: string
  /** Of the person; absent: it is the reader. */
  name?: string
  /** What is said if there are none. */
  empty: string
}) {
  const { t } = useTranslation()
  const clock = useClock()
  const say = useProblemText()
  const query = useQuery(identitiesQuery(person))
  const release = useRelease(person)
  const [asked, setAsked] = useState<Identity>()
  const called = (x: Identity) => x.name || t('identities.gone')
  return (
    <>
      {query.isPending && <Waiting label={t('waiting')} rows={1} />}
      {query.error && <QueryTrouble error={query.error} again={() => void query.refetch()} />}
      {release.error && <Trouble>{say(release.error)}</Trouble>}
      {query.data?.length === 0 && <p className="note">{empty}</p>}
      {!!query.data?.length && (
        <ul className="rows" aria-label={t('identities.title')}>
          {query.data.map((x) => (
            <li key={x.connector}>
              <div className="grow">
                <p className="row-name">{called(x)}</p>
                <p className="note long">
                  {t('identities.since', { at: dateAndTime(new Date(x.created_at), clock) })}
                  {name !== undefined && ` · ${t('identities.subject', { subject: x.subject })}`}
                </p>
              </div>
              <Button
                aria-label={t('identities.releaseNamed', { name: called(x) })}
                disabled={release.isPending}
                onClick={() => setAsked(x)}
              >
                {t('identities.release')}
              </Button>
            </li>
          ))}
        </ul>
      )}
      {asked && (
        <Confirm
          title={t('identities.releaseTitle', { name: called(asked) })}
          action={t('identities.release')}
          onClose={() => setAsked(undefined)}
          onConfirm={() => release.mutate(asked.connector)}
        >
          {name === undefined ? t('identities.releaseText') : t('identities.releaseTextOf', { person: name })}
        </Confirm>
      )}
    </>
  )
}
