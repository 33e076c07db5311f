import { Button, Field, Input } from '@fluentui/react-components'
import { Add20Regular, Delete20Regular } from '@fluentui/react-icons'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { teamQuery, telephonesQuery, useAddTelephone, useRemoveTelephone } from '../api/queries'
import { FAVOURITES, groupAddresses, keyAddress, serverAddresses, type TelephoneServer } from '../lib/lines'
import type { Schemas } from '../lib/model'
import { dateAndTime } from '../lib/time'
import { Section, Trouble } from '../ui/parts'
import { Confirm } from './Confirm'
import { CopyField } from './CopyField'
import { FormDialog } from './FormDialog'
import { useProblemText, wrongWith } from './problem'
import { ShownOnce } from './ShownOnce'
import { useClock, usePublicURL } from './session'
import { QueryTrouble } from './trouble'

/** The desk telephones of a person, whose keys show presence (L2). Nothing where there is no server for them. */
export function DeskTelephones() {
  const { t } = useTranslation()
  const clock = useClock()
  const say = useProblemText()
  const query = useQuery(telephonesQuery)
  const remove = useRemoveTelephone()
  const [adding, setAdding] = useState(false)
  const [made, setMade] = useState<Schemas['TelephoneAdded']>()
  const [removing, setRemoving] = useState<Schemas['Telephone']>()
  const x = query.data
  if (query.error) return <QueryTrouble error={query.error} again={() => void query.refetch()} />
  if (!x || (!x.servers.length && !x.telephones.length)) return null
  return (
    <Section
      title={t('telephone.desk.title')}
      note={t('telephone.desk.note')}
      actions={
        x.servers.length > 0 && (
          <Button icon={<Add20Regular />} onClick={() => setAdding(true)}>
            {t('telephone.desk.add')}
          </Button>
        )
      }
    >
      <div className="stack">
        {remove.error && <Trouble>{say(remove.error)}</Trouble>}
        {!x.servers.length && <p className="note">{t('telephone.desk.noServer')}</p>}
        {x.telephones.length > 0 ? (
          <ul className="rows" aria-label={t('telephone.desk.title')}>
            {x.telephones.map((p) => (
              <li key={p.user}>
                <div className="grow">
                  <p className="telephone-name">{p.name}</p>
                  <p className="note long">
                    {t('telephone.desk.signsInAs', { user: p.user })} ·{' '}
                    {p.seen_at
                      ? t('telephone.desk.seen', { at: dateAndTime(new Date(p.seen_at), clock) })
                      : t('telephone.desk.notSeen', { at: dateAndTime(new Date(p.created_at), clock) })}
                  </p>
                </div>
                <Button
                  appearance="subtle"
                  icon={<Delete20Regular />}
                  aria-label={t('telephone.desk.removeNamed', { name: p.name })}
                  onClick={() => setRemoving(p)}
                />
              </li>
            ))}
          </ul>
        ) : (
          <p>{t('telephone.desk.none')}</p>
        )}
        {x.servers.length > 0 && <HowTo servers={x.servers} realm={x.realm} />}
      </div>
      {adding && (
        <AddTelephone
          onClose={() => setAdding(false)}
          onMade={(p) => {
            setAdding(false)
            setMade(p)
          }}
        />
      )}
      {made && (
        <ShownOnce
          title={t('telephone.desk.madeTitle', { name: made.name })}
          label={t('telephone.desk.password')}
          secret={made.password}
          text={t('telephone.desk.madeText')}
          onClose={() => setMade(undefined)}
        >
          <CopyField label={t('telephone.desk.user')} text={made.user} />
          <Servers servers={x.servers} realm={x.realm} />
        </ShownOnce>
      )}
      {removing && (
        <Confirm
          title={t('telephone.desk.removeTitle', { name: removing.name })}
          action={t('remove')}
          onClose={() => setRemoving(undefined)}
          onConfirm={() => remove.mutate(removing.user)}
        >
          {t('telephone.desk.removeText')}
        </Confirm>
      )}
    </Section>
  )
}

function AddTelephone({ onClose, onMade }: { onClose: () => void; onMade: (p: Schemas['TelephoneAdded']) => void }) {
  const { t } = useTranslation()
  const add = useAddTelephone()
  const [name, setName] = useState('')
  const [tried, setTried] = useState(false)
  return (
    <FormDialog
      title={t('telephone.desk.addTitle')}
      action={t('telephone.desk.addDo')}
      error={add.error}
      fields={['name']}
      busy={add.isPending}
      onSubmit={() => {
        setTried(true)
        if (name.trim()) add.mutate(name.trim(), { onSuccess: onMade })
      }}
      onClose={onClose}
    >
      <Field
        label={t('telephone.desk.name')}
        hint={t('telephone.desk.nameHint')}
        required
        validationMessage={tried && !name.trim() ? t('profiles.nameNeeded') : wrongWith(add.error, 'name')}
      >
        <Input value={name} maxLength={60} autoComplete="off" onChange={(_e, d) => setName(d.value)} />
      </Field>
    </FormDialog>
  )
}

/** Where a telephone signs in. */
function Servers({ servers, realm }: { servers: TelephoneServer[]; realm: string }) {
  const { t } = useTranslation()
  const here = new URL(usePublicURL()).hostname
  return (
    <dl className="facts">
      {servers.map((s) => {
        const { host, at } = serverAddresses(s, here)
        return (
          <div key={s.name}>
            <dt>{t('telephone.desk.server')}</dt>
            <dd>
              {host}
              <span className="note"> ({at.join(', ') || t('telephone.desk.notListening')})</span>
            </dd>
          </div>
        )
      })}
      <div>
        <dt>{t('telephone.desk.realm')}</dt>
        <dd>{realm}</dd>
      </div>
    </dl>
  )
}

/** How keys of a telephone are set up. */
function HowTo({ servers, realm }: { servers: TelephoneServer[]; realm: string }) {
  const { t } = useTranslation()
  const { data: team } = useQuery(teamQuery)
  const here = new URL(usePublicURL()).hostname
  const [server] = servers
  if (!server) return null
  const address = (user: string) => keyAddress(server, here, user)
  const lists = [{ name: t('team.favourites'), address: FAVOURITES }, ...groupAddresses(team?.groups ?? [])]
  return (
    <details className="how-to">
      <summary>{t('telephone.desk.how')}</summary>
      <div className="stack">
        <ol className="steps">
          <li>{t('telephone.desk.how1')}</li>
          <li>{t('telephone.desk.how2')}</li>
          <li>
            {t('telephone.desk.how3')} <code>{address('302')}</code>
          </li>
        </ol>
        <Servers servers={servers} realm={realm} />
        <p>{t('telephone.desk.lists')}</p>
        <dl className="facts">
          {lists.map((l) => (
            <div key={l.address}>
              <dt>{l.name}</dt>
              <dd>
                <code>{address(l.address)}</code>
              </dd>
            </div>
          ))}
        </dl>
      </div>
    </details>
  )
}
