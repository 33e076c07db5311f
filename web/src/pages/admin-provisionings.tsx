import { PeopleSync24Regular } from '@fluentui/react-icons'
import { ConnectorList } from '../components/ConnectorList'
import { provisioningPath } from '../lib/provisioning'

/** The providers that send people by themselves, and how they are doing. */
export function ProvisioningsPage() {
  return <ConnectorList kind="scim" icon={<PeopleSync24Regular />} about={(c) => provisioningPath(c.id)} />
}
