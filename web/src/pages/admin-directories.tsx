import { Organization24Regular } from '@fluentui/react-icons'
import { ConnectorList } from '../components/ConnectorList'

/** The directories that people come from, and how they are doing. */
export function DirectoriesPage() {
  return <ConnectorList kind="ldap" icon={<Organization24Regular />} about={(c) => c.ldap?.urls.join(' · ')} />
}
