import { Button, Field, Select } from '@fluentui/react-components'
import { useQuery } from '@tanstack/react-query'
import { Link, useNavigate, useSearch } from '@tanstack/react-router'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { groupsQuery, locationsQuery } from '../api/admin'
import { useImport, useJob } from '../api/jobs'
import { download, JobView } from '../components/JobView'
import { useProblemText } from '../components/problem'
import { useClock } from '../components/session'
import { COLUMNS, decode, type List, parse, placeless } from '../lib/csv'
import { Page, Section, Trouble } from '../ui/parts'
import { ReasonButton } from '../ui/ReasonButton'

type File = { name: string; text: string; list?: List }

/** What the server takes at most (ImportInput in internal/api/types.go). */
const MOST = 30 << 20

/** A list of people from a file: tried out first, then entered. The address says which job is followed. */
export function ImportPage() {
  const { t } = useTranslation()
  const say = useProblemText()
  const navigate = useNavigate()
  const { job: id, dry } = useSearch({ from: '/app/admin/people/import', select: ({ job, dry }) => ({ job, dry }) })
  const job = useJob(id, !!dry)
  const begin = useImport()
  const [file, setFile] = useState<File>()
  const [wrong, setWrong] = useState('')
  const [place, setPlace] = useState<{ location: string; group?: string }>({ location: '' })
  /** What the job that is shown was begun with; anything else has not been tried out. */
  const [tried, setTried] = useState<{ file: File; place: typeof place }>()
  const [failed, setFailed] = useState<unknown>()
  const [preparing, setPreparing] = useState(false)
  const running = preparing || begin.isPending || job.data?.state === 'running'
  const current = tried && tried.file === file && tried.place === place
  const report = job.data?.state === 'done' ? job.data.report : undefined

  const choose = async (chosen: globalThis.File | undefined) => {
    setWrong('')
    if (!chosen) return
    if (chosen.size > MOST) {
      setFile(undefined)
      setWrong(t('admin.import.tooBig'))
      return
    }
    try {
      const text = decode(new Uint8Array(await chosen.arrayBuffer()))
      setFile({ name: chosen.name, text, list: parse(text) })
    } catch {
      setFile(undefined)
      setWrong(t('admin.import.notRead'))
    }
  }

  const start = async (dry_run: boolean) => {
    if (!file) return
    setFailed(undefined)
    setPreparing(true)
    try {
      const where = place.location ? place : undefined
      const made = await begin.mutateAsync({ csv: file.text, dry_run, ...where })
      setTried({ file, place })
      await navigate({
        to: '/admin/people/import',
        search: { job: made.id, dry: dry_run ? 'yes' : undefined },
        replace: true,
      })
    } catch (e) {
      setFailed(e)
    } finally {
      setPreparing(false)
    }
  }

  const notYet = !file
    ? id && dry
      ? t('admin.import.again')
      : t('admin.import.needsFile')
    : running
      ? t('admin.import.running')
      : !current || !report
        ? t('admin.import.needsTry')
        : !dry
          ? t('admin.import.entered')
          : report.added + report.changed === 0
            ? t('admin.import.nothing')
            : undefined
  return (
    <Page
      title={t('admin.import.title')}
      lead={
        <>
          {t('admin.import.lead')} <Link to="/admin/people">{t('admin.import.back')}</Link>
        </>
      }
    >
      <Section title={t('admin.import.list')}>
        <div className="stack">
          <FileField file={file} wrong={wrong} onFile={(f) => void choose(f)} />
          <PlaceFields list={file?.list} place={place} onPlace={setPlace} />
          {failed !== undefined && <Trouble>{say(failed)}</Trouble>}
          <div className="row">
            <ReasonButton
              appearance={notYet ? 'primary' : 'secondary'}
              reason={!file ? t('admin.import.needsFile') : running ? t('admin.import.running') : undefined}
              onClick={() => void start(true)}
            >
              {t('admin.import.try')}
            </ReasonButton>
            <ReasonButton
              appearance={notYet ? 'secondary' : 'primary'}
              reason={notYet}
              onClick={() => void start(false)}
            >
              {t('admin.import.enter')}
            </ReasonButton>
            <p className="note">{notYet ? t('admin.import.tryNote') : ''}</p>
          </div>
        </div>
      </Section>
      {id && (
        <JobView
          job={job.data}
          error={job.error}
          label={dry ? t('admin.import.trying') : t('admin.import.entering')}
          dry={!!dry}
          of="rows"
          name="refused"
        />
      )}
      <Columns />
    </Page>
  )
}

