import { Add20Regular, Organization24Regular } from '@fluentui/react-icons'
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useTranslation } from 'react-i18next'
import { connectorsQuery } from '../api/admin'
import { ConnectorState } from '../components/ConnectorState'
import { QueryTrouble } from '../components/trouble'
import { Empty, Page, Section, Waiting } from '../ui/parts'

/** The directories that people come from, and how they are doing. */
export function DirectoriesPage() {
  const { t } = useTranslation()
  const query = useQuery(connectorsQuery)
  const directories = query.data?.filter((c) => c.kind === 'ldap') ?? []
  return (
    <Page
      title={t('nav.directories')}
      lead={t('admin.directories.lead')}
      actions={
        <Link to="/admin/system/directories/$connector" params={{ connector: 'new' }} className="button-link primary">
          <Add20Regular aria-hidden="true" /> {t('admin.directories.add')}
        </Link>
      }
    >
      {query.isPending && <Waiting label={t('waiting')} rows={3} />}
      {query.error && <QueryTrouble error={query.error} again={() => void query.refetch()} />}
      {query.data && !directories.length && (
        <Empty icon={<Organization24Regular />} title={t('admin.directories.none')}>
          {t('admin.directories.noneHint')}
        </Empty>
      )}
      {directories.length > 0 && (
        <Section title={t('admin.directories.list')}>
          <ul className="rows" aria-label={t('admin.directories.list')}>
            {directories.map((c) => (
              <li key={c.id}>
                <div className="grow">
                  <p className="row-name">{c.name}</p>
                  <p className="note">{c.ldap?.urls.join(' · ')}</p>
                  <ConnectorState c={c} />
                </div>
                <Link
                  to="/admin/system/directories/$connector"
                  params={{ connector: c.id }}
                  className="button-link"
                  aria-label={t('admin.directories.openNamed', { name: c.name })}
                >
                  {t('edit')}
                </Link>
              </li>
            ))}
          </ul>
        </Section>
      )}
    </Page>
  )
}
