import { Button, Popover, PopoverSurface, PopoverTrigger, Tooltip } from '@fluentui/react-components'
import { ChevronDown16Regular } from '@fluentui/react-icons'
import { useQuery } from '@tanstack/react-query'
import { useEffect, useRef, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { usePresence } from '../api/presence-store'
import { profilesQuery, useChoice } from '../api/queries'
import { shortWords } from '../lib/explain'
import { lineShown, permittedStatuses, type Status } from '../lib/model'
import { ending } from '../lib/time'
import { Face } from '../ui/Face'
import { PhoneMark, StatusShape } from '../ui/StatusShape'
import { OwnPresencePanel } from './OwnPresencePanel'
import { useClock, useMe, useNow } from './session'

/** One's own presence, in the header of every page: what it is, and one click to change it. */
export function OwnPresence() {
  const { t } = useTranslation()
  const me = useMe()
  const p = usePresence(me.person.id, me.person.presence)
  const clock = useClock()
  const now = useNow()
  const [open, setOpen] = useState(false)
  const shape = !me.presence_enabled || p?.off ? 'off' : p?.status
  const line = lineShown(p)
  const what = shape === 'off' ? t('presence.off') : p ? shortWords(p, t) : ''
  const until = p?.until ? t('presence.until', { at: ending(new Date(p.until), now, clock) }) : ''
  return (
    <div className="own">
      {shape !== 'off' && <QuickStatuses chosen={p?.status} />}
      <Popover
        open={open}
        onOpenChange={(_e, d) => setOpen(d.open)}
        trapFocus
        positioning="below-end"
        withArrow={false}
      >
        <PopoverTrigger disableButtonEnhancement>
          <button
            type="button"
            className="own-button"
            aria-label={t('own.button', { what: [what, until].filter(Boolean).join(', ') })}
          >
            <Face id={me.person.id} name={me.person.name} size={34}>
              {shape && <StatusShape status={shape} size={15} />}
            </Face>
            <span className="own-words">
              <span className="own-what">{what}</span>
              <span className="own-until">
                {line && <PhoneMark size={12} ringing={line === 'ringing'} />}
                {line ? t(`line.${line}`) : until || me.person.name}
              </span>
            </span>
            <ChevronDown16Regular aria-hidden="true" />
          </button>
        </PopoverTrigger>
        <PopoverSurface className="own-surface" aria-label={t('own.title')}>
          <OwnPresencePanel onDone={() => setOpen(false)} />
        </PopoverSurface>
      </Popover>
      <Announcer text={[what, until].filter(Boolean).join(', ')} />
    </div>
  )
}

/** The statuses side by side, where there is room: one click, no text, no end. */
function QuickStatuses({ chosen }: { chosen: Status | undefined }) {
  const { t } = useTranslation()
  const { data } = useQuery(profilesQuery('me'))
  const choice = useChoice('me', { tell: true })
  const permitted = permittedStatuses(data?.permitted)
  return (
    <fieldset className="quick" aria-label={t('own.quick')}>
      {permitted.map((s) => (
        <Tooltip key={s} content={t(`status.${s}`)} relationship="label">
          <Button
            appearance="subtle"
            className={s === chosen ? 'quick-one on' : 'quick-one'}
            aria-pressed={s === chosen}
            icon={<StatusShape status={s} size={18} />}
            onClick={() => choice.mutate({ status: s })}
          />
        </Tooltip>
      ))}
    </fieldset>
  )
}

/** Says changes of the own status to screen readers, and of nobody else's. */
function Announcer({ text }: { text: string }) {
  const { t } = useTranslation()
  const before = useRef(text)
  const [said, setSaid] = useState('')
  useEffect(() => {
    if (before.current && before.current !== text && text) setSaid(t('own.announce', { what: text }))
    before.current = text
  }, [text, t])
  return (
    <div className="hidden" role="status" aria-live="polite" data-testid="announcer">
      {said}
    </div>
  )
}
