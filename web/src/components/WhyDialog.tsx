import {
  Button,
  Dialog,
  DialogActions,
  DialogBody,
  DialogContent,
  DialogSurface,
  DialogTitle,
} from '@fluentui/react-components'
import { useQuery } from '@tanstack/react-query'
import { useEffect, useRef } from 'react'
import { useTranslation } from 'react-i18next'
import { usePresence } from '../api/presence-store'
import { explanationQuery, personQuery } from '../api/queries'
import { type Asked, claimName, claimTime, comingSentence, lostSentence, winnerSentence, words } from '../lib/explain'
import type { Explanation, Outcome, Reason } from '../lib/model'
import { Waiting } from '../ui/parts'
import { PhoneMark, StatusShape } from '../ui/StatusShape'
import { useClock, useMe, useNow } from './session'
import { TeamsHint } from './TeamsHint'
import { QueryTrouble } from './trouble'

/** Why is somebody what they are: who decided, who did not and why not, and what comes next. */
export default function WhyDialog({ person, onClose }: { person: string; onClose: () => void }) {
  const { t } = useTranslation()
  const me = useMe()
  const self = person === 'me' || person === me.person.id
  const id = self ? me.person.id : person
  const p = usePresence(id)
  const query = useQuery(explanationQuery(self ? 'me' : person, p))
  const card = useQuery({ ...personQuery(person), enabled: !self })
  const clock = useClock()
  const now = useNow()
  const name = self ? me.person.name : (card.data?.name ?? '')
  const asked: Asked = { self, name, now, clock }
  const status = query.data?.presence.status
  // Not the text, which comes first and would be framed.
  const close = useRef<HTMLButtonElement>(null)
  useEffect(() => close.current?.focus({ preventScroll: true }), [])
  return (
    <Dialog open onOpenChange={(_e, d) => !d.open && onClose()}>
      <DialogSurface className="why">
        <DialogBody>
          <DialogTitle>
            {status
              ? t(self ? 'why.titleSelf' : 'why.title', { status: t(`status.${status}`), name })
              : t('why.titlePlain')}
          </DialogTitle>
          {/* A long answer scrolls, and so must be reached by keyboard. */}
          <DialogContent tabIndex={0}>
            {query.isPending && <Waiting label={t('waiting')} rows={4} />}
            {query.error && <QueryTrouble error={query.error} again={() => void query.refetch()} />}
            {query.data && <Answer e={query.data} asked={asked} />}
          </DialogContent>
          <DialogActions>
            <Button ref={close} appearance="primary" onClick={onClose}>
              {t('close')}
            </Button>
          </DialogActions>
        </DialogBody>
      </DialogSurface>
    </Dialog>
  )
}

/** What could not have decided now: worth knowing, but not first. */
const ASIDE = new Set<Outcome>([
  'not_yet',
  'over',
  'lease_over',
  'in_use',
  'too_soon',
  'switched_off',
  'note',
  'not_ranked',
])

function Answer({ e, asked }: { e: Explanation; asked: Asked }) {
  const { t } = useTranslation()
  const won = e.entries.find((x) => x.outcome === 'won')
  const lost = e.entries.filter((x) => x !== won)
  const considered = lost.filter((x) => !ASIDE.has(x.outcome))
  const aside = lost.filter((x) => ASIDE.has(x.outcome))
  return (
    <>
      <p className="why-winner">
        {e.presence.status && <StatusShape status={e.presence.status} size={24} />}
        <span>{won ? winnerSentence(won, asked, t) : e.presence.off ? t('presence.off') : t('why.winner.none')}</span>
      </p>
      {asked.self && <TeamsHint />}
      <h3>{t('why.others')}</h3>
      {considered.length ? (
        <Reasons list={considered} all={e.entries} asked={asked} />
      ) : (
        <p className="note">{t('why.noOthers')}</p>
      )}
      {aside.length > 0 && (
        <details className="why-aside">
          <summary>{t('why.aside', { count: aside.length })}</summary>
          <Reasons list={aside} all={e.entries} asked={asked} />
        </details>
      )}
      <h3>{t('why.nextTitle')}</h3>
      {e.next.length ? (
        <ol className="why-next">
          {e.next.map((c) => (
            <li key={c.at}>
              {c.presence.status && <StatusShape status={c.presence.status} size={14} />}
              {comingSentence(c, e.entries, asked, t)}
            </li>
          ))}
        </ol>
      ) : (
        <p className="note">{t('why.nothingNext')}</p>
      )}
      <p className="why-rules">{t('why.rules', { rules: e.rules })}</p>
    </>
  )
}

function Reasons({ list, all, asked }: { list: Reason[]; all: Reason[]; asked: Asked }) {
  const { t } = useTranslation()
  return (
    <ul className="why-list">
      {list.map((r) => (
        <li key={`${r.ref}${r.source}${r.outcome}${r.from}`} className={r.outcome === 'laid_over' ? 'laid' : undefined}>
          {r.source === 'line' ? (
            <PhoneMark size={16} />
          ) : r.outcome === 'in_use' || r.outcome === 'note' ? (
            <span className="why-dot" aria-hidden="true" />
          ) : (
            <StatusShape status={r.status} size={16} label={t(`status.${r.status}`)} />
          )}
          <div>
            <p className="why-claim">
              <strong>{claimName(r, t)}</strong>
              {r.source !== 'client' && r.source !== 'mark' && r.source !== 'line' && (
                <span>
                  {' '}
                  {words({ status: r.status, profile: r.profile, text: r.source === 'calendar' ? '' : r.text }, t)}
                </span>
              )}
              <span className="why-time">{claimTime(r, asked, t)}</span>
            </p>
            <p className="why-lost">{lostSentence(r, all, asked, t)}</p>
          </div>
        </li>
      ))}
    </ul>
  )
}
