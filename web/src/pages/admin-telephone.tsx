import { ChevronRight20Regular } from '@fluentui/react-icons'
import { useQuery } from '@tanstack/react-query'
import { Link, useParams, useSearch } from '@tanstack/react-router'
import { useTranslation } from 'react-i18next'
import { connectorsQuery } from '../api/admin'
import { ConnectorActions, ConnectorPage } from '../components/ConnectorPage'
import { SystemLines } from '../components/SystemLines'
import { SystemScripts } from '../components/SystemScripts'
import { AsteriskForm } from '../forms/AsteriskForm'
import { CSTAForm } from '../forms/CSTAForm'
import { SIPForm } from '../forms/SIPForm'
import { SIPServerForm } from '../forms/SIPServerForm'
import { TELEPHONE_KINDS, telephoneKind } from '../lib/telephony'
import { Page, Section } from '../ui/parts'

const FORMS = { asterisk: AsteriskForm, csta: CSTAForm, sip: SIPForm, sip_server: SIPServerForm }

/** A telephone system: how it and its lines are doing, and its settings. A new one is of a kind that is chosen first. */
export function TelephonePage() {
  const { t } = useTranslation()
  const { connector: id = '' } = useParams({ strict: false })
  const { kind: chosen } = useSearch({ from: '/app/admin/system/telephony/$connector' })
  const { data } = useQuery(connectorsQuery)
  if (id === 'new' && !chosen) return <ChooseKind />
  const kind = (id === 'new' ? chosen : telephoneKind(data?.find((c) => c.id === id)?.kind)) ?? 'asterisk'
  return (
    <ConnectorPage
      kind={kind}
      title={id === 'new' ? t('admin.telephony.newOf', { kind: t(`admin.telephony.kind.${kind}`) }) : undefined}
      Form={FORMS[kind]}
      above={(c, dirty) => (
        <>
          <ConnectorActions
            key={c.id}
            c={c}
            dirty={dirty}
            checks
            line={t(`admin.telephony.lineHint.${kind}`)}
            deleteText={t(kind === 'sip_server' ? 'admin.sip_server.deleteText' : 'admin.telephony.deleteText')}
          />
          <SystemLines c={c} />
          {(kind === 'asterisk' || kind === 'sip_server') && <SystemScripts c={c} dirty={dirty} />}
        </>
      )}
    />
  )
}

/** The kinds of telephone systems, in words that an administrator of one knows. */
function ChooseKind() {
  const { t } = useTranslation()
  return (
    <Page
      title={t('admin.telephony.addTitle')}
      lead={<Link to="/admin/system/telephony">{t('admin.telephony.back')}</Link>}
    >
      <Section title={t('admin.telephony.choose')} note={t('admin.telephony.chooseNote')}>
        <ul className="rows kinds">
          {TELEPHONE_KINDS.map((kind) => (
            <li key={kind}>
              <Link
                to="/admin/system/telephony/$connector"
                params={{ connector: 'new' }}
                search={{ kind }}
                className="kind"
                aria-describedby={`kind-${kind}`}
              >
                <span className="grow">
                  <span className="row-name">{t(`admin.telephony.kind.${kind}`)}</span>
                </span>
                <ChevronRight20Regular aria-hidden="true" />
              </Link>
              <p className="note" id={`kind-${kind}`}>
                {t(`admin.telephony.means.${kind}`)}
              </p>
            </li>
          ))}
        </ul>
      </Section>
    </Page>
  )
}
