import {
  Button,
  Checkbox,
  Dialog,
  DialogActions,
  DialogBody,
  DialogContent,
  DialogSurface,
  DialogTitle,
  MessageBar,
  MessageBarBody,
} from '@fluentui/react-components'
import { ArrowDownload20Regular } from '@fluentui/react-icons'
import { useEffect, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { useExport, useReset } from '../api/queries'
import { useProblemText } from '../components/problem'
import { useMe } from '../components/session'
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
      {asking && <ResetDialog onClose={() => setAsking(false)} onDone={() => setDone(true)} />}
    </>
  )
}

/** Counts first, and again whenever the question changes. */
function ResetDialog({ onClose, onDone }: { onClose: () => void; onDone: () => void }) {
  const { t } = useTranslation()
  const say = useProblemText()
  const [keep, setKeep] = useState(true)
  const count = useReset()
  const reset = useReset()
  const { mutate } = count
  useEffect(() => mutate({ keep_profiles: keep, dry_run: true }), [mutate, keep])
  const people = count.data?.people
  const words =
    people === undefined
      ? t('data.counting')
      : people === 0
        ? t('data.touches_zero')
        : t('data.touches', { count: people })
  const error = count.error ?? reset.error
  return (
    <Dialog open modalType="alert" onOpenChange={(_e, d) => !d.open && onClose()}>
      <DialogSurface>
        <DialogBody>
          <DialogTitle>{t('data.resetTitle')}</DialogTitle>
          <DialogContent className="stack">
            {error && <Trouble>{say(error)}</Trouble>}
            <Checkbox label={t('data.keepProfiles')} checked={keep} onChange={(_e, d) => setKeep(d.checked === true)} />
            <p role="status">{words}</p>
          </DialogContent>
          <DialogActions>
            <Button onClick={onClose}>{t('cancel')}</Button>
            <Button
              appearance="primary"
              disabled={!people || reset.isPending}
              onClick={() =>
                reset.mutate(
                  { keep_profiles: keep, dry_run: false },
                  {
                    onSuccess: () => {
                      onDone()
                      onClose()
                    },
                  },
                )
              }
            >
              {t('data.resetDo')}
            </Button>
          </DialogActions>
        </DialogBody>
      </DialogSurface>
    </Dialog>
  )
}
