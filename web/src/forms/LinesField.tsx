import { Button, Checkbox, Field, Input, Select } from '@fluentui/react-components'
import { Add20Regular, ArrowDown20Regular, ArrowUp20Regular, Delete20Regular } from '@fluentui/react-icons'
import { useQuery } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { systemsQuery } from '../api/admin'
import type { Schemas } from '../lib/model'
import { moved } from '../lib/order'

type Line = Schemas['Line']

/** How many lines may be entered for a person (MostLines in internal/office). */
const MOST = 20

/** The telephone lines of a person, the main one first. */
export function LinesField({
  scope,
  lines,
  wrong,
  onLines,
}: {
  /** Where the person belongs. */
  scope: string
  lines: Line[]
  wrong: (field: string) => string | undefined
  onLines: (lines: Line[]) => void
}) {
  const { t } = useTranslation()
  const { data } = useQuery({ ...systemsQuery(scope), enabled: scope !== '' })
  const systems = data?.filter((s) => s.lines || s.forwards) ?? []
  const put = (i: number, part: Partial<Line>) => onLines(lines.map((l, j) => (j === i ? { ...l, ...part } : l)))
  const named = (l: Line, i: number) => l.line || String(i + 1)
  return (
    <fieldset className="group-of-fields">
      <legend>{t('admin.persons.lines')}</legend>
      <p className="note">{t(lines.length ? 'admin.persons.linesNote' : 'admin.persons.noLines')}</p>
      {wrong('lines') && <p className="wrong">{wrong('lines')}</p>}
      {lines.length > 0 && (
        <ol className="line-rows" aria-label={t('admin.persons.lines')}>
          {lines.map((l, i) => {
            const system = systems.find((s) => s.id === l.connector)
            const forwards = !system || system.forwards
            return (
              // biome-ignore lint/suspicious/noArrayIndexKey: a line is changed in its row
              <li key={i}>
                <Field
                  label={t('admin.persons.line')}
                  hint={i === 0 && lines.length > 1 ? t('admin.persons.mainLine') : undefined}
                  required
                  validationMessage={wrong(`lines[${i}].line`)}
                >
                  <Input
                    value={l.line}
                    maxLength={120}
                    autoComplete="off"
                    onChange={(_e, d) => put(i, { line: d.value })}
                  />
                </Field>
                <Field label={t('admin.persons.lineSystem')} validationMessage={wrong(`lines[${i}].connector`)}>
                  <Select
                    value={l.connector}
                    onChange={(_e, d) => {
                      const next = systems.find((s) => s.id === d.value)
                      put(i, { connector: d.value, forwards: l.forwards && next?.forwards !== false })
                    }}
                  >
                    {!system && <option value={l.connector}>{data ? t('admin.calendar.systemGone') : '…'}</option>}
                    {systems.map((s) => (
                      <option key={s.id} value={s.id}>
                        {s.enabled ? s.name : t('admin.calendar.systemOff', { name: s.name })}
                      </option>
                    ))}
                  </Select>
                </Field>
                <Field
                  className="line-follows"
                  hint={forwards ? undefined : t('admin.persons.lineForwardsNot')}
                  validationMessage={wrong(`lines[${i}].forwards`)}
                >
                  <Checkbox
                    label={t('admin.persons.lineForwards')}
                    checked={l.forwards}
                    disabled={!forwards && !l.forwards}
                    onChange={(_e, d) => put(i, { forwards: d.checked === true })}
                  />
                </Field>
                <span className="row-buttons">
                  <Button
                    appearance="subtle"
                    icon={<ArrowUp20Regular />}
                    aria-label={t('profiles.up', { name: named(l, i) })}
                    disabledFocusable={i === 0}
                    onClick={() => i > 0 && onLines(moved(lines, i, i - 1))}
                  />
                  <Button
                    appearance="subtle"
                    icon={<ArrowDown20Regular />}
                    aria-label={t('profiles.down', { name: named(l, i) })}
                    disabledFocusable={i === lines.length - 1}
                    onClick={() => i < lines.length - 1 && onLines(moved(lines, i, i + 1))}
                  />
                  <Button
                    appearance="subtle"
                    icon={<Delete20Regular />}
                    aria-label={t('admin.persons.lineRemove', { name: named(l, i) })}
                    onClick={() => onLines(lines.filter((_, j) => j !== i))}
                  />
                </span>
              </li>
            )
          })}
        </ol>
      )}
      {data && !systems.length ? (
        <p className="note">{t('admin.persons.noSystems')}</p>
      ) : (
        lines.length < MOST && (
          <div>
            <Button
              icon={<Add20Regular />}
              disabled={!data}
              onClick={() => {
                const s = systems.find((x) => x.enabled) ?? systems[0]
                if (s) onLines([...lines, { connector: s.id, line: '', forwards: s.forwards }])
              }}
            >
              {t('admin.persons.lineAdd')}
            </Button>
          </div>
        )
      )}
    </fieldset>
  )
}
