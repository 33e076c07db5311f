import { useTranslation } from 'react-i18next'
import { ConnectorActions, ConnectorPage } from '../components/ConnectorPage'
import { CopyField } from '../components/CopyField'
import { useAddress } from '../components/session'
import { ProviderForm } from '../forms/ProviderForm'
import type { Connector } from '../lib/connector'
import { Section } from '../ui/parts'

/** One sign-in provider: how it is doing, what is to be entered there, and its settings. */
export function ProviderPage() {
  const { t } = useTranslation()
  return (
    <ConnectorPage
      kind="oidc"
      Form={ProviderForm}
      above={(c, dirty) => (
        <>
          <ConnectorActions key={c.id} c={c} dirty={dirty} checks deleteText={t('admin.providers.deleteText')} />
          <Addresses c={c} />
        </>
      )}
    />
  )
}

function Addresses({ c }: { c: Connector }) {
  const { t } = useTranslation()
  const full = useAddress()
  return (
    <Section title={t('admin.providers.group.addresses')} note={t('admin.providers.addressesNote')}>
      <div className="stack">
        <CopyField label={t('admin.providers.callback')} text={full(c.callback_path)} />
        <CopyField label={t('admin.providers.logout')} text={full(c.logout_path)} />
        <p className="note">{t('admin.providers.logoutNote')}</p>
      </div>
    </Section>
  )
}
