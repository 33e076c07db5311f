import { Button } from '@fluentui/react-components'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { ConnectorActions, ConnectorPage } from '../components/ConnectorPage'
import { CopyField } from '../components/CopyField'
import { ReportView } from '../components/JobView'
import { useAddress, useClock, useNow } from '../components/session'
import { ConnectorTokenDialog } from '../forms/ConnectorTokenDialog'
import { ProvisioningForm } from '../forms/ProvisioningForm'
import type { Connector } from '../lib/connector'
import { provisioningPath } from '../lib/provisioning'
import { dateAndTime } from '../lib/time'
import { Section } from '../ui/parts'

/** One provider that sends people: how it is doing, how it gets in, what it has done, and its settings. */
export function ProvisioningPage() {
  const { t } = useTranslation()
  return (
    <ConnectorPage
      kind="scim"
      Form={ProvisioningForm}
      above={(c, dirty) => (
        <>
          <ConnectorActions
            key={c.id}
            c={c}
            dirty={dirty}
            checks={false}
            deleteText={t('admin.provisioning.deleteText')}
          >
            <p className="note">{t('admin.connector.noCheck')}</p>
          </ConnectorActions>
          <Access c={c} />
          <Section title={t('admin.provisioning.report')}>
            {c.report ? (
              <ReportView report={c.report} of="people" name="refused" />
            ) : (
              <p className="note">{t('admin.provisioning.reportNone')}</p>
            )}
          </Section>
        </>
      )}
    />
  )
}

function Access({ c }: { c: Connector }) {
  const { t } = useTranslation()
  const clock = useClock()
  const now = useNow()
  const address = useAddress()
  const [making, setMaking] = useState(false)
  const end = c.token_expires_at ? new Date(c.token_expires_at) : undefined
  const words = !c.has_secret
    ? t('admin.provisioning.tokenNone')
    : !end
      ? t('admin.provisioning.tokenKept')
      : t(end > now ? 'admin.provisioning.tokenUntil' : 'admin.provisioning.tokenOver', {
          at: dateAndTime(end, clock),
        })
  return (
    <Section title={t('admin.provisioning.group.access')} note={t('admin.provisioning.addressNote')}>
      <div className="stack">
        <CopyField label={t('admin.provisioning.address')} text={address(provisioningPath(c.id))} />
        <p>{words}</p>
        <div>
          <Button onClick={() => setMaking(true)}>
            {t(c.has_secret ? 'admin.provisioning.newToken' : 'admin.provisioning.makeToken')}
          </Button>
        </div>
      </div>
      {making && <ConnectorTokenDialog c={c} onClose={() => setMaking(false)} />}
    </Section>
  )
}
