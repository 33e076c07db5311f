import { Button, Checkbox, Field, Input, Switch } from '@fluentui/react-components'
import { Add20Regular, ArrowUndo20Regular, Delete20Regular, MicOff24Regular } from '@fluentui/react-icons'
import { useEffect, useRef, useState } from 'react'
import { useTranslation } from 'react-i18next'
import type { Program, Schemas } from '../lib/model'
import { asShipped, type Faults, faultsOf, MOST_PROGRAMS, processOf, restored } from '../lib/programs'
import { Empty } from '../ui/parts'
import { ReasonButton } from '../ui/ReasonButton'
import { type Offer, OfferTemplate } from './OfferTemplate'

const NEW: Program = { active: true, process: '', alias: '' }

/** Which programs make people busy that use the microphone (M2). */
export function MicrophoneForm({
  value,
  off,
  offer,
  wrong,
  onChange,
}: {
  value: Schemas['Microphone']
  /** The location decides here. */
  off: boolean
  offer: Offer
  wrong: (field: string) => string | undefined
  onChange: (value: Schemas['Microphone']) => void
}) {
  const { t } = useTranslation()
  const [said, setSaid] = useState('')
  // The row that was just added: nobody is told what it needs before they have begun.
  const [begun, setBegun] = useState<number>()
  const whole = useRef<HTMLDivElement>(null)
  const focus = useRef<string>(undefined)
  const { programs } = value
  const differs = !asShipped(programs)
  const put = (next: Program[]) => onChange({ ...value, programs: next })
  const nameOf = (p: Program) => p.alias.trim() || p.process.trim() || t('admin.microphone.unnamed')

  // What is gone, or has just come, takes or leaves the focus where one can go on.
  useEffect(() => {
    if (!focus.current) return
    whole.current?.querySelector<HTMLElement>(focus.current)?.focus()
    focus.current = undefined
  })

  return (
    <div className="stack" ref={whole}>
      <Field className="beside-switch" hint={t('admin.microphone.enabledHint')}>
        <Switch
          label={t('admin.microphone.enabled')}
          checked={value.enabled}
          disabled={off}
          onChange={(_e, d) => onChange({ ...value, enabled: d.checked })}
        />
      </Field>
      {programs.length === 0 ? (
        <Empty icon={<MicOff24Regular />} title={t('admin.microphone.none')}>
          {t('admin.microphone.noneHint')}
        </Empty>
      ) : (
        <table className="programs" aria-label={t('admin.microphone.programs')}>
          <thead>
            <tr>
              <th scope="col">{t('admin.microphone.field.active')}</th>
              <th scope="col">{t('admin.microphone.field.process')}</th>
              <th scope="col">{t('admin.microphone.field.alias')}</th>
              {!off && (
                <th scope="col">
                  <span className="hidden">{t('admin.templates.actions')}</span>
                </th>
              )}
            </tr>
          </thead>
          <tbody>
            {programs.map((p, i) => (
              <Row
                // biome-ignore lint/suspicious/noArrayIndexKey: a row is what stands at its place; its name is being typed
                key={i}
                program={p}
                name={nameOf(p)}
                off={off}
                quiet={begun === i}
                faults={(now) => faultsOf(programs.with(i, now))[i] ?? {}}
                wrong={(field) => wrong(`microphone.programs[${i}].${field}`)}
                onChange={(now) => put(programs.with(i, now))}
                onLeave={() => setBegun(undefined)}
                onRemove={() => {
                  setBegun(undefined)
                  put(programs.toSpliced(i, 1))
                  setSaid(t('admin.microphone.removedNow', { name: nameOf(p) }))
                  const below = Math.min(i + 1, programs.length - 1)
                  focus.current = below ? `tbody tr:nth-child(${below}) .program-remove` : '.program-add'
                }}
              />
            ))}
          </tbody>
        </table>
      )}
      <div className="hidden" role="status">
        {said}
      </div>
      {!off && (
        <div className="program-buttons">
          <ReasonButton
            className="program-add"
            icon={<Add20Regular />}
            reason={programs.length >= MOST_PROGRAMS ? t('admin.microphone.full', { count: MOST_PROGRAMS }) : undefined}
            onClick={() => {
              put([...programs, NEW])
              setBegun(programs.length)
              focus.current = `tbody tr:nth-child(${programs.length + 1}) .program-process input`
            }}
          >
            {t('admin.microphone.add')}
          </ReasonButton>
          <ReasonButton
            appearance="subtle"
            icon={<ArrowUndo20Regular />}
            reason={differs ? undefined : t('admin.microphone.restoreNone')}
            onClick={() => {
              put(restored(programs))
              setSaid(t('admin.microphone.restored'))
            }}
          >
            {t('admin.microphone.restore')}
          </ReasonButton>
          <p className="note">
            {t('admin.microphone.processHint')} {differs && t('admin.microphone.restoreHint')}
          </p>
        </div>
      )}
      <OfferTemplate name="MicSync" hint={t('admin.microphone.offerHint')} offer={offer} />
    </div>
  )
}

