import { Server24Regular } from '@fluentui/react-icons'
import { ConnectorList } from '../components/ConnectorList'

/** HCL Domino servers that calendars are read from, and how they are doing. */
export function DominosPage() {
  return <ConnectorList kind="domino" icon={<Server24Regular />} about={(c) => c.domino?.url} />
}
