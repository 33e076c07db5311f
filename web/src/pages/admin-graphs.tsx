import { Cloud24Regular } from '@fluentui/react-icons'
import { ConnectorList } from '../components/ConnectorList'
import { SecretEndMark } from '../components/SecretEnd'

/** The applications with which Microsoft 365 is reached, and how they are doing. */
export function GraphsPage() {
  return (
    <ConnectorList
      kind="graph"
      icon={<Cloud24Regular />}
      about={(c) => (
        <>
          {c.graph?.client_id} <SecretEndMark c={c} />
        </>
      )}
    />
  )
}
