import { useTranslation } from 'react-i18next'
import { ConnectorActions, ConnectorPage } from '../components/ConnectorPage'
import { SystemCalendars } from '../components/SystemCalendars'
import { SystemScripts } from '../components/SystemScripts'
import { ExchangeForm } from '../forms/ExchangeForm'

/** Exchange on the premises: how it is doing, what is to be set up there, and its settings. */
export function ExchangePage() {
  const { t } = useTranslation()
  return (
    <ConnectorPage
      kind="exchange"
      Form={ExchangeForm}
      above={(c, dirty) => (
        <>
          <ConnectorActions key={c.id} c={c} dirty={dirty} checks mailbox deleteText={t('admin.exchange.deleteText')} />
          <SystemCalendars c={c} />
          <SystemScripts c={c} dirty={dirty} />
        </>
      )}
    />
  )
}
