import { Button } from '@fluentui/react-components'
import { Link, useRouter } from '@tanstack/react-router'
import { useEffect } from 'react'
import { useTranslation } from 'react-i18next'
import { Problem } from '../api/errors'
import { Logo, Trouble, useTitle } from '../ui/parts'
import { useProblemText } from './problem'

export function NotFound() {
  const { t } = useTranslation()
  useTitle(t('problem.notFound'))
  return (
    <main className="door">
      <div className="door-card">
        <div className="door-brand">
          <Logo size={48} />
          <div>
            <h1>{t('problem.notFound')}</h1>
            <p className="note">{t('problem.notFoundHint')}</p>
          </div>
        </div>
        <Link to="/">{t('problem.toTeam')}</Link>
      </div>
    </main>
  )
}

/** How often a page that could not be opened is tried again while the server is away. */
const TRY_AGAIN = 5_000

export function PageTrouble({ error }: { error: unknown }) {
  const { t } = useTranslation()
  const say = useProblemText()
  const router = useRouter()
  const away = error instanceof Problem && (error.status === 0 || error.status >= 500)
  useEffect(() => {
    if (!away) return
    const again = () => void router.invalidate()
    const timer = setInterval(again, TRY_AGAIN)
    globalThis.addEventListener('online', again)
    return () => {
      clearInterval(timer)
      globalThis.removeEventListener('online', again)
    }
  }, [away, router])
  return (
    <main className="door">
      <div className="door-card">
        <div className="door-brand">
          <Logo size={48} />
          <h1>{t('problem.title')}</h1>
        </div>
        <Trouble
          action={
            <Button size="small" onClick={() => router.invalidate()}>
              {t('problem.again')}
            </Button>
          }
        >
          {say(error)}
        </Trouble>
      </div>
    </main>
  )
}

/** A query that did not work, with a way to try again. */
export function QueryTrouble({ error, again }: { error: unknown; again: () => void }) {
  const { t } = useTranslation()
  const say = useProblemText()
  return (
    <Trouble
      title={t('problem.title')}
      action={
        <Button size="small" onClick={again}>
          {t('problem.again')}
        </Button>
      }
    >
      {say(error)}
    </Trouble>
  )
}
