import { useTranslation } from 'react-i18next'
import { CertificatesField, PortField, TextField, TickField } from './fields'

type Host = { host: string; port?: number; tls?: boolean; certificates?: string }

/** Where a telephone system is reached, and whether that is encrypted. */
export function HostFields<V extends Host>({
  value: x,
  wrong,
  onChange,
  port,
  tlsHint,
}: {
  value: V
  /** What is wrong with a field. */
  wrong: (field: keyof Host) => string | undefined
  onChange: (part: Partial<Host>) => void
  /** The usual one, or that one has to be given. */
  port: { usual: number } | { required: true; hint: string }
  tlsHint: string
}) {
  const { t } = useTranslation()
  return (
    <>
      <div className="fields host">
        <TextField
          label={t('admin.telephony.host')}
          hint={t('admin.telephony.hostHint')}
          required
          wrong={wrong('host')}
          value={x.host}
          max={253}
          onText={(host) => onChange({ host })}
        />
        <PortField
          label={t('admin.telephony.port')}
          {...port}
          wrong={wrong('port')}
          value={x.port}
          onPort={(n) => onChange({ port: n })}
        />
      </div>
      <TickField
        label={t('admin.telephony.tls')}
        hint={tlsHint}
        checked={x.tls === true}
        onTick={(tls) => onChange({ tls })}
      />
      {x.tls && (
        <CertificatesField
          value={x.certificates}
          wrong={wrong('certificates')}
          onText={(certificates) => onChange({ certificates })}
        />
      )}
    </>
  )
}
