import { Field, Select } from '@fluentui/react-components'
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useTranslation } from 'react-i18next'
import { connectorsQuery } from '../api/admin'
import { ConnectorState } from '../components/ConnectorState'
import { CONNECTOR_PLACES } from '../components/places'
import { useMe } from '../components/session'
import { administersAll, type Schemas } from '../lib/model'
import { type TelephoneKind, telephoneKind } from '../lib/telephony'

/** Kinds of systems that have pages in the system settings. */
export type Entered = 'exchange' | 'graph' | 'domino' | TelephoneKind

/** One of the systems, and how it is doing, for who may know. */
export function SystemSelect({
  label,
  hint,
  systems,
  kinds,
  loaded,
  value,
  off,
  wrong,
  none,
  className,
  onSystem,
}: {
  label: string
  hint: string
  systems: Schemas['System'][]
  /** What can be entered to choose from. */
  kinds: Entered[]
  loaded: boolean
  value: string | undefined
  off: boolean
  wrong?: string
  /** What it means that there is none; otherwise one has to be chosen. */
  none?: string
  className?: string
  onSystem: (id: string | undefined) => void
}) {
  const { t } = useTranslation()
  const chosen = systems.find((s) => s.id === value)
  const words = (s: Schemas['System']) => {
    const kind = t(`admin.calendar.systemOf.${s.kind}`)
    return s.name.includes(kind) ? s.name : `${s.name} (${kind})`
  }
  return (
    <div className={className ?? 'stack system-choice'}>
      <Field label={label} hint={hint} required={none === undefined} validationMessage={wrong}>
        <Select
          className="users-may"
          value={value ?? ''}
          disabled={off}
          onChange={(_e, d) => onSystem(d.value || undefined)}
        >
          {none !== undefined && <option value="">{none}</option>}
          {!value && none === undefined && <option value="">{t('admin.calendar.chooseSystem')}</option>}
          {value && !chosen && <option value={value}>{loaded ? t('admin.calendar.systemGone') : '…'}</option>}
          {systems.map((s) => (
            <option key={s.id} value={s.id}>
              {s.enabled ? words(s) : t('admin.calendar.systemOff', { name: words(s) })}
            </option>
          ))}
        </Select>
      </Field>
      {chosen && <SystemState s={chosen} />}
      {loaded && !systems.length && <p className="note">{t('admin.calendar.noSystem')}</p>}
      {loaded && !off && <SetUp kinds={kinds} />}
    </div>
  )
}

/** System administrators see how it is doing; others only whether it is used. */
function SystemState({ s }: { s: Schemas['System'] }) {
  const { t } = useTranslation()
  const all = administersAll(useMe().role)
  const { data } = useQuery({ ...connectorsQuery, enabled: all })
  const c = data?.find((x) => x.id === s.id)
  if (c)
    return (
      <div>
        <ConnectorState c={c} />
        <Link to={CONNECTOR_PLACES[c.kind].one} params={{ connector: c.id }}>
          {t('admin.calendar.openSystem', { name: c.name })}
        </Link>
      </div>
    )
  return s.enabled ? null : <p className="note">{t('admin.calendar.offHint')}</p>
}

/** Where systems are entered, for who may; others are told who can. */
export function SetUp({ kinds }: { kinds: Entered[] }) {
  const { t } = useTranslation()
  if (!administersAll(useMe().role)) return <p className="note">{t('admin.calendar.setUpBySystem')}</p>
  return (
    <p className="note set-up">
      {t('admin.calendar.setUp')}{' '}
      {kinds.map((k, i) => (
        <span key={k}>
          {i > 0 && ' · '}
          <Link to={CONNECTOR_PLACES[k].one} params={{ connector: 'new' }} search={{ kind: telephoneKind(k) }}>
            {t(`admin.${k}.add`)}
          </Link>
        </span>
      ))}
    </p>
  )
}