function FileField({
  file,
  wrong,
  onFile,
}: {
  file?: File
  wrong: string
  onFile: (file: globalThis.File | undefined) => void
}) {
  const { t } = useTranslation()
  const { locale } = useClock()
  const rows = file?.list?.rows.length ?? 0
  return (
    <div className="stack">
      <Field label={t('admin.import.file')} hint={t('admin.import.fileHint')} validationMessage={wrong || undefined}>
        {(control) => (
          <input
            {...control}
            type="file"
            accept=".csv,.txt,.tsv,text/csv"
            className="file"
            onClick={(e) => {
              e.currentTarget.value = '' // the same file again, changed meanwhile
            }}
            onChange={(e) => onFile(e.target.files?.[0])}
          />
        )}
      </Field>
      <p role="status" className={file ? undefined : 'hidden'}>
        {file &&
          (file.list
            ? t('admin.import.found', {
                name: file.name,
                rows: t('admin.import.rows', { count: rows }).replace(String(rows), rows.toLocaleString(locale)),
                columns: file.list.heading.join(', '),
              })
            : t('admin.import.unreadable', { name: file.name }))}
      </p>
    </div>
  )
}

function PlaceFields({
  list,
  place,
  onPlace,
}: {
  list?: List
  place: { location: string; group?: string }
  onPlace: (place: { location: string; group?: string }) => void
}) {
  const { t } = useTranslation()
  const { data: locations = [] } = useQuery(locationsQuery)
  const { data: groups = [] } = useQuery(groupsQuery)
  const offered = groups.filter((g) => g.location === place.location)
  const without = list ? placeless(list) : 0
  return (
    <div className="fields">
      <Field
        label={t('admin.import.place')}
        hint={list && (without ? t('admin.import.placeless', { count: without }) : t('admin.import.allPlaced'))}
      >
        <Select value={place.location} onChange={(_e, d) => onPlace({ location: d.value })}>
          <option value="">{t('admin.import.placeNone')}</option>
          {locations.map((l) => (
            <option key={l.id} value={l.id}>
              {l.name}
            </option>
          ))}
        </Select>
      </Field>
      {offered.length > 0 && (
        <Field label={t('admin.import.placeGroup')}>
          <Select value={place.group ?? ''} onChange={(_e, d) => onPlace({ ...place, group: d.value || undefined })}>
            <option value="">{t('admin.persons.noGroup')}</option>
            {offered.map((g) => (
              <option key={g.id} value={g.id}>
                {g.name}
              </option>
            ))}
          </Select>
        </Field>
      )}
    </div>
  )
}

const EXAMPLE = `login,name,email,location,work_number,vip
anna,Anna Berger,anna@example.com,Berlin,+49 30 555 0101,no
tom,Tom Albrecht,tom@example.com,Berlin,+49 30 555 0102,yes
`

function Columns() {
  const { t } = useTranslation()
  return (
    <Section
      title={t('admin.import.columns')}
      note={t('admin.import.columnsNote')}
      actions={<Button onClick={() => download('people.csv', EXAMPLE)}>{t('admin.import.example')}</Button>}
    >
      <dl className="columns">
        {COLUMNS.map((c) => (
          <div key={c}>
            <dt>
              <code>{c}</code>
            </dt>
            <dd>{t(`admin.import.of.${c}`)}</dd>
          </div>
        ))}
      </dl>
    </Section>
  )
}
