import { useQuery } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { scriptsQuery } from '../api/admin'
import type { Connector } from '../lib/connector'
import { Section, Waiting } from '../ui/parts'
import { CopyBlock } from './CopyField'
import { usePublicURL } from './session'
import { QueryTrouble } from './trouble'

/** What an administrator of a system runs there to set it up, each with its purpose; they open when they are wanted. */
export function SystemScripts({ c, dirty }: { c: Connector; dirty: boolean }) {
  const { t } = useTranslation()
  const query = useQuery(scriptsQuery(c.id, usePublicURL()))
  return (
    <Section title={t('admin.systems.scripts')} note={t('admin.systems.scriptsNote')}>
      {query.isPending && <Waiting label={t('waiting')} rows={3} />}
      {query.error && <QueryTrouble error={query.error} again={() => void query.refetch()} />}
      {dirty && <p className="note">{t('admin.systems.scriptsSaved')}</p>}
      <ul className="scripts" aria-label={t('admin.systems.scripts')}>
        {query.data?.map((s) => (
          <li key={s.name}>
            <details>
              <summary>{t(`admin.systems.script.${s.name}`)}</summary>
              <div className="stack">
                <p className="note">
                  {t(`admin.systems.scriptHint.${s.name}`)} {t(`admin.systems.shell.${s.shell}`)}
                </p>
                <CopyBlock label={t(`admin.systems.script.${s.name}`)} text={s.text} />
              </div>
            </details>
          </li>
        ))}
      </ul>
    </Section>
  )
}
