import { Button, Field, Radio, RadioGroup, Select } from '@fluentui/react-components'
import { Checkmark16Regular } from '@fluentui/react-icons'
import { useTranslation } from 'react-i18next'
import { useSignOut } from '../api/queries'
import { setThemeChoice, type ThemeChoice, useThemeChoice } from '../components/appearance'
import { useProblemText } from '../components/problem'
import { useMe } from '../components/session'
import { useOwnSettings } from '../components/settings'
import { QueryTrouble } from '../components/trouble'
import { firstLanguage, type Language, setLanguage } from '../messages'
import { Section, Trouble, Waiting } from '../ui/parts'
import { ZoneSelect } from '../ui/ZoneSelect'

const THEMES = ['system', 'light', 'dark'] as const satisfies readonly ThemeChoice[]

export function GeneralPage() {
  const { t } = useTranslation()
  const me = useMe()
  const theme = useThemeChoice()
  const { query, save, change } = useOwnSettings()
  const signOut = useSignOut()
  const say = useProblemText()
  const s = query.data
  return (
    <>
      <Section title={t('settings.appearance')} note={t('settings.appearanceNote')}>
        <Field label={t('settings.theme')}>
          <RadioGroup
            layout="horizontal"
            value={theme}
            onChange={(_e, d) => setThemeChoice(THEMES.find((x) => x === d.value) ?? 'system')}
          >
            {THEMES.map((x) => (
              <Radio key={x} value={x} label={t(`settings.themes.${x}`)} />
            ))}
          </RadioGroup>
        </Field>
      </Section>
      <Section title={t('settings.languageZone')} actions={save.isSuccess && <Saved />}>
        {query.isPending && <Waiting label={t('waiting')} rows={2} />}
        {query.error && <QueryTrouble error={query.error} again={() => void query.refetch()} />}
        {save.error && <Trouble>{say(save.error)}</Trouble>}
        {s && (
          <div className="fields">
            <Field label={t('settings.language')}>
              <Select
                value={s.language ?? ''}
                onChange={(_e, d) => {
                  const language = (d.value || undefined) as Language | undefined
                  change((own) => ({ ...own, language }))
                  localStorage.removeItem('doorlight-language')
                  void setLanguage(language ?? firstLanguage())
                }}
              >
                <option value="">{t('settings.languageBrowser')}</option>
                <option value="en" lang="en">
                  English
                </option>
                <option value="de" lang="de">
                  Deutsch
                </option>
              </Select>
            </Field>
            <Field label={t('settings.zone')}>
              <ZoneSelect
                value={s.time_zone ?? ''}
                empty={s.time_zone ? t('settings.zoneDefault') : `${t('settings.zoneDefault')} (${me.time_zone})`}
                onZone={(zone) => change((own) => ({ ...own, time_zone: zone || undefined }))}
              />
            </Field>
          </div>
        )}
      </Section>
      <Section
        title={t('settings.account')}
        note={
          <>
            {t('settings.signedInAs', { login: me.login })} · {t('settings.version', { version: me.version })}
          </>
        }
        actions={<Button onClick={() => signOut.mutate()}>{t('nav.signOut')}</Button>}
      >
        {null}
      </Section>
    </>
  )
}

export function Saved() {
  const { t } = useTranslation()
  return (
    <span className="saved" role="status">
      <Checkmark16Regular aria-hidden="true" /> {t('settings.saved')}
    </span>
  )
}
