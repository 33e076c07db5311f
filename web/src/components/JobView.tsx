import { Button, Field, ProgressBar } from '@fluentui/react-components'
import { ArrowDownload20Regular, Checkmark20Regular, Copy20Regular } from '@fluentui/react-icons'
import { type ReactNode, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Problem } from '../api/errors'
import type { Job, Report } from '../api/jobs'
import { unusual } from '../lib/connector'
import { table } from '../lib/csv'
import { Section, Trouble } from '../ui/parts'
import { useProblemText } from './problem'
import { inWords } from './server-words'
import { useClock } from './session'

/** How far a job is, and at its end what came of it. */
export function JobView({
  job,
  error,
  label,
  dry,
  of,
  name,
  children,
}: {
  job?: Job
  error?: unknown
  /** What is going on. */
  label: string
  dry: boolean
  /** What is refused: lines of a list, or people of a directory, which has no lines. */
  of: 'rows' | 'people'
  /** Of the file of what was refused. */
  name: string
  /** What can be done about it, at its end. */
  children?: ReactNode
}) {
  const { t } = useTranslation()
  const say = useProblemText()
  if (error)
    return <Trouble>{error instanceof Problem && error.status === 404 ? t('admin.job.gone') : say(error)}</Trouble>
  if (!job) return null
  const running = job.state === 'running'
  const halted = unusual(job) > 0
  const title = halted ? t('admin.job.halted') : dry ? t('admin.job.dry') : t('admin.job.real')
  const counts = COUNTS.map((c) => t('admin.job.overCount', { word: t(`admin.job.${c}`), n: job.report?.[c] ?? 0 }))
  return (
    <>
      {/* Whoever does not see the bar is told when it is over. */}
      <p className="hidden" role="status">
        {!running && (halted ? title : t('admin.job.over', { title, counts: counts.join(', ') }))}
      </p>
      {running && (
        <Section title={t('admin.job.progress')}>
          <Progress label={label} done={job.done} total={job.total} />
        </Section>
      )}
      {!running && (
        <Section title={title} note={dry && job.state === 'done' ? t('admin.job.dryNote') : undefined}>
          {job.state === 'failed' && (
            <Trouble title={halted ? undefined : t('admin.job.failed')}>
              <p>{say(new Problem(503, job.error ?? ''))}</p>
            </Trouble>
          )}
          {job.report && !halted && <ReportView report={job.report} of={of} name={name} />}
          {children}
        </Section>
      )}
    </>
  )
}

function Progress({ label, done, total }: { label: string; done: number; total: number }) {
  const { t } = useTranslation()
  const { locale } = useClock()
  const n = (x: number) => x.toLocaleString(locale)
  const words = total ? t('admin.job.of', { done: n(done), total: n(total) }) : t('admin.job.starting')
  return (
    <Field label={label} hint={words}>
      <ProgressBar
        thickness="large"
        value={total ? done / total : undefined}
        aria-valuetext={words}
        aria-valuenow={total ? Math.round((100 * done) / total) : undefined}
        aria-valuemax={100}
        max={1}
      />
    </Field>
  )
}

const COUNTS = ['added', 'changed', 'unchanged', 'blocked', 'refused'] as const

/** How much was done, and one line for each reason why something was not. */
export function ReportView({ report, of, name }: { report: Report; of: 'rows' | 'people'; name: string }) {
  const { t } = useTranslation()
  const { locale } = useClock()
  const counts = COUNTS.filter((c) => c !== 'blocked' || of === 'people')
  return (
    <>
      <dl className="counts">
        {counts.map((c) => (
          <div key={c} className={c === 'refused' && report.refused ? 'counted bad' : 'counted'}>
            <dt>{t(`admin.job.${c}`)}</dt>
            <dd>{(report[c] ?? 0).toLocaleString(locale)}</dd>
          </div>
        ))}
      </dl>
      {report.refusals.length > 0 && <Refusals report={report} of={of} name={name} />}
    </>
  )
}

function Refusals({ report, of, name }: { report: Report; of: 'rows' | 'people'; name: string }) {
  const { t } = useTranslation()
  const { locale } = useClock()
  const [copied, setCopied] = useState<boolean>()
  const rows = of === 'rows'
  const columns = [
    ...(rows ? [t('admin.job.row')] : []),
    t('admin.job.login'),
    t('admin.job.field'),
    t('admin.job.reason'),
  ]
  const cells = report.refusals.map((r) => [...(rows ? [r.row] : []), r.login ?? '', r.field ?? '', inWords(r.message)])
  const copy = async () => {
    try {
      await navigator.clipboard.writeText([columns, ...cells].map((line) => line.join('\t')).join('\n'))
      setCopied(true)
    } catch {
      setCopied(false)
    }
  }
  const title = rows ? t('admin.job.refusals') : t('admin.job.refusedPeople')
  return (
    <div className="refusals">
      <h3>{title}</h3>
      <section
        className="refusals-list"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard
        tabIndex={0}
        aria-label={title}
      >
        <table className="table" aria-label={title}>
          <thead>
            <tr>
              {columns.map((c) => (
                <th key={c} scope="col">
                  {c}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {cells.map((line, i) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: a report does not change, and a row may have several reasons
              <tr key={i}>
                {line.map((cell, j) =>
                  j === 0 ? (
                    <th key={columns[j]} scope="row" data-label={columns[j]}>
                      {cell}
                    </th>
                  ) : (
                    <td key={columns[j]} data-label={columns[j]} className={cell === '' ? 'unused' : undefined}>
                      {cell}
                    </td>
                  ),
                )}
              </tr>
            ))}
          </tbody>
        </table>
      </section>
      {report.refused > report.refusals.length && (
        <p className="note">{t('admin.job.more', { n: report.refusals.length.toLocaleString(locale) })}</p>
      )}
      <div className="row">
        <Button icon={copied ? <Checkmark20Regular /> : <Copy20Regular />} onClick={() => void copy()}>
          {t('admin.job.copy')}
        </Button>
        <Button
          icon={<ArrowDownload20Regular />}
          onClick={() =>
            download(
              `${name}.csv`,
              table([
                ['line', 'login', 'field', 'reason'],
                ...report.refusals.map((r) => [r.row, r.login ?? '', r.field ?? '', r.message]),
              ]),
            )
          }
        >
          {t('admin.job.download')}
        </Button>
        <p className="note" role="status">
          {copied === true && t('copy.done')}
          {copied === false && t('copy.not')}
        </p>
      </div>
    </div>
  )
}

/** Hands a text to the browser as a file. Spreadsheets take it for UTF-8 by its mark. */
export function download(name: string, text: string): void {
  const url = URL.createObjectURL(new Blob(['\ufeff', text], { type: 'text/csv;charset=utf-8' }))
  const a = Object.assign(document.createElement('a'), { href: url, download: name })
  a.click()
  URL.revokeObjectURL(url)
}
