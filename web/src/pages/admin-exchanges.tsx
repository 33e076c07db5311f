import { Server24Regular } from '@fluentui/react-icons'
import { ConnectorList } from '../components/ConnectorList'

/** Exchange servers on the premises that calendars are read from, and how they are doing. */
export function ExchangesPage() {
  return (
    <ConnectorList
      kind="exchange"
      icon={<Server24Regular />}
      about={(c) => c.exchange?.url ?? c.exchange?.domains?.join(', ')}
    />
  )
}
