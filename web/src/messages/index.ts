import i18next from 'i18next'
import { initReactI18next } from 'react-i18next'
import type en from './en.json'

declare module 'i18next' {
  interface CustomTypeOptions {
    defaultNS: 'translation'
    resources: { translation: typeof en }
  }
}

export const LANGUAGES = ['en', 'de'] as const
export type Language = (typeof LANGUAGES)[number]

/** Each language is a file of its own, so that nobody loads what they do not read. */
const files: Record<Language, () => Promise<{ default: typeof en }>> = {
  en: () => import('./en.json'),
  de: () => import('./de.json'),
}

const key = 'doorlight-language'

/** Before the sign-in: what was used last here, else the browser's language. */
export function firstLanguage(): Language {
  const before = localStorage.getItem(key)
  const wanted = [before, ...navigator.languages].map((l) => l?.slice(0, 2).toLowerCase())
  return wanted.map((w) => LANGUAGES.find((l) => l === w)).find(Boolean) ?? 'en'
}

export async function startMessages(language: Language): Promise<void> {
  await i18next.use(initReactI18next).init({
    lng: language,
    resources: { [language]: { translation: (await files[language]()).default } },
    interpolation: { escapeValue: false }, // React escapes
    returnNull: false,
  })
  document.documentElement.lang = language
}

export async function setLanguage(language: Language): Promise<void> {
  if (!i18next.hasResourceBundle(language, 'translation')) {
    i18next.addResourceBundle(language, 'translation', (await files[language]()).default)
  }
  localStorage.setItem(key, language)
  document.documentElement.lang = language
  if (i18next.language !== language) await i18next.changeLanguage(language)
}
