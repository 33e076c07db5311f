import { Checkbox, Field, Select } from '@fluentui/react-components'
import { useQuery } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { locationsQuery } from '../api/admin'
import { LEVELS } from '../lib/model'
import {
  freshProvisioning,
  memberMissing,
  type ProvisioningDraft,
  provisioningBody,
  provisioningDraft,
  type SCIM,
} from '../lib/provisioning'
import { Section, Waiting } from '../ui/parts'
import { ConnectorForm, type ConnectorFormProps, EnabledSwitch, NameField, useConnectorForm } from './ConnectorForm'
import { PlacesSection } from './PlacesSection'

/** The settings of a provider that sends its people. */
export function ProvisioningForm(props: ConnectorFormProps) {
  const { t } = useTranslation()
  const locations = useQuery(locationsQuery)
  if (!locations.data) return <Waiting label={t('waiting')} />
  return <Fields {...props} location={locations.data[0]?.id ?? ''} />
}

const GROUP_LEVELS = LEVELS.filter((l) => l !== 'blocked')

function Fields({ location, ...props }: ConnectorFormProps & { location: string }) {
  const { t } = useTranslation()
  const { connector } = props
  const { d, set, error, wrong, form } = useConnectorForm(props, {
    saved: connector ? provisioningDraft(connector) : freshProvisioning(location),
    bodyOf: provisioningBody,
    missing: (x: ProvisioningDraft) => ({
      'scim.places[].member': memberMissing(x) ? t('admin.provisioning.memberNeeded') : undefined,
    }),
  })
  const { scim } = d
  const put = (part: Partial<SCIM>) => set({ scim: { ...scim, ...part } })
  return (
    <ConnectorForm form={form}>
      <Section title={t('admin.provisioning.group.provider')}>
        <div className="stack">
          <NameField value={d.name} wrong={wrong('name')} onName={(name) => set({ name })} />
          <EnabledSwitch
            on={d.enabled}
            hint={t('admin.provisioning.enabledHint')}
            onSwitch={(enabled) => set({ enabled })}
          />
          {!connector && <p className="note">{t('admin.provisioning.accessLater')}</p>}
        </div>
      </Section>
      <PlacesSection
        of="scim"
        places={scim.places}
        location={location}
        note={t('admin.provisioning.placesNote')}
        error={error}
        needed={wrong('scim.places[].member')}
        onPlaces={(places) => put({ places })}
      />
      <Section title={t('admin.provisioning.group.use')}>
        <div className="stack">
          <Field
            label={t('admin.provisioning.groups')}
            hint={scim.work_group_level ? t('admin.provisioning.groupsHint') : undefined}
            validationMessage={wrong('scim.work_group_level')}
          >
            <Select
              className="users-may"
              value={scim.work_group_level ?? ''}
              onChange={(_e, x) => put({ work_group_level: GROUP_LEVELS.find((l) => l === x.value) })}
            >
              <option value="">{t('admin.provisioning.groupsNone')}</option>
              {GROUP_LEVELS.map((l) => (
                <option key={l} value={l}>
                  {t('admin.provisioning.groupsAs', { level: t(`relationships.level.${l}`) })}
                </option>
              ))}
            </Select>
          </Field>
          <div>
            <Checkbox
              label={t('admin.provisioning.take_over')}
              checked={scim.take_over === true}
              aria-describedby="take-over-hint"
              onChange={(_e, x) => put({ take_over: x.checked === true })}
            />
            <p className="note under-box" id="take-over-hint">
              {t('admin.provisioning.take_overHint')}
            </p>
          </div>
        </div>
      </Section>
    </ConnectorForm>
  )
}