/** One row. What is typed counts when its field is left; what is wrong with it shows at once. */
function Row({
  program: p,
  name,
  off,
  quiet,
  faults,
  wrong,
  onChange,
  onLeave,
  onRemove,
}: {
  program: Program
  name: string
  off: boolean
  /** What is needed is not told yet. */
  quiet: boolean
  /** What would be wrong with the row if it were so. */
  faults: (p: Program) => Faults
  wrong: (field: string) => string | undefined
  onChange: (p: Program) => void
  onLeave: () => void
  onRemove: () => void
}) {
  const { t } = useTranslation()
  const label = (field: 'active' | 'process' | 'alias') =>
    t('admin.microphone.of', { field: t(`admin.microphone.field.${field}`), name })
  const told = <F extends string>(fault: F | undefined) => (quiet && fault === 'needed' ? undefined : fault)
  const wrongProcess = (process: string) => {
    const fault = told(faults({ ...p, process }).process)
    if (fault === 'file' && processOf(process))
      return t('admin.microphone.wrong.process.fileLike', { name: processOf(process) })
    return fault && t(`admin.microphone.wrong.process.${fault}`, { name: process })
  }
  const wrongAlias = (alias: string) => {
    const fault = told(faults({ ...p, alias }).alias)
    return fault && t(`admin.microphone.wrong.alias.${fault}`)
  }
  return (
    <tr className={p.active ? undefined : 'inactive'}>
      <td>
        <Checkbox
          aria-label={label('active')}
          checked={p.active}
          disabled={off}
          onChange={(_e, d) => onChange({ ...p, active: d.checked === true })}
        />
      </td>
      <th scope="row" data-label={t('admin.microphone.field.process')}>
        {off ? (
          <span className="fixed">{p.process}</span>
        ) : (
          <Cell
            className="program-process"
            label={label('process')}
            value={p.process}
            wrong={(process) => wrongProcess(process) ?? wrong('process')}
            onValue={(process) => {
              const good = !faults({ ...p, process }).process
              onChange({ ...p, process, alias: p.alias || (good ? process : '') })
            }}
            onLeave={onLeave}
          />
        )}
      </th>
      <td data-label={t('admin.microphone.field.alias')}>
        {off ? (
          <span className="fixed">{p.alias}</span>
        ) : (
          <Cell
            label={label('alias')}
            value={p.alias}
            wrong={(alias) => wrongAlias(alias) ?? wrong('alias')}
            onValue={(alias) => onChange({ ...p, alias })}
            onLeave={onLeave}
          />
        )}
      </td>
      {!off && (
        <td>
          <Button
            className="program-remove"
            appearance="subtle"
            icon={<Delete20Regular />}
            aria-label={t('admin.microphone.removeNamed', { name })}
            onClick={onRemove}
          />
        </td>
      )}
    </tr>
  )
}

function Cell({
  className,
  label,
  value,
  wrong,
  onValue,
  onLeave,
}: {
  className?: string
  label: string
  value: string
  wrong: (text: string) => string | undefined
  onValue: (text: string) => void
  onLeave: () => void
}) {
  const [text, setText] = useState(value)
  useEffect(() => setText(value), [value])
  // Somebody who has pasted a name has perhaps pasted space around it.
  const meant = text.trim()
  const done = () => {
    setText(meant)
    if (meant !== value) onValue(meant)
  }
  return (
    <Field className={className} validationMessage={wrong(meant)}>
      <Input
        value={text}
        aria-label={label}
        spellCheck={false}
        autoComplete="off"
        onChange={(_e, d) => setText(d.value)}
        onKeyDown={(e) => e.key === 'Enter' && done()}
        onBlur={() => {
          done()
          onLeave()
        }}
      />
    </Field>
  )
}
