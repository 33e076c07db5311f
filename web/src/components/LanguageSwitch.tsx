import { Button } from '@fluentui/react-components'
import { useTranslation } from 'react-i18next'
import { LANGUAGES, setLanguage } from '../messages'

/** For pages where nobody is signed in; afterwards the language is a setting. Each is named in itself. */
export function LanguageSwitch() {
  const { i18n } = useTranslation()
  const names = { en: 'English', de: 'Deutsch' }
  return (
    <div className="languages">
      {LANGUAGES.map((l) => (
        <Button
          key={l}
          appearance="subtle"
          size="small"
          lang={l}
          aria-pressed={i18n.language === l}
          onClick={() => void setLanguage(l)}
        >
          {names[l]}
        </Button>
      ))}
    </div>
  )
}
