import { useTranslation } from 'react-i18next'
import { ConnectorActions, ConnectorPage } from '../components/ConnectorPage'
import { SystemCalendars } from '../components/SystemCalendars'
import { DominoForm } from '../forms/DominoForm'
import { foundBy } from '../lib/domino'

/** An HCL Domino server: how it is doing, and its settings. What is set up there has no script. */
export function DominoPage() {
  const { t } = useTranslation()
  return (
    <ConnectorPage
      kind="domino"
      Form={DominoForm}
      above={(c, dirty) => (
        <>
          <ConnectorActions
            key={c.id}
            c={c}
            dirty={dirty}
            checks
            mailbox={{ label: t(`admin.domino.mailbox.${foundBy(c.domino)}`), hint: t('admin.domino.mailboxHint') }}
            deleteText={t('admin.domino.deleteText')}
          />
          <SystemCalendars c={c} />
        </>
      )}
    />
  )
}
