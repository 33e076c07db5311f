import './telephone.css'
import { Call24Regular } from '@fluentui/react-icons'
import { useQuery } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { linesQuery } from '../api/queries'
import { DeskTelephones } from '../components/DeskTelephones'
import { LinePanel } from '../components/LinePanel'
import { useMe } from '../components/session'
import { QueryTrouble } from '../components/trouble'
import { numbersOf } from '../lib/lines'
import { shipped } from '../lib/shipped'
import { Empty, Section, Waiting } from '../ui/parts'

/** While the page is open it is asked so often how lines are forwarded. */
const ASK = 4_000

/** A person's telephone: how each line is forwarded, what presence asks for, and by hand. */
export function TelephoneSettingsPage() {
  const { t } = useTranslation()
  const me = useMe()
  const query = useQuery({ ...linesQuery('me'), refetchInterval: ASK })
  const lines = query.data?.lines
  return (
    <>
      {query.error && <QueryTrouble error={query.error} again={() => void query.refetch()} />}
      {query.isPending && <Waiting label={t('waiting')} rows={4} />}
      {lines?.length === 0 && (
        <Section title={t('telephone.title')}>
          <Empty icon={<Call24Regular />} title={t('telephone.none')}>
            {t('telephone.noneHint')}
          </Empty>
        </Section>
      )}
      {lines?.map((l, i) => (
        <Section
          key={`${l.connector} ${l.line}`}
          title={t('telephone.lineOf', { line: l.line })}
          note={
            i === 0 && lines.length > 1
              ? t('telephone.mainIn', { system: l.system })
              : t('telephone.inSystem', { system: l.system })
          }
        >
          <LinePanel
            person="me"
            line={l}
            numbers={numbersOf({ ...me.person, voicemail_number: me.voicemail_number })}
          />
        </Section>
      ))}
      {!!query.data?.codes?.length && (
        <Section title={t('telephone.codes')} note={t('telephone.codesNote')}>
          <dl className="facts">
            {query.data.codes.map((c) => (
              <div key={c.code}>
                <dt>{c.code}</dt>
                <dd>{shipped(c.name, t)}</dd>
              </div>
            ))}
          </dl>
        </Section>
      )}
      <DeskTelephones />
    </>
  )
}
