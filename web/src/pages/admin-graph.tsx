import { useTranslation } from 'react-i18next'
import { ConnectorActions, ConnectorPage } from '../components/ConnectorPage'
import { CopyField } from '../components/CopyField'
import { SecretEnd } from '../components/SecretEnd'
import { SystemCalendars } from '../components/SystemCalendars'
import { SystemScripts } from '../components/SystemScripts'
import { SystemTeams } from '../components/SystemTeams'
import { useAddress } from '../components/session'
import { GraphForm } from '../forms/GraphForm'
import type { Connector } from '../lib/connector'
import { Section } from '../ui/parts'

/** An application at Microsoft 365: how it is doing, what is to be set up there, and its settings. */
export function GraphPage() {
  const { t } = useTranslation()
  return (
    <ConnectorPage
      kind="graph"
      Form={GraphForm}
      above={(c, dirty) => (
        <>
          <ConnectorActions
            key={c.id}
            c={c}
            dirty={dirty}
            checks={['calendar', 'teams']}
            mailbox={{ label: t('admin.connector.mailbox'), hint: t('admin.graph.mailboxHint'), type: 'email' }}
            deleteText={t('admin.graph.deleteText')}
          >
            <SecretEnd c={c} />
          </ConnectorActions>
          <SystemCalendars c={c} />
          <SystemTeams c={c} />
          <Addresses c={c} />
          <SystemScripts c={c} dirty={dirty} />
        </>
      )}
    />
  )
}

function Addresses({ c }: { c: Connector }) {
  const { t } = useTranslation()
  const address = useAddress()
  return (
    <Section title={t('admin.graph.group.addresses')} note={t('admin.graph.addressesNote')}>
      <CopyField label={t('admin.graph.callback')} text={address(c.callback_path)} />
    </Section>
  )
}
