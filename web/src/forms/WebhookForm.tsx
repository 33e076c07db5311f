import { Field, Input, Radio, RadioGroup } from '@fluentui/react-components'
import { useTranslation } from 'react-i18next'
import { ChoosePeople } from '../components/ChoosePeople'
import { wrongWithin } from '../components/problem'
import { freshWebhook, type WebhookDraft, webhookBody, webhookDraft } from '../lib/webhook'
import { Section } from '../ui/parts'
import { ConnectorForm, type ConnectorFormProps, EnabledSwitch, NameField, useConnectorForm } from './ConnectorForm'

const WHOM = ['all', 'some'] as const

/** The settings of a program that is told of changed presences. */
export function WebhookForm(props: ConnectorFormProps) {
  const { t } = useTranslation()
  const { connector } = props
  const { d, set, error, wrong, form } = useConnectorForm(props, {
    saved: connector ? webhookDraft(connector) : freshWebhook,
    bodyOf: webhookBody,
    missing: (x: WebhookDraft) => ({
      'webhook.url': x.url.trim() ? undefined : t('admin.webhooks.urlNeeded'),
      'webhook.person': x.person ? undefined : t('admin.webhooks.personNeeded'),
      'webhook.people': x.whom === 'some' && !x.people.length ? t('admin.webhooks.peopleNeeded') : undefined,
    }),
  })
  return (
    <ConnectorForm form={form}>
      <Section title={t('admin.webhooks.group.receiver')}>
        <div className="stack">
          <NameField value={d.name} wrong={wrong('name')} onName={(name) => set({ name })} />
          <EnabledSwitch
            on={d.enabled}
            hint={t('admin.webhooks.enabledHint')}
            onSwitch={(enabled) => set({ enabled })}
          />
          <Field
            label={t('admin.webhooks.url')}
            hint={/^http:/i.test(d.url.trim()) ? t('admin.webhooks.urlPlain') : t('admin.webhooks.urlHint')}
            required
            validationMessage={wrong('webhook.url')}
          >
            <Input
              value={d.url}
              type="url"
              maxLength={2000}
              autoComplete="off"
              spellCheck={false}
              onChange={(_e, x) => set({ url: x.value })}
            />
          </Field>
          {!connector && <p className="note">{t('admin.webhooks.secretLater')}</p>}
        </div>
      </Section>
      <Section title={t('admin.webhooks.group.people')}>
        <div className="stack">
          <ChoosePeople
            label={t('admin.webhooks.person')}
            single
            value={d.person ? [d.person] : []}
            hint={t('admin.webhooks.personHint')}
            wrong={wrong('webhook.person')}
            onChange={([person = '']) => set({ person })}
          />
          <Field label={t('admin.webhooks.whom')}>
            <RadioGroup value={d.whom} onChange={(_e, x) => set({ whom: WHOM.find((w) => w === x.value) ?? 'all' })}>
              {WHOM.map((w) => (
                <Radio key={w} value={w} label={t(`admin.webhooks.whomOf.${w}`)} />
              ))}
            </RadioGroup>
          </Field>
          {d.whom === 'some' && (
            <ChoosePeople
              label={t('admin.webhooks.people')}
              value={d.people}
              wrong={wrong('webhook.people') ?? wrongWithin(error, 'webhook.people')}
              onChange={(people) => set({ people })}
            />
          )}
        </div>
      </Section>
    </ConnectorForm>
  )
}
