import { Button } from '@fluentui/react-components'
import { Checkmark16Regular, ChevronDown20Regular, ChevronUp20Regular } from '@fluentui/react-icons'
import { type ReactNode, useState } from 'react'
import { useTranslation } from 'react-i18next'
import type { Words } from '../lib/change-words'
import type { SectionName } from '../lib/model'
import { ReasonButton } from '../ui/ReasonButton'
import { Confirm } from './Confirm'

export type ChangeGroup = { section: SectionName; changes: Words[] }
export type ForeignGroup = { section: SectionName; changes: (Words & { replaced: boolean })[] }

/** Changes that are not saved yet: how many, which, what they will do, and one button for all of them. */
export function ChangeBar({
  groups,
  foreign,
  effects,
  trouble,
  refused,
  saved,
  saving,
  onLooked,
  onSave,
  onDiscard,
}: {
  groups: ChangeGroup[]
  /** What somebody else has saved meanwhile. Until it has been looked at nothing is saved over it. */
  foreign: ForeignGroup[]
  /** What will happen when they are saved, one below the other. */
  effects: ReactNode[]
  trouble?: ReactNode
  /** Why they cannot be saved yet. */
  refused?: string
  /** Nothing is left to save, and something was. */
  saved: boolean
  saving: boolean
  onLooked: () => void
  onSave: () => void
  onDiscard: () => void
}) {
  const { t } = useTranslation()
  const [open, setOpen] = useState(false)
  const [asking, setAsking] = useState(false)
  const count = groups.reduce((n, g) => n + g.changes.length, 0)
  if (!count && !foreign.length)
    return (
      <p className={saved ? 'saved changes-saved' : 'hidden'} role="status">
        {saved && (
          <>
            <Checkmark16Regular aria-hidden="true" /> {t('admin.changes.saved')}
          </>
        )}
      </p>
    )
  return (
    <section className="changes" aria-label={t('admin.changes.title')}>
      {foreign.length > 0 && <Meanwhile groups={foreign} alone={!count} onLooked={onLooked} />}
      {trouble}
      {open && (
        <section
          className="changes-list"
          id="changes-list"
          // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard
          tabIndex={0}
          aria-label={t('admin.changes.count', { count })}
        >
          {groups.map((g) => (
            <div key={g.section}>
              <h3>{t(`admin.section.${g.section}`)}</h3>
              <ul aria-label={t(`admin.section.${g.section}`)}>
                {g.changes.map((c, i) => (
                  // biome-ignore lint/suspicious/noArrayIndexKey: sentences that are made anew each time, some perhaps alike
                  <li key={i}>
                    <Difference words={c} />
                  </li>
                ))}
              </ul>
            </div>
          ))}
          <div className="effects">
            <h3>{t('admin.changes.effects')}</h3>
            <ul aria-label={t('admin.changes.effects')}>
              {effects.map((e, i) => (
                // biome-ignore lint/suspicious/noArrayIndexKey: sentences that are made anew each time
                <li key={i}>{e}</li>
              ))}
              <li>{t('admin.changes.effectsNote')}</li>
            </ul>
          </div>
        </section>
      )}
      {count > 0 && (
        <div className="changes-bar">
          <Button
            appearance="subtle"
            icon={open ? <ChevronDown20Regular /> : <ChevronUp20Regular />}
            aria-expanded={open}
            aria-controls={open ? 'changes-list' : undefined}
            onClick={() => setOpen(!open)}
          >
            {t('admin.changes.count', { count })}
          </Button>
          <span className="hidden" role="status">
            {t('admin.changes.count', { count })}
          </span>
          <span className="row-buttons">
            <Button disabled={saving} onClick={() => setAsking(true)}>
              {t('admin.changes.discard')}
            </Button>
            <ReasonButton
              appearance="primary"
              disabled={saving}
              reason={foreign.length ? t('admin.changes.meanwhile.first') : refused}
              onClick={onSave}
            >
              {t('admin.changes.save')}
            </ReasonButton>
          </span>
        </div>
      )}
      {asking && (
        <Confirm
          title={t('admin.changes.discardTitle')}
          action={t('admin.changes.discard')}
          onClose={() => setAsking(false)}
          onConfirm={onDiscard}
        >
          {t('admin.changes.discardText', { count })}
        </Confirm>
      )}
    </section>
  )
}

/** What a change was and will be. */
function Difference({ words: { label, before, after } }: { words: Words }) {
  const { t } = useTranslation()
  return (
    <>
      <span className="change-label">{label}</span>
      {before !== undefined && (
        <>
          <span className="hidden">, {t('admin.changes.was')}: </span>
          <del>{before}</del>
        </>
      )}
      {before !== undefined && after !== undefined && <span aria-hidden="true"> → </span>}
      {after !== undefined && (
        <>
          <span className="hidden">, {t('admin.changes.will')}: </span>
          <ins>{after}</ins>
        </>
      )}
    </>
  )
}

/** What somebody else has saved, to be looked at. */
function Meanwhile({
  groups,
  alone,
  onLooked,
}: {
  groups: ForeignGroup[]
  /** Nothing is left of one's own changes. */
  alone: boolean
  onLooked: () => void
}) {
  const { t } = useTranslation()
  return (
    <section className="meanwhile" aria-label={t('admin.changes.meanwhile.list')}>
      <h3 role="alert">{t('admin.changes.meanwhile.title')}</h3>
      <p>{t(alone ? 'admin.changes.meanwhile.onlyTheirs' : 'admin.changes.meanwhile.text')}</p>
      <section
        className="meanwhile-list"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard
        tabIndex={0}
        aria-label={t('admin.changes.meanwhile.title')}
      >
        {groups.map((g) => (
          <div key={g.section}>
            <h4>{t(`admin.section.${g.section}`)}</h4>
            <ul aria-label={t(`admin.section.${g.section}`)}>
              {g.changes.map((c, i) => (
                // biome-ignore lint/suspicious/noArrayIndexKey: sentences that are made anew each time
                <li key={i}>
                  <Difference words={c} />
                  {c.replaced && <span className="replaced">{t('admin.changes.meanwhile.replaced')}</span>}
                </li>
              ))}
            </ul>
          </div>
        ))}
      </section>
      <Button onClick={onLooked}>{t('admin.changes.meanwhile.looked')}</Button>
    </section>
  )
}
