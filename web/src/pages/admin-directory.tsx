import { Button } from '@fluentui/react-components'
import { Checkmark16Regular } from '@fluentui/react-icons'
import { useQuery } from '@tanstack/react-query'
import { Link, useNavigate, useParams, useSearch } from '@tanstack/react-router'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { connectorsQuery, useCheckConnector, useDeleteConnector } from '../api/admin'
import { Problem } from '../api/errors'
import { useJob, useSync } from '../api/jobs'
import { Confirm } from '../components/Confirm'
import { CheckSteps, ConnectorState } from '../components/ConnectorState'
import { JobView, ReportView } from '../components/JobView'
import { useProblemText } from '../components/problem'
import { QueryTrouble } from '../components/trouble'
import { LdapForm } from '../forms/LdapForm'
import { type Connector, unusual } from '../lib/connector'
import { Page, Section, Trouble, Waiting } from '../ui/parts'
import { ReasonButton } from '../ui/ReasonButton'

const LIST = '/admin/system/directories'
const ONE = '/admin/system/directories/$connector'

/** Each kind of outside system has a form of its own; all have the state above it, the check and the report. */
const FORMS: Partial<Record<Connector['kind'], typeof LdapForm>> = { ldap: LdapForm }

/** One directory: how it is doing, what can be done with it, and its settings. The address says which job is followed. */
export function DirectoryPage() {
  const { t } = useTranslation()
  const { connector: id } = useParams({ from: '/app/admin/system/directories/$connector' })
  const query = useQuery(connectorsQuery)
  const [said, setSaid] = useState('')
  const [dirty, setDirty] = useState(false)
  const fresh = id === 'new'
  const c = query.data?.find((x) => x.id === id && FORMS[x.kind])
  const Form = FORMS[c?.kind ?? 'ldap'] ?? LdapForm
  return (
    <Page
      title={fresh ? t('admin.directories.addTitle') : (c?.name ?? t('nav.directories'))}
      lead={<Link to={LIST}>{t('admin.directories.back')}</Link>}
    >
      <p className={said ? 'saved said' : 'hidden'} role="status">
        {said && <Checkmark16Regular aria-hidden="true" />} {said}
      </p>
      {query.isPending && <Waiting label={t('waiting')} />}
      {query.error && !c && <QueryTrouble error={query.error} again={() => void query.refetch()} />}
      {query.data && !fresh && !c && <QueryTrouble error={GONE} again={() => void query.refetch()} />}
      {c && <Actions key={`actions-${id}`} c={c} dirty={dirty} />}
      {(c || fresh) && (
        <Form
          key={id}
          connector={c}
          onDirty={setDirty}
          onSaved={(name) => setSaid(t('admin.connector.saved', { name }))}
        />
      )}
    </Page>
  )
}

const GONE = new Problem(404, '')

/** How it is doing, and what can be done with it. */
function Actions({ c, dirty }: { c: Connector; dirty: boolean }) {
  const { t } = useTranslation()
  const say = useProblemText()
  const navigate = useNavigate()
  const { job: id, dry } = useSearch({ from: '/app/admin/system/directories/$connector' })
  const check = useCheckConnector()
  const sync = useSync(c.id)
  const remove = useDeleteConnector()
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
                check.mutate(c.id)
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
          onConfirm={() =>
            remove.mutate(c.id, { onSuccess: () => navigate({ to: LIST, replace: true, ignoreBlocker: true }) })
          }
        >
          {t('admin.connector.deleteText')}
        </Confirm>
      )}
    </>
  )
}
