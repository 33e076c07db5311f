import { Field, Input } from '@fluentui/react-components'
import { Checkmark16Regular } from '@fluentui/react-icons'
import { useQuery } from '@tanstack/react-query'
import { Link, useNavigate, useParams } from '@tanstack/react-router'
import { type ComponentType, type ReactNode, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { connectorsQuery, useCheckConnector, useDeleteConnector } from '../api/admin'
import { Problem } from '../api/errors'
import type { ConnectorFormProps } from '../forms/ConnectorForm'
import type { Connector, Kind } from '../lib/connector'
import { Page, Section, Trouble, Waiting } from '../ui/parts'
import { ReasonButton } from '../ui/ReasonButton'
import { Confirm } from './Confirm'
import { CheckSteps, ConnectorState } from './ConnectorState'
import { CONNECTOR_PLACES } from './places'
import { useProblemText } from './problem'
import { QueryTrouble } from './trouble'

const GONE = new Problem(404, '')

/** The page of one outside system, or of a new one: how it is doing, what can be done with it, and its settings. */
export function ConnectorPage({
  kind,
  title,
  Form,
  above,
}: {
  kind: Kind
  /** Of a new one; otherwise there is one for the kind. */
  title?: string
  Form: ComponentType<ConnectorFormProps>
  /** Its state and what can be done with it; dirty: its form holds what is not saved. */
  above: (c: Connector, dirty: boolean) => ReactNode
}) {
  const { t } = useTranslation()
  const { connector: id = '' } = useParams({ strict: false })
  const query = useQuery(connectorsQuery)
  const [said, setSaid] = useState('')
  const [dirty, setDirty] = useState(false)
  const { name, to } = CONNECTOR_PLACES[kind]
  const fresh = id === 'new'
  const c = query.data?.find((x) => x.id === id && x.kind === kind)
  return (
    <Page
      title={fresh ? (title ?? t(`admin.${name}.addTitle`)) : (c?.name ?? t(`nav.${name}`))}
      lead={<Link to={to}>{t(`admin.${name}.back`)}</Link>}
    >
      <p className={said ? 'saved said' : 'hidden'} role="status">
        {said && <Checkmark16Regular aria-hidden="true" />} {said}
      </p>
      {query.isPending && <Waiting label={t('waiting')} />}
      {query.error && !c && <QueryTrouble error={query.error} again={() => void query.refetch()} />}
      {query.data && !fresh && !c && <QueryTrouble error={GONE} again={() => void query.refetch()} />}
      {c && above(c, dirty)}
      {(c || fresh) && (
        <Form
          key={id}
          connector={c}
          onDirty={setDirty}
          onSaved={(saved) => setSaid(t('admin.connector.saved', { name: saved }))}
        />
      )}
    </Page>
  )
}

/** How an outside system is doing, with its check where there is one, and a way to delete it. */
export function ConnectorActions({
  c,
  dirty,
  checks,
  mailbox,
  line,
  notYet,
  deleteText,
  children,
}: {
  c: Connector
  dirty: boolean
  /** There is something to try; a list names what for. */
  checks: boolean | readonly ('calendar' | 'teams')[]
  /** A check may be told of a mailbox to try with: by an address, or as it is said. */
  mailbox?: boolean | { label: string; hint: string; type?: 'email' }
  /** A check may be told of a telephone line to try with; what that is good for. */
  line?: string
  /** Why it cannot be tried yet. */
  notYet?: string
  deleteText: string
  children?: ReactNode
}) {
  const { t } = useTranslation()
  const say = useProblemText()
  const navigate = useNavigate()
  const check = useCheckConnector()
  const remove = useDeleteConnector(() =>
    navigate({ to: CONNECTOR_PLACES[c.kind].to, replace: true, ignoreBlocker: true }),
  )
  const [asking, setAsking] = useState(false)
  const [address, setAddress] = useState('')
  const purposes = typeof checks === 'object' ? checks : checks ? [undefined] : []
  const tries = (purpose = purposes[0]) => {
    const said = address.trim() || undefined
    check.mutate({ connector: c.id, ...(mailbox && { mailbox: said }), ...(line && { line: said }), for: purpose })
  }
  const asked: { label: string; hint: string; type?: 'email' } =
    typeof mailbox === 'object'
      ? mailbox
      : line
        ? { label: t('admin.connector.line'), hint: line }
        : { label: t('admin.connector.mailbox'), hint: t('admin.connector.mailboxHint'), type: 'email' }
  const error = check.error ?? remove.error
  return (
    <>
      <Section title={t('admin.connector.stateOf')}>
        <div className="stack">
          <ConnectorState c={c} />
          {error && <Trouble>{say(error)}</Trouble>}
          {(mailbox || line) && (
            <Field label={asked.label} hint={asked.hint} className="mailbox">
              <Input
                type={asked.type ?? 'text'}
                autoCapitalize="none"
                spellCheck={false}
                value={address}
                maxLength={line ? 120 : 320}
                autoComplete="off"
                onChange={(_e, x) => setAddress(x.value)}
                onKeyDown={(e) => e.key === 'Enter' && !dirty && !notYet && !check.isPending && tries()}
              />
            </Field>
          )}
          <div className="row">
            {purposes.map((p) => (
              <ReasonButton
                key={p ?? ''}
                reason={dirty ? t('admin.connector.unsaved') : notYet}
                disabled={check.isPending}
                onClick={() => tries(p)}
              >
                {t(p ? `admin.connector.checkOf.${p}` : 'admin.connector.check')}
              </ReasonButton>
            ))}
            <ReasonButton disabled={remove.isPending} onClick={() => setAsking(true)}>
              {t('admin.connector.delete')}
            </ReasonButton>
          </div>
          <p role="status" className={check.isPending ? 'note' : 'hidden'}>
            {check.isPending && t('admin.connector.checking')}
          </p>
          {children}
        </div>
      </Section>
      {check.data && <CheckSteps steps={check.data.steps} purpose={check.variables.for} />}
      {asking && (
        <Confirm
          title={t('admin.connector.deleteTitle', { name: c.name })}
          action={t('admin.connector.deleteDo')}
          onClose={() => setAsking(false)}
          onConfirm={() => remove.mutate(c.id)}
        >
          {deleteText}
        </Confirm>
      )}
    </>
  )
}
