import { Send24Regular } from '@fluentui/react-icons'
import { ConnectorList } from '../components/ConnectorList'

/** The programs that are told of changed presences, and how they are doing. */
export function WebhooksPage() {
  return <ConnectorList kind="webhook" icon={<Send24Regular />} about={(c) => c.webhook?.url} />
}
