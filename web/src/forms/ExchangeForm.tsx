import { Checkbox, Field, Input, Radio, RadioGroup, Select, Textarea } from '@fluentui/react-components'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { useReadExchangeConfig } from '../api/admin'
import { useProblemText, wrongWith, wrongWithin } from '../components/problem'
import { inWords } from '../components/server-words'
import {
  ACCESSES,
  AUTHS,
  CONFIG_MOST,
  configText,
  type Exchange,
  type ExchangeDraft,
  exchangeBody,
  exchangeDraft,
  exchangeMissing,
  freshExchange,
  hearsOfChanges,
  LIMIT,
  NAMES,
  NOTIFIES,
  PULL_SECONDS,
  signInFields,
  WAYS,
} from '../lib/exchange'
import { NumberField } from '../ui/NumberField'
import { Section } from '../ui/parts'
import {
  ConnectorForm,
  type ConnectorFormProps,
  EnabledSwitch,
  NameField,
  SecretField,
  useConnectorForm,
} from './ConnectorForm'
import { Explained } from './Explained'

/** The settings of an Exchange organisation on the premises. */
export function ExchangeForm(props: ConnectorFormProps) {
  const { t } = useTranslation()
  const { connector } = props
  const kept = connector?.has_secret === true
  const { d, set, error, wrong, form } = useConnectorForm(props, {
    saved: connector ? exchangeDraft(connector) : freshExchange,
    bodyOf: exchangeBody,
    missing: (x: ExchangeDraft) => {
      const oauth = x.exchange.auth === 'oauth'
      const words = {
        url: t('admin.exchange.urlNeeded'),
        domains: t('admin.exchange.domainsNeeded'),
        account: t(oauth ? 'admin.exchange.clientNeeded' : 'admin.exchange.accountNeeded'),
        secret: t(oauth ? 'admin.exchange.clientSecretNeeded' : 'admin.exchange.secretNeeded'),
        token_url: t('admin.exchange.token_urlNeeded'),
      }
      return Object.fromEntries(
        exchangeMissing(x, kept).map((f) => [f === 'secret' ? 'secret' : `exchange.${f}`, words[f]]),
      )
    },
  })
  const { exchange: x } = d
  const put = (part: Partial<Exchange>) => set({ exchange: { ...x, ...part } })
  const oauth = x.auth === 'oauth'
  const fields = signInFields(x.auth)

  const text = (
    field: 'url' | 'autodiscover' | 'web_url' | 'account' | 'domain' | 'realm' | 'spn' | 'token_url' | 'scope',
    more: { max: number; required?: boolean; label?: string; hint?: string },
  ) => (
    <Field
      label={more.label ?? t(`admin.exchange.${field}`)}
      hint={more.hint ?? t(`admin.exchange.${field}Hint`)}
      required={more.required}
      validationMessage={wrong(`exchange.${field}`)}
    >
      <Input
        value={x[field] ?? ''}
        maxLength={more.max}
        autoComplete="off"
        autoCapitalize="none"
        spellCheck={false}
        onChange={(_e, v) => put({ [field]: v.value })}
      />
    </Field>
  )
  const list = (field: 'domains' | 'kdcs', required = false) => (
    <Field
      label={t(`admin.exchange.${field}`)}
      hint={t(`admin.exchange.${field}Hint`)}
      required={required}
      validationMessage={wrong(`exchange.${field}`) ?? wrongWithin(error, `exchange.${field}`)}
    >
      <Textarea
        value={d[field]}
        rows={2}
        resize="vertical"
        spellCheck={false}
        autoCapitalize="none"
        onChange={(_e, v) => set({ [field]: v.value })}
      />
    </Field>
  )

  return (
    <ConnectorForm form={form}>
      <Section title={t('admin.exchange.group.server')}>
        <div className="stack">
          <NameField value={d.name} wrong={wrong('name')} onName={(name) => set({ name })} />
          <EnabledSwitch
            on={d.enabled}
            hint={t('admin.systems.enabledHint')}
            onSwitch={(enabled) => set({ enabled })}
          />
          <Field label={t('admin.exchange.way')}>
            <RadioGroup
              className="explained"
              value={d.way}
              onChange={(_e, v) => set({ way: WAYS.find((w) => w === v.value) ?? d.way })}
            >
              {WAYS.map((w) => (
                <Radio
                  key={w}
                  value={w}
                  label={<Explained text={t(`admin.exchange.wayOf.${w}`)} by={t(`admin.exchange.wayHint.${w}`)} />}
                />
              ))}
            </RadioGroup>
          </Field>
          {d.way === 'address' && text('url', { max: 1000, required: true })}
          {d.way === 'autodiscover' && (
            <div className="fields">
              {list('domains', true)}
              {text('autodiscover', { max: 1000 })}
            </div>
          )}
          {text('web_url', { max: 1000 })}
          <Field
            label={t('admin.directories.certificates')}
            hint={t('admin.directories.certificatesHint')}
            validationMessage={wrong('exchange.certificates')}
          >
            <Textarea
              className="secret"
              value={x.certificates ?? ''}
              rows={3}
              maxLength={100_000}
              resize="vertical"
              spellCheck={false}
              placeholder="-----BEGIN CERTIFICATE-----"
              onChange={(_e, v) => put({ certificates: v.value })}
            />
          </Field>
          <div>
            <Checkbox
              label={t('admin.exchange.plaintext')}
              checked={x.plaintext === true}
              aria-describedby="plaintext-hint"
              onChange={(_e, v) => put({ plaintext: v.checked === true })}
            />
            <p className="note under-box" id="plaintext-hint">
              {t('admin.exchange.plaintextHint')}
            </p>
          </div>
        </div>
      </Section>

      <Section title={t('admin.exchange.group.account')} note={t('admin.exchange.accountNote')}>
        <div className="stack">
          <Field
            label={t('admin.exchange.auth')}
            hint={t(`admin.exchange.authHint.${x.auth}`)}
            validationMessage={wrong('exchange.auth')}
          >
            <Select
              className="users-may"
              value={x.auth}
              onChange={(_e, v) => put({ auth: AUTHS.find((a) => a === v.value) ?? x.auth })}
            >
              {AUTHS.map((a) => (
                <option key={a} value={a}>
                  {t(`admin.exchange.authOf.${a}`)}
                </option>
              ))}
            </Select>
          </Field>
          <div className="fields">
            {text('account', {
              max: 255,
              required: true,
              label: oauth ? t('admin.exchange.client') : undefined,
              hint: oauth ? t('admin.exchange.clientHint') : undefined,
            })}
            <SecretField
              label={t(oauth ? 'admin.exchange.clientSecret' : 'admin.exchange.secret')}
              kept={kept}
              value={d.secret}
              forget={false}
              wrong={wrong('secret')}
              onSecret={(secret) => set({ secret })}
            />
          </div>
          {fields.length > 0 && (
            <div className="fields few">
              {fields.map((f) => (
                <div key={f}>
                  {f === 'kdcs'
                    ? list('kdcs')
                    : text(f, { max: f === 'token_url' || f === 'scope' ? 1000 : 255, required: f === 'token_url' })}
                </div>
              ))}
            </div>
          )}
        </div>
      </Section>

      <Section title={t('admin.exchange.group.access')}>
        <div className="stack">
          <Field label={t('admin.exchange.access')} validationMessage={wrong('exchange.access')}>
            <RadioGroup
              className="explained"
              value={x.access}
              onChange={(_e, v) => put({ access: ACCESSES.find((a) => a === v.value) ?? x.access })}
            >
              {ACCESSES.map((a) => (
                <Radio
                  key={a}
                  value={a}
                  label={
                    <Explained text={t(`admin.exchange.accessOf.${a}`)} by={t(`admin.exchange.accessHint.${a}`)} />
                  }
                />
              ))}
            </RadioGroup>
          </Field>
          <Field
            label={t('admin.exchange.names')}
            hint={t(`admin.exchange.namesHint.${x.names}`)}
            validationMessage={wrong('exchange.names')}
          >
            <Select
              className="users-may"
              value={x.names}
              onChange={(_e, v) => put({ names: NAMES.find((n) => n === v.value) ?? x.names })}
            >
              {NAMES.map((n) => (
                <option key={n} value={n}>
                  {t(`admin.exchange.namesOf.${n}`)}
                </option>
              ))}
            </Select>
          </Field>
        </div>
      </Section>

      <Section title={t('admin.exchange.group.changes')} note={t('admin.exchange.changesNote')}>
        <div className="stack">
          {hearsOfChanges(x) ? (
            <>
              <Field label={t('admin.exchange.notify')} validationMessage={wrong('exchange.notify')}>
                <RadioGroup
                  className="explained"
                  value={x.notify}
                  onChange={(_e, v) => put({ notify: NOTIFIES.find((n) => n === v.value) ?? x.notify })}
                >
                  {NOTIFIES.map((n) => (
                    <Radio
                      key={n}
                      value={n}
                      label={
                        <Explained text={t(`admin.exchange.notifyOf.${n}`)} by={t(`admin.exchange.notifyHint.${n}`)} />
                      }
                    />
                  ))}
                </RadioGroup>
              </Field>
              <TakeOver
                chosen={x.notify}
                saved={connector?.exchange?.notify}
                onNotify={(notify) => set((now) => ({ exchange: { ...now.exchange, notify } }))}
              />
            </>
          ) : (
            <p className="note">{t('admin.exchange.notifyDelegate')}</p>
          )}
          <div className="fields few">
            {hearsOfChanges(x) && x.notify === 'pull' && (
              <NumberField
                label={t('admin.exchange.pull_seconds')}
                value={x.pull_seconds || PULL_SECONDS}
                min={5}
                max={3600}
                wrong={wrong('exchange.pull_seconds') ?? t('settings.wholeNumber', { min: 5, max: 3600 })}
                onChange={(pull_seconds) => put({ pull_seconds })}
              />
            )}
            <NumberField
              label={t('admin.exchange.limit')}
              value={x.limit || LIMIT}
              min={1}
              max={100}
              wrong={wrong('exchange.limit') ?? t('settings.wholeNumber', { min: 1, max: 100 })}
              onChange={(limit) => put({ limit })}
            />
          </div>
        </div>
      </Section>
    </ConnectorForm>
  )
}

