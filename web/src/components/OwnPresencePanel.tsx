import { Button, Field, Input } from '@fluentui/react-components'
import { QuestionCircle20Regular } from '@fluentui/react-icons'
import { useQuery } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { usePresence } from '../api/presence-store'
import { type Choice, profilesQuery, useChoice } from '../api/queries'
import { SOURCES, words } from '../lib/explain'
import { permittedStatuses } from '../lib/model'
import { shipped } from '../lib/shipped'
import { ending, moment } from '../lib/time'
import { Trouble } from '../ui/parts'
import { StatusShape } from '../ui/StatusShape'
import { useProblemText } from './problem'
import { useClock, useMe, useNow } from './session'
import { endOf, OPEN, UntilPicker } from './until'

/** Text and end first, because a click on a status or profile takes them along and is the last one. */
export function OwnPresencePanel({ onDone }: { onDone: () => void }) {
  const { t } = useTranslation()
  const me = useMe()
  const p = usePresence(me.person.id, me.person.presence)
  const { data: profiles } = useQuery(profilesQuery('me'))
  const choice = useChoice('me')
  const clock = useClock()
  const now = useNow()
  const say = useProblemText()
  const navigate = useNavigate()
  const [text, setText] = useState('')
  const [until, setUntil] = useState(OPEN)

  if (!me.presence_enabled || p?.off) return <div className="own-panel">{t('own.off')}</div>

  const end = endOf(until, clock.zone, now)
  const given = text.trim() !== '' || until.kind !== 'open'
  const choose = (what: Choice) => {
    if (end === null) return
    choice.mutate({ ...what, text: text.trim() || what.text, until: end?.toISOString() }, { onSuccess: onDone })
  }
  const source = SOURCES.find((s) => s === p?.cause)
  return (
    <div className="own-panel">
      <div className="own-now">
        {p?.status && <StatusShape status={p.status} size={22} />}
        <div>
          <p className="own-now-what">{p ? words(p, t) : ''}</p>
          <p className="own-now-why">
            {[
              source && t(`cause.${source}`),
              p?.since && t('presence.since', { at: moment(new Date(p.since), now, clock) }),
              p?.until && t('presence.until', { at: ending(new Date(p.until), now, clock) }),
            ]
              .filter(Boolean)
              .join(' · ')}
          </p>
        </div>
        <Button
          size="small"
          icon={<QuestionCircle20Regular />}
          onClick={() => {
            onDone()
            void navigate({ to: '.', search: (s) => ({ ...s, why: 'me' }) })
          }}
        >
          {t('why.button')}
        </Button>
      </div>
      {choice.error && <Trouble>{say(choice.error)}</Trouble>}
      <Field label={t('choice.text')}>
        <Input
          value={text}
          maxLength={120}
          placeholder={t('choice.textHint')}
          onChange={(_e, d) => setText(d.value)}
          onKeyDown={(e) => {
            if (e.key === 'Enter' && given && p?.status) choose({ status: p.status })
          }}
        />
      </Field>
      <UntilPicker value={until} onChange={setUntil} />
      <fieldset className="choices" aria-label={t('choice.statuses')}>
        {permittedStatuses(profiles?.permitted).map((s) => (
          <button
            key={s}
            type="button"
            className="choice"
            aria-pressed={p?.status === s && !p?.profile}
            disabled={choice.isPending || end === null}
            onClick={() => choose({ status: s })}
          >
            <StatusShape status={s} size={18} />
            {t(`status.${s}`)}
          </button>
        ))}
      </fieldset>
      {profiles && (
        <fieldset className="choices profiles" aria-label={t('choice.profiles')}>
          <legend>{t('choice.profiles')}</legend>
          {[...profiles.own, ...profiles.templates].map((f) => (
            <button
              key={f.id}
              type="button"
              className="choice"
              aria-pressed={p?.profile === f.name}
              disabled={choice.isPending || end === null}
              onClick={() => choose({ profile: f.id })}
            >
              <StatusShape status={f.status} size={16} label={t(`status.${f.status}`)} />
              <span className="choice-name">{shipped(f.name, t)}</span>
              {f.text && f.text !== f.name && <span className="choice-text">{shipped(f.text, t)}</span>}
            </button>
          ))}
        </fieldset>
      )}
      {given && p?.status && (
        <Button
          appearance="primary"
          disabled={choice.isPending || end === null}
          onClick={() => p.status && choose({ status: p.status })}
        >
          {t('own.keep', { status: t(`status.${p.status}`) })}
        </Button>
      )}
    </div>
  )
}
