import { Button, MessageBar, MessageBarBody } from '@fluentui/react-components'
import { ArrowDownload20Regular } from '@fluentui/react-icons'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { useExport, useReset } from '../api/queries'
import { useProblemText } from '../components/problem'
import { useMe } from '../components/session'
import { ResetDialog } from '../forms/ResetDialog'
import { Section, Trouble } from '../ui/parts'

export function DataPage() {
  const { t } = useTranslation()
  const me = useMe()
  const exported = useExport()
  const say = useProblemText()
  const [asking, setAsking] = useState(false)
  const [done, setDone] = useState(false)
  const download = () =>
    exported.mutate(undefined, {
      onSuccess: (data) => {
        const url = URL.createObjectURL(new Blob([JSON.stringify(data, null, 2)], { type: 'application/json' }))
        const a = document.createElement('a')
        a.href = url
        a.download = `doorlight-${me.login}-${new Date().toISOString().slice(0, 10)}.json`
        a.click()
        // The browser reads it after the click.
        setTimeout(() => URL.revokeObjectURL(url), 60_000)
      },
    })
  return (
    <>
      <Section
        title={t('data.export')}
        note={t('data.exportNote')}
        actions={
          <Button icon={<ArrowDownload20Regular />} disabled={exported.isPending} onClick={download}>
            {t('data.exportButton')}
          </Button>
        }
      >
        {exported.error && <Trouble>{say(exported.error)}</Trouble>}
        {exported.isSuccess && (
          <p className="note" role="status">
            {t('data.exported')}
          </p>
        )}
      </Section>
      <Section
        title={t('data.reset')}
        note={t('data.resetNote')}
        actions={<Button onClick={() => setAsking(true)}>{t('data.resetButton')}</Button>}
      >
        {done && (
          <MessageBar intent="success">
            <MessageBarBody>{t('data.resetDone')}</MessageBarBody>
          </MessageBar>
        )}
      </Section>
      {asking && (
        <ResetDialog
          title={t('data.resetTitle')}
          useReset={useReset}
          words={(count) => (count === 0 ? t('data.touches_zero') : t('data.touches', { count }))}
          onClose={() => setAsking(false)}
          onDone={() => setDone(true)}
        />
      )}
    </>
  )
}