/** How changes are heard of, from the file of another product. It is chosen in the form, and saved with it. */
function TakeOver({
  chosen,
  saved,
  onNotify,
}: {
  chosen: Exchange['notify']
  saved: Exchange['notify'] | undefined
  onNotify: (notify: Exchange['notify']) => void
}) {
  const { t } = useTranslation()
  const say = useProblemText()
  const read = useReadExchangeConfig()
  const [wrong, setWrong] = useState('')
  const [said, setSaid] = useState<{ file: string; notify: Exchange['notify'] }>()

  const choose = async (file: File | undefined) => {
    setWrong('')
    setSaid(undefined)
    if (!file) return
    if (file.size > CONFIG_MOST) return setWrong(t('admin.exchange.configTooBig'))
    let xml: string
    try {
      xml = configText(new Uint8Array(await file.arrayBuffer()))
    } catch {
      return setWrong(t('admin.exchange.configNotRead'))
    }
    if (!xml.trim()) return setWrong(inWords('the file is empty or breaks off'))
    read.mutate(xml, {
      onSuccess: ({ notify }) => {
        setSaid({ file: file.name, notify })
        onNotify(notify)
      },
      onError: (e) => setWrong(wrongWith(e, 'xml') ?? say(e)),
    })
  }

  // What is chosen by hand afterwards does not come from the file any more.
  const stands = said && said.notify === chosen ? said : undefined
  return (
    <div>
      <Field
        label={t('admin.exchange.config')}
        hint={t('admin.exchange.configHint')}
        validationMessage={wrong || undefined}
      >
        {(control) => (
          <input
            {...control}
            type="file"
            accept=".xml,.config,text/xml,application/xml"
            className="file"
            onClick={(e) => {
              e.currentTarget.value = '' // the same file again, changed meanwhile
            }}
            onChange={(e) => void choose(e.target.files?.[0])}
          />
        )}
      </Field>
      <p role="status" className={stands || read.isPending ? 'note' : 'hidden'}>
        {read.isPending && t('admin.exchange.configReading')}
        {stands &&
          t(stands.notify === saved ? 'admin.exchange.configSame' : 'admin.exchange.configRead', {
            file: stands.file,
            choice: t(`admin.exchange.notifyOf.${stands.notify}`),
          })}
      </p>
    </div>
  )
}
