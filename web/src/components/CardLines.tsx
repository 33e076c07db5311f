import '../pages/telephone.css'
import { Button } from '@fluentui/react-components'
import { ChevronDown20Regular, ChevronUp20Regular } from '@fluentui/react-icons'
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { linesQuery } from '../api/queries'
import { lineWords, numbersOf } from '../lib/lines'
import { type Card, mayWrite } from '../lib/model'
import { LinePanel } from './LinePanel'

/** While the card is open it is asked so often how lines are forwarded. */
const ASK = 5_000

/** Where calls to somebody go, and, for who may change that, a way to. Nothing where nobody knows. */
export function CardLines({ card, self }: { card: Card; self: boolean }) {
  const { t } = useTranslation()
  const query = useQuery({ ...linesQuery(card.id), refetchInterval: ASK })
  const [open, setOpen] = useState(false)
  const lines = query.data?.lines.filter((l) => l.reported || l.can.length) ?? []
  const write = !self && mayWrite(card, 'forwarding') && lines.some((l) => l.can.length)
  if (!lines.length) return null
  return (
    <section className="card-lines" aria-label={t('telephone.calls')}>
      <h3>
        {t('telephone.calls')}
        {self && <Link to="/settings/telephone">{t('telephone.change')}</Link>}
      </h3>
      {write && (
        <Button
          className="card-change"
          icon={open ? <ChevronUp20Regular /> : <ChevronDown20Regular />}
          aria-expanded={open}
          onClick={() => setOpen(!open)}
        >
          {t('telephone.changeFor', { name: card.name })}
        </Button>
      )}
      {open ? (
        lines.map((l) => (
          <section key={`${l.connector} ${l.line}`} aria-label={t('telephone.lineOf', { line: l.line })}>
            {lines.length > 1 && <p className="row-name">{t('telephone.lineOf', { line: l.line })}</p>}
            <LinePanel person={card.id} line={l} numbers={numbersOf(card)} />
          </section>
        ))
      ) : (
        <ul>
          {lines.map((l) => (
            <li key={`${l.connector} ${l.line}`}>
              {lines.length > 1 && <span className="card-kind">{l.line}: </span>}
              {l.reported ? lineWords(l.reported, t) : t('telephone.notKnown')}
            </li>
          ))}
        </ul>
      )}
    </section>
  )
}
