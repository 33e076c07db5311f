import { Button, Field, Input, Select } from '@fluentui/react-components'
import { Add20Regular, Delete20Regular } from '@fluentui/react-icons'
import { useTranslation } from 'react-i18next'
import type { Schemas, Template } from '../lib/model'
import { shipped } from '../lib/shipped'

type Code = Schemas['Code']

/** Feature codes with which people choose a profile at their telephone (L2). */
export function FeatureCodes({
  codes,
  templates,
  off,
  wrong,
  onCodes,
}: {
  codes: Code[]
  templates: Template[]
  off: boolean
  /** What the server found wrong with a field, such as [0].code. */
  wrong: (field: string) => string | undefined
  onCodes: (codes: Code[]) => void
}) {
  const { t } = useTranslation()
  const active = templates.filter((x) => x.active)
  const put = (i: number, part: Partial<Code>) => onCodes(codes.map((c, j) => (j === i ? { ...c, ...part } : c)))
  return (
    <section className="stack" aria-label={t('admin.telephonyOf.codes')}>
      <div>
        <h3 className="field-like">{t('admin.telephonyOf.codes')}</h3>
        <p className="note">{t('admin.telephonyOf.codesNote')}</p>
      </div>
      {codes.length > 0 && (
        <ul className="line-rows codes">
          {codes.map((c, i) => {
            const known = active.some((x) => x.id === c.profile)
            return (
              // biome-ignore lint/suspicious/noArrayIndexKey: a code is changed in its row
              <li key={i}>
                <Field label={t('admin.telephonyOf.code')} validationMessage={wrong(`[${i}].code`)}>
                  <Input
                    value={c.code}
                    disabled={off}
                    maxLength={20}
                    autoComplete="off"
                    inputMode="tel"
                    placeholder="*81"
                    onChange={(_e, d) => put(i, { code: d.value.replace(/\s/g, '') })}
                  />
                </Field>
                <Field label={t('admin.telephonyOf.codeProfile')} validationMessage={wrong(`[${i}].profile`)}>
                  <Select value={c.profile} disabled={off} onChange={(_e, d) => put(i, { profile: d.value })}>
                    {!known && (
                      <option value={c.profile}>
                        {shipped(templates.find((x) => x.id === c.profile)?.name ?? c.profile, t)}
                      </option>
                    )}
                    {active.map((x) => (
                      <option key={x.id} value={x.id}>
                        {shipped(x.name, t)}
                      </option>
                    ))}
                  </Select>
                </Field>
                {!off && (
                  <Button
                    appearance="subtle"
                    icon={<Delete20Regular />}
                    aria-label={t('admin.telephonyOf.codeRemove', { code: c.code })}
                    onClick={() => onCodes(codes.filter((_, j) => j !== i))}
                  />
                )}
              </li>
            )
          })}
        </ul>
      )}
      {!off && codes.length < 50 && (
        <div>
          <Button
            icon={<Add20Regular />}
            onClick={() => onCodes([...codes, { code: '', profile: active[0]?.id ?? '' }])}
          >
            {t('admin.telephonyOf.codeAdd')}
          </Button>
        </div>
      )}
    </section>
  )
}
