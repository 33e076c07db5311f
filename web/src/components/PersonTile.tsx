import { Button, Tooltip } from '@fluentui/react-components'
import { Star16Filled, Star16Regular } from '@fluentui/react-icons'
import { Link } from '@tanstack/react-router'
import { memo } from 'react'
import { useTranslation } from 'react-i18next'
import { usePresence } from '../api/presence-store'
import { type Card, lineShown, type Presence } from '../lib/model'
import { shipped } from '../lib/shipped'
import { ending, moment } from '../lib/time'
import { Face } from '../ui/Face'
import { PhoneMark, StatusShape } from '../ui/StatusShape'
import { useClock, useNow } from './session'

/** One person in a list. It listens to that person's presence alone. */
export const PersonTile = memo(function PersonTile({
  card,
  starred,
  onStar,
  self,
}: {
  card: Card
  starred?: boolean
  onStar?: (id: string) => void
  self?: boolean
}) {
  const { t } = useTranslation()
  const p = usePresence(card.id, card.presence)
  const shape = p?.off ? 'off' : p?.status
  return (
    <div className="tile-box" data-status={shape ?? 'none'}>
      <Link to="/people/$person" params={{ person: card.id }} search={(s) => s} className="tile" resetScroll={false}>
        <Face id={card.id} name={card.name} size={32}>
          {shape && <StatusShape status={shape} size={15} />}
        </Face>
        <span className="tile-main">
          <span className="tile-top">
            <span className="tile-name">
              {card.name}
              {self && <span className="tile-you"> {t('team.you')}</span>}
            </span>
            <Times p={p} />
          </span>
          <PresenceLineText p={p} />
        </span>
      </Link>
      {onStar && (
        <Tooltip content={starred ? t('team.unstar') : t('team.star')} relationship="description" positioning="before">
          <Button
            appearance="transparent"
            size="small"
            className={starred ? 'star on' : 'star'}
            aria-pressed={starred}
            aria-label={t('team.starNamed', { name: card.name })}
            icon={starred ? <Star16Filled /> : <Star16Regular />}
            onClick={() => onStar(card.id)}
          />
        </Tooltip>
      )}
    </div>
  )
})

/** Status, then what more may be known. Nothing at all where nothing is for this viewer. */
export function PresenceLineText({ p }: { p: Presence | undefined }) {
  const { t } = useTranslation()
  if (p?.off) return <span className="tile-status quiet">{t('presence.off')}</span>
  const line = lineShown(p)
  const status = p?.status ? t(`status.${p.status}`) : ''
  // There is room for one of them: the text says more than the name of a profile does.
  const more = [p?.text, p?.profile].map((x) => shipped(x ?? '', t)).find((x) => x && x !== status)
  if (!line && !status) return null
  return (
    <span className="tile-status">
      {line && (
        <span className="tile-line">
          <PhoneMark size={13} ringing={line === 'ringing'} />
          {t(`line.${line}`)}
          {p?.line?.service && ` (${p.line.service})`}
          {status && <span className="dot"> · </span>}
        </span>
      )}
      {status}
      {more && <span className="tile-more"> · {more}</span>}
    </span>
  )
}

function Times({ p }: { p: Presence | undefined }) {
  const { t } = useTranslation()
  const clock = useClock()
  const now = useNow()
  if (!p || p.off) return null
  if (p.until)
    return <span className="tile-time">{t('presence.untilShort', { at: ending(new Date(p.until), now, clock) })}</span>
  if (p.since && p.status !== 'available')
    return (
      <span className="tile-time quiet">{t('presence.sinceShort', { at: moment(new Date(p.since), now, clock) })}</span>
    )
  return null
}
