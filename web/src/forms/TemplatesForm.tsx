import { Button, Switch, Tooltip } from '@fluentui/react-components'
import {
  Add20Regular,
  ArrowDown20Regular,
  ArrowUp20Regular,
  Delete20Regular,
  Edit20Regular,
  PersonTag24Regular,
} from '@fluentui/react-icons'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { forwardingWords, placeWords } from '../lib/change-words'
import { STATUSES, type Template } from '../lib/model'
import { moved } from '../lib/order'
import { freshID, type Scope, usesOf } from '../lib/scope'
import { shipped } from '../lib/shipped'
import { Empty } from '../ui/parts'
import { ReasonButton } from '../ui/ReasonButton'
import { StatusShape } from '../ui/StatusShape'
import { ProfileDialog } from './ProfileDialog'

const fresh: Template = {
  name: '',
  status: 'busy',
  forwarding: { action: 'keep' },
  active: true,
  user_forwarding: 'own',
}

/** The templates of a scope in their order. scope tells which of them are used. */
export function TemplatesForm({
  value,
  scope,
  off,
  wrong,
  onChange,
}: {
  value: Template[]
  scope: Scope
  off: boolean
  wrong: (field: string) => string | undefined
  onChange: (value: Template[]) => void
}) {
  const { t } = useTranslation()
  const [edited, setEdited] = useState<Template>()
  const [said, setSaid] = useState('')
  const put = (x: Template) => onChange(value.map((y) => (y.id === x.id ? x : y)))
  const uses = (x: Template) => usesOf(scope, x.id).map((u) => placeWords(u, t))
  const needed = (x: Template) =>
    uses(x).length ? t('admin.templates.usedBy', { uses: uses(x).join('; ') }) : undefined
  const move = (from: number, to: number) => {
    const x = value[from]
    if (!x || to < 0 || to >= value.length) return
    onChange(moved(value, from, to))
    setSaid(t('profiles.moved', { name: shipped(x.name, t), place: to + 1, count: value.length }))
  }
  return (
    <>
      {value.length === 0 ? (
        <Empty icon={<PersonTag24Regular />} title={t('admin.templates.none')}>
          {t('admin.templates.noneHint')}
        </Empty>
      ) : (
        <table className="templates" aria-label={t('admin.section.templates')}>
          <thead>
            <tr>
              <th scope="col">{t('admin.templates.field.active')}</th>
              <th scope="col">{t('admin.templates.status')}</th>
              <th scope="col">{t('admin.templates.field.forwarding')}</th>
              <th scope="col">{t('admin.templates.field.uses')}</th>
              <th scope="col">
                <span className="hidden">{t('admin.templates.actions')}</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {value.map((x, i) => (
              <Row
                key={x.id}
                x={x}
                place={i}
                last={value.length - 1}
                uses={uses(x)}
                needed={needed(x)}
                off={off}
                wrong={['name', 'text', 'forwarding', 'forwarding.number'].flatMap(
                  (f) => wrong(`templates[${i}].${f}`) ?? [],
                )}
                onMove={move}
                onEdit={() => setEdited(x)}
                onActive={(active) => put({ ...x, active })}
                onRemove={() => {
                  onChange(value.filter((y) => y.id !== x.id))
                  setSaid(t('admin.templates.removed', { name: shipped(x.name, t) }))
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
        <Button className="tree-add" icon={<Add20Regular />} onClick={() => setEdited(fresh)}>
          {t('admin.templates.add')}
        </Button>
      )}
      {edited && (
        <ProfileDialog
          profile={edited}
          others={value.filter((x) => x.id !== edited.id)}
          permitted={[...STATUSES]}
          template={{
            active: edited.active,
            users: edited.user_forwarding,
            needed: edited.id ? needed(edited) : undefined,
          }}
          onSave={(p, own) => {
            if (!own) return
            if (edited.id) put({ ...p, ...own })
            else onChange([...value, { ...p, ...own, id: freshID(value) }])
          }}
          onClose={() => setEdited(undefined)}
        />
      )}
    </>
  )
}

function Row({
  x,
  place,
  last,
  uses,
  needed,
  off,
  wrong,
  onMove,
  onEdit,
  onActive,
  onRemove,
}: {
  x: Template
  place: number
  last: number
  uses: string[]
  needed?: string
  off: boolean
  wrong: string[]
  onMove: (from: number, to: number) => void
  onEdit: () => void
  onActive: (active: boolean) => void
  onRemove: () => void
}) {
  const { t } = useTranslation()
  const name = shipped(x.name, t)
  const status = t(`status.${x.status}`)
  const more = [name !== status && status, x.text && shipped(x.text, t) !== name && shipped(x.text, t)].filter(Boolean)
  const fixed = needed !== undefined && x.active
  const active = (
    <Switch
      aria-label={t('admin.templates.activeNamed', { name })}
      checked={x.active}
      disabled={off}
      // A disabled switch takes no focus and could not say why; this one stays as it is.
      aria-disabled={(fixed && !off) || undefined}
      onChange={(_e, d) => !fixed && onActive(d.checked)}
    />
  )
  return (
    <tr className={x.active ? undefined : 'inactive'}>
      <td>
        {fixed && !off ? (
          <Tooltip content={t('admin.templates.lockedActive', { uses: needed })} relationship="description">
            {active}
          </Tooltip>
        ) : (
          active
        )}
      </td>
      <th scope="row">
        <span className="with-shape">
          <StatusShape status={x.status} size={20} label={status} />
          <span>
            <span className="row-name">{name}</span>
            {!x.active && <span className="note"> ({t('admin.templates.inactive')})</span>}
            {more.length > 0 && <span className="template-more">{more.join(' · ')}</span>}
            {wrong.map((w) => (
              <span key={w} className="wrong">
                {w}
              </span>
            ))}
          </span>
        </span>
      </th>
      <td>
        <span>{forwardingWords(x.forwarding, t)}</span>
        <span className="template-more">
          {t('admin.activation.users')}: {t(`admin.templates.users.${x.user_forwarding}`)}
        </span>
      </td>
      <td className={uses.length ? undefined : 'unused'}>
        {uses.length ? (
          <ul className="uses" data-label={t('admin.templates.field.uses')}>
            {uses.map((u) => (
              <li key={u}>{u}</li>
            ))}
          </ul>
        ) : (
          <span className="note">–</span>
        )}
      </td>
      <td>
        {!off && (
          <span className="row-buttons">
            <Button
              appearance="subtle"
              icon={<ArrowUp20Regular />}
              aria-label={t('profiles.up', { name })}
              disabledFocusable={place === 0}
              onClick={() => onMove(place, place - 1)}
            />
            <Button
              appearance="subtle"
              icon={<ArrowDown20Regular />}
              aria-label={t('profiles.down', { name })}
              disabledFocusable={place === last}
              onClick={() => onMove(place, place + 1)}
            />
            <Button
              appearance="subtle"
              icon={<Edit20Regular />}
              aria-label={t('profiles.editNamed', { name })}
              onClick={onEdit}
            />
            <ReasonButton
              appearance="subtle"
              icon={<Delete20Regular />}
              aria-label={t('profiles.deleteNamed', { name })}
              reason={needed && t('admin.templates.lockedRemove', { uses: needed })}
              onClick={onRemove}
            />
          </span>
        )}
      </td>
    </tr>
  )
}
