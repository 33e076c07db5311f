import { Button } from '@fluentui/react-components'
import { useNavigate, useSearch } from '@tanstack/react-router'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { useCheckConnector, useDeleteConnector } from '../api/admin'
import { useJob, useSync } from '../api/jobs'
import { Confirm } from '../components/Confirm'
import { ConnectorPage } from '../components/ConnectorPage'
import { CheckSteps, ConnectorState } from '../components/ConnectorState'
import { JobView, ReportView } from '../components/JobView'
import { CONNECTOR_PLACES } from '../components/places'
import { useProblemText } from '../components/problem'
import { LdapForm } from '../forms/LdapForm'
import { type Connector, unusual } from '../lib/connector'
import { Section, Trouble } from '../ui/parts'
import { ReasonButton } from '../ui/ReasonButton'

const { to: LIST, one: ONE } = CONNECTOR_PLACES.ldap

/** One directory: how it is doing, what can be done with it, and its settings. The address says which job is followed. */
export function DirectoryPage() {
  return (
    <ConnectorPage
      kind="ldap"
      Form={LdapForm}
      above={(c, dirty) => <Actions key={`actions-${c.id}`} c={c} dirty={dirty} />}
    />
  )
}

/** How it is doing, and what can be done with it. */
function Actions({ c, dirty }: { c: Connector; dirty: boolean }) {
  const { t } = useTranslation()
  const say = useProblemText()
  const navigate = useNavigate()
  const { job: id, dry } = useSearch({ from: '/app/admin/system/directories/$connector' })
  const check = useCheckConnector()
  const sync = useSync(c.id)
  const remove = useDeleteConnector(() => navigate({ to: LIST, replace: true, ignoreBlocker: true }))
  const job = useJob(id, !!dry)
  const [asking, setAsking] = useState<'delete' | 'anyway'>()
  const busy = c.running || sync.isPending || job.data?.state === 'running'
  const lost = job.data ? unusual(job.data) : 0
  const start = (dry_run: boolean, anyway = false) => {
    check.reset()
    sync.mutate(
      { dry_run, anyway },
      {
        onSuccess: (made) =>
          navigate({
            to: ONE,
            params: { connector: c.id },
            search: { job: made.id, dry: dry_run ? 'yes' : undefined },
            replace: true,
          }),
      },
    )
  }
  const follow = (what: { job?: string; dry?: 'yes' }) =>
    void navigate({ to: ONE, params: { connector: c.id }, search: what, replace: true })
  const reason = dirty ? t('admin.connector.unsaved') : busy ? t('admin.connector.busy') : undefined
  const error = check.error ?? sync.error ?? remove.error
  return (
    <>
      <Section title={t('admin.connector.stateOf')}>
        <div className="stack">
          <ConnectorState c={c} />
          {error && <Trouble>{say(error)}</Trouble>}
          <div className="row">
            <ReasonButton
              reason={dirty ? t('admin.connector.unsaved') : undefined}
              disabled={check.isPending}
              onClick={() => {
                follow({})
                check.mutate({ connector: c.id })
              }}
            >
              {t('admin.connector.check')}
            </ReasonButton>
            <ReasonButton reason={reason} onClick={() => start(true)}>
              {t('admin.connector.dry')}
            </ReasonButton>
            <ReasonButton reason={reason} onClick={() => start(false)}>
              {t('admin.connector.sync')}
            </ReasonButton>
            <ReasonButton
              reason={busy ? t('admin.connector.busy') : undefined}
              disabled={remove.isPending}
              onClick={() => setAsking('delete')}
            >
              {t('admin.connector.delete')}
            </ReasonButton>
          </div>
          <p role="status" className={check.isPending ? 'note' : 'hidden'}>
            {check.isPending && t('admin.connector.checking')}
          </p>
          {c.report && !id && !check.data && (
            <details>
              <summary>{t('admin.connector.lastReport')}</summary>
              <ReportView report={c.report} of="people" name="refused" />
            </details>
          )}
        </div>
      </Section>
      {check.data && <CheckSteps steps={check.data.steps} />}
      {id && (
        <JobView
          job={job.data}
          error={job.error}
          label={dry ? t('admin.connector.trying') : t('admin.connector.syncing')}
          dry={!!dry}
          of="people"
          name="refused"
        >
          {lost > 0 && (
            <div className="stack unusual">
              <p>
                <strong>{t('admin.connector.unusual')}</strong>
              </p>
              <p>{t('admin.connector.unusualText', { count: lost })}</p>
              <div className="row">
                <ReasonButton reason={reason} onClick={() => start(true, true)}>
                  {t('admin.connector.anywayDry')}
                </ReasonButton>
                <ReasonButton reason={reason} onClick={() => setAsking('anyway')}>
                  {t('admin.connector.anyway')}
                </ReasonButton>
              </div>
            </div>
          )}
          {dry && job.data?.state === 'done' && (
            <div className="row job-next">
              <Button disabled={!!reason} onClick={() => start(false)}>
                {t('admin.connector.sync')}
              </Button>
            </div>
          )}
        </JobView>
      )}
      {asking === 'anyway' && (
        <Confirm
          title={t('admin.connector.unusual')}
          action={t('admin.connector.anywayDo')}
          onClose={() => setAsking(undefined)}
          onConfirm={() => start(false, true)}
        >
          {t('admin.connector.unusualText', { count: lost })}
        </Confirm>
      )}
      {asking === 'delete' && (
        <Confirm
          title={t('admin.connector.deleteTitle', { name: c.name })}
          action={t('admin.connector.deleteDo')}
          onClose={() => setAsking(undefined)}
          onConfirm={() => remove.mutate(c.id)}
        >
          {t('admin.connector.deleteText')}
        </Confirm>
      )}
    </>
  )
}
