import { Button, Checkbox, Field, Input, Switch } from '@fluentui/react-components'
import { useNavigate } from '@tanstack/react-router'
import { type ReactNode, useEffect, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { useSaveConnector } from '../api/admin'
import { AskBeforeLeaving } from '../components/AskBeforeLeaving'
import { CONNECTOR_PLACES } from '../components/places'
import { useProblemText, wrongWith } from '../components/problem'
import type { Connector, ConnectorBody } from '../lib/connector'
import { same } from '../lib/scope'
import { Trouble } from '../ui/parts'

export type ConnectorFormProps = {
  /** Absent: a new one. */
  connector?: Connector
  onDirty: (dirty: boolean) => void
  onSaved: (name: string) => void
}

/** What all forms of outside systems hold. */
type Common = {
  name: string
  enabled: boolean
}

/** What forms of outside systems have in common: what is entered waits, is saved as one, and a new one gets a page. */
export function useConnectorForm<D extends Common>(
  { connector, onDirty, onSaved }: ConnectorFormProps,
  {
    saved,
    bodyOf,
    missing,
  }: {
    saved: D
    bodyOf: (d: D) => ConnectorBody
    /** What is not good yet, in words, by its field. */
    missing: (d: D) => Record<string, string | undefined>
  },
) {
  const navigate = useNavigate()
  const { t } = useTranslation()
  const save = useSaveConnector()
  const [made, setMade] = useState<Connector>()
  const [tried, setTried] = useState(false)
  const [edits, setEdits] = useState<D>()
  const d = edits ?? saved
  const dirty = !made && !!edits && !same(bodyOf(edits), bodyOf(saved))
  useEffect(() => onDirty(dirty), [onDirty, dirty])
  useEffect(() => {
    if (made)
      void navigate({ to: CONNECTOR_PLACES[made.kind].one, params: { connector: made.id }, replace: true, search: {} })
  }, [made, navigate])
  const bad: Record<string, string | undefined> = {
    name: d.name.trim() ? undefined : t('profiles.nameNeeded'),
    ...missing(d),
  }
  const absent = tried ? bad : {}

  const submit = () => {
    setTried(true)
    if (Object.values(bad).some(Boolean)) return
    save.mutate(
      { id: connector?.id, body: bodyOf(d) },
      {
        onSuccess: (c) => {
          onSaved(c.name)
          setTried(false)
          if (connector) setEdits(undefined)
          else setMade(c)
        },
      },
    )
  }
  const discard = () => {
    setEdits(undefined)
    setTried(false)
    save.reset()
  }
  return {
    d,
    /** From what is there by then, where it comes later than the reader's own doing. */
    set: (part: Partial<D> | ((now: D) => Partial<D>)) =>
      setEdits((now = saved) => ({ ...now, ...(typeof part === 'function' ? part(now) : part) })),
    error: save.error,
    wrong: (field: string) => absent[field] ?? wrongWith(save.error, field),
    form: {
      dirty,
      shown: dirty || !connector,
      edited: !!edits,
      busy: save.isPending,
      error: save.error,
      absent: [...new Set(Object.values(absent).filter((x) => x !== undefined))],
      submit,
      discard,
    },
  }
}

/** The form around its sections, with the bar that saves it. */
export function ConnectorForm({
  form,
  children,
}: {
  form: ReturnType<typeof useConnectorForm>['form']
  children: ReactNode
}) {
  const { t } = useTranslation()
  const say = useProblemText()
  return (
    <form
      noValidate
      onSubmit={(e) => {
        e.preventDefault()
        if (!form.busy) form.submit()
      }}
    >
      {children}
      {form.shown && (
        <section className="changes" aria-label={t('admin.changes.title')}>
          {form.error && <Trouble>{say(form.error)}</Trouble>}
          {form.absent.length > 0 && <Trouble>{form.absent.join(' ')}</Trouble>}
          <div className="changes-bar">
            <span>{t('admin.changes.title')}</span>
            <span className="row-buttons">
              {form.edited && (
                <Button disabled={form.busy} onClick={form.discard}>
                  {t('admin.changes.discard')}
                </Button>
              )}
              <Button type="submit" appearance="primary" disabled={form.busy}>
                {t('save')}
              </Button>
            </span>
          </div>
        </section>
      )}
      <AskBeforeLeaving dirty={form.dirty} />
    </form>
  )
}

export function NameField({
  value,
  hint,
  wrong,
  onName,
}: {
  value: string
  hint?: string
  wrong?: string
  onName: (name: string) => void
}) {
  const { t } = useTranslation()
  return (
    <Field label={t('admin.connector.name')} hint={hint} required validationMessage={wrong}>
      <Input value={value} maxLength={120} autoComplete="off" onChange={(_e, x) => onName(x.value)} />
    </Field>
  )
}

export function EnabledSwitch({ on, hint, onSwitch }: { on: boolean; hint: string; onSwitch: (on: boolean) => void }) {
  const { t } = useTranslation()
  return (
    <div>
      <Switch label={t('admin.connector.enabled')} checked={on} onChange={(_e, x) => onSwitch(x.checked)} />
      <p className="note">{hint}</p>
    </div>
  )
}

/** A secret that goes to the server and never comes back. */
export function SecretField({
  label,
  kept,
  value,
  forget,
  wrong,
  onSecret,
}: {
  label: string
  /** One is kept. */
  kept: boolean
  value: string
  forget: boolean
  wrong?: string
  onSecret: (secret: string) => void
}) {
  const { t } = useTranslation()
  return (
    <Field
      label={label}
      hint={kept ? t('admin.connector.secretKept') : t('admin.connector.secretNone')}
      validationMessage={wrong}
    >
      <Input
        type="password"
        autoComplete="new-password"
        maxLength={4096}
        value={value}
        disabled={forget}
        onChange={(_e, x) => onSecret(x.value)}
      />
    </Field>
  )
}

export function ForgetBox({
  label,
  checked,
  onForget,
}: {
  label: string
  checked: boolean
  onForget: (yes: boolean) => void
}) {
  return <Checkbox label={label} checked={checked} onChange={(_e, x) => onForget(x.checked === true)} />
}
