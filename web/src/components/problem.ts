import { useTranslation } from 'react-i18next'
import { Problem } from '../api/errors'
import { isUse, type Use } from '../lib/scope'
import { inWords } from './server-words'

/** The words for an error: the server's own where it gave some. */
export function useProblemText(): (error: unknown) => string {
  const { t, i18n } = useTranslation()
  return (error) => {
    if (!(error instanceof Problem)) return t('problem.other')
    if (error.status === 0) return t('problem.offline')
    if (error.status === 401) return t('problem.signedOut')
    // The server says more, but often in English only.
    if (
      error.status === 403 &&
      (!error.message || (i18n.language !== 'en' && inWords(error.message) === error.message))
    )
      return t('problem.notAllowed')
    if (error.status === 404) return t('problem.notThere')
    if (error.status === 429) return inWords(error.message) || t('problem.tooMany')
    const fields = error.fields.map((f) => `${f.field.replace(/^body\./, '')}: ${f.message}`)
    const said = [error.message, ...fields.filter((f) => !error.message.includes(f))].filter(Boolean)
    return said.map(inWords).join(' · ') || t('problem.other')
  }
}

/** What the server finds wrong with one field of a form. */
export const wrongWith = (error: unknown, field: string): string | undefined =>
  error instanceof Problem ? said(error.field(field)) : undefined

const said = (text: string | undefined) => (text === undefined ? undefined : inWords(text))

/** What the server finds wrong with a field that holds several values. */
export const wrongWithin = (error: unknown, field: string): string | undefined =>
  error instanceof Problem
    ? error.fields
        .filter((f) => new RegExp(`^(body\\.)?${field.replaceAll('.', '\\.')}($|[.[])`).test(f.field))
        .map((f) => inWords(f.message))
        .join(' · ') || undefined
    : undefined

/** Whether everything that is wrong shows at these fields of a form, so that it need not be told again. */
export function toldAtFields(error: unknown, fields: readonly string[]): boolean {
  if (!(error instanceof Problem) || !error.fields.length) return false
  return error.fields.every((f) => fields.includes(f.field.replace(/^body\./, '')))
}

/** Where something is still used, by a refusal that names the places: fields of the settings, or people's own ones. */
export function usedIn(error: unknown): (Use | 'templates')[] {
  if (!(error instanceof Problem) || error.status !== 409) return []
  const paths = error.fields.map((f) => f.field.replace(/^body\./, ''))
  return [...new Set(paths)].filter((p): p is Use | 'templates' => p === 'templates' || isUse(p))
}
