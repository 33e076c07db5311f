import { Button } from '@fluentui/react-components'
import { Link, useRouter } from '@tanstack/react-router'
import { useTranslation } from 'react-i18next'
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

export function PageTrouble({ error }: { error: unknown }) {
  const { t } = useTranslation()
  const say = useProblemText()
  const router = useRouter()
  return (
    <div className="page">
      <Trouble
        title={t('problem.title')}
        action={
          <Button size="small" onClick={() => router.invalidate()}>
            {t('problem.again')}
          </Button>
        }
      >
        {say(error)}
      </Trouble>
    </div>
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
