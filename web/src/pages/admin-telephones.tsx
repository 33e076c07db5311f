import { Call24Regular } from '@fluentui/react-icons'
import { useTranslation } from 'react-i18next'
import { ConnectorList } from '../components/ConnectorList'
import { TELEPHONE_KINDS, telephoneKind, whereIs } from '../lib/telephony'

/** Telephone systems, and Doorlight as one of their servers, and how they are doing. */
export function TelephonesPage() {
  const { t } = useTranslation()
  return (
    <ConnectorList
      kind={TELEPHONE_KINDS}
      icon={<Call24Regular />}
      about={(c) => {
        const kind = telephoneKind(c.kind)
        return [kind && t(`admin.telephony.kind.${kind}`), whereIs(c)].filter(Boolean).join(' · ')
      }}
    />
  )
}
