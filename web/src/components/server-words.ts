import i18next from 'i18next'
import { LEFT_AS_IT_WAS, NESTED, sentenceOf } from '../lib/server-words'
import en from '../messages/en.json'

type FieldName = keyof typeof en.admin.audit.field

/** What the server says, in the reader's language where there are words for it. A field may stand before it. */
export function inWords(text: string): string {
  const as = /^(it answers as .+), encrypted$/.exec(text)?.[1]
  if (as) return `${inWords(as)}, ${i18next.t('server.encryptedToo')}`
  const found = sentenceOf(text)
  if (found && NESTED.some((s) => s === found.sentence))
    for (const [k, v] of Object.entries(found.values)) if (typeof v === 'string') found.values[k] = inWords(v)
  // A sentence says by its name whether it has a plural; to the types each is one of many.
  if (found) return i18next.t(`server.${found.sentence}` as 'server.empty', found.values) || text
  // Checks of Exchange and Microsoft 365 tell the code of an error behind its words.
  const [, words, code] = /^(.+\.) (\((?:Error\w+|AADSTS\d+)\))$/s.exec(text) ?? []
  if (words && code) return `${inWords(words)} ${code}`
  // Why a line was left as it was holds names, which may have full stops in them.
  const why = text.endsWith(` ${LEFT_AS_IT_WAS}`) && text.slice(0, -LEFT_AS_IT_WAS.length - 1)
  if (why && sentenceOf(why)) return `${inWords(why)} ${inWords(LEFT_AS_IT_WAS)}`
  // What happened, and what to do about it, may be sentences of their own.
  const parts = text.split(/(?<=\.) (?=[A-Z])/)
  if (parts.length > 1 && parts.every(sentenceOf)) return parts.map(inWords).join(' ')
  const [, path, rest] = /^([a-z_.[\]0-9]+): (.+)$/s.exec(text) ?? []
  if (!path || !rest || !sentenceOf(rest)) return text
  return `${fieldInWords(path)}: ${inWords(rest)}`
}

/** The name of a field. English keeps the server's, which stands in its documentation. */
export function fieldInWords(path: string): string {
  const last =
    path
      .replace(/(\[\d+\]|\.\d+)$/, '')
      .split('.')
      .at(-1) ?? ''
  if (i18next.language === 'en' || !Object.hasOwn(en.admin.audit.field, last)) return path
  return i18next.t(`admin.audit.field.${last as FieldName}`)
}
