import { Add20Regular } from '@fluentui/react-icons'
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import { connectorsQuery } from '../api/admin'
import type { Connector, Kind } from '../lib/connector'
import { Empty, Page, Section, Waiting } from '../ui/parts'
import { ConnectorState } from './ConnectorState'
import { CONNECTOR_PLACES } from './places'
import { QueryTrouble } from './trouble'

/** The page that lists the outside systems of a kind, and how they are doing. */
export function ConnectorList({
  kind,
  icon,
  about,
}: {
  /** Several share the page of the first. */
  kind: Kind | readonly [Kind, ...Kind[]]
  icon: ReactNode
  /** What tells one from another beside its name. */
  about: (c: Connector) => ReactNode
}) {
  const { t } = useTranslation()
  const query = useQuery(connectorsQuery)
  const kinds = typeof kind === 'string' ? ([kind] as const) : kind
  const { name, one } = CONNECTOR_PLACES[kinds[0]]
  const all = query.data?.filter((c) => kinds.includes(c.kind)) ?? []
  return (
    <Page
      title={t(`nav.${name}`)}
      lead={t(`admin.${name}.lead`)}
      actions={
        <Link to={one} params={{ connector: 'new' }} className="button-link primary">
          <Add20Regular aria-hidden="true" /> {t(`admin.${name}.add`)}
        </Link>
      }
    >
      {query.isPending && <Waiting label={t('waiting')} rows={3} />}
      {query.error && <QueryTrouble error={query.error} again={() => void query.refetch()} />}
      {query.data && !all.length && (
        <Empty icon={icon} title={t(`admin.${name}.none`)}>
          {t(`admin.${name}.noneHint`)}
        </Empty>
      )}
      {all.length > 0 && (
        <Section title={t(`admin.${name}.list`)}>
          <ul className="rows" aria-label={t(`admin.${name}.list`)}>
            {all.map((c) => (
              <li key={c.id}>
                <div className="grow">
                  <p className="row-name">{c.name}</p>
                  <p className="note long">{about(c)}</p>
                  <ConnectorState c={c} />
                </div>
                <Link
                  to={one}
                  params={{ connector: c.id }}
                  className="button-link"
                  aria-label={t(`admin.${name}.openNamed`, { name: c.name })}
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
