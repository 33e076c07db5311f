import { PersonKey24Regular } from '@fluentui/react-icons'
import { ConnectorList } from '../components/ConnectorList'

/** The providers that people sign in with, and how they are doing. */
export function ProvidersPage() {
  return <ConnectorList kind="oidc" icon={<PersonKey24Regular />} about={(c) => c.oidc?.issuer} />
}
