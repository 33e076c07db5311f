import { readdirSync, readFileSync } from 'node:fs'
import i18next from 'i18next'
import { beforeAll, describe, expect, it } from 'vitest'
import { inWords } from '../components/server-words'
import de from '../messages/de.json'
import en from '../messages/en.json'
import { SENTENCES, sentenceOf } from './server-words'

const sources = readdirSync('../internal', { recursive: true, encoding: 'utf8' })
  .filter((f) => f.endsWith('.go') && !f.endsWith('_test.go'))
  .map((f) => readFileSync(`../internal/${f}`, 'utf8'))
  .join('\n')

/** What stands between or beside sentences that Go joins with +: a name, or a call. */
const VALUE = String.raw`[\w.]+(?:\((?:[^()"]|"[^"]*"|\([^()]*\))*\))?`
/** What counts things has a word for one and another for more. */
const COUNTED = /"\s*\+\s*number\((?:[^()"]|\([^()]*\))+, "(\w+)", "(\w+)"\)(?:(\s*\+\s*")|)/g
/** Why a line was left as it was is said with and without the sentence behind it. */
const told = sources
  .replaceAll(' The forwarding was left as it was."', '" + "The forwarding was left as it was."')
  .replace(/\btold\([\w.]+, "( [^"]+)"\)/g, '"%s$1"') // behind the name of somebody
const one = told.replace(COUNTED, (_, word: string, __, on?: string) => `1 ${word}${on ? '' : '"'}`)
const many = told.replace(COUNTED, (_, __, words: string, on?: string) => `%d ${words}${on ? '' : '"'}`)
const joined = [one, many]
  .join('\n')
  .replace(/"\s*\+\s*"(?!The forwarding was left)/g, '')
  .replace(new RegExp(String.raw`"\s*\+\s*${VALUE}\s*\+\s*"`, 'g'), '%s')
  .replace(new RegExp(String.raw`${VALUE}\s*\+\s*"`, 'g'), '"%s')
  .replace(new RegExp(String.raw`"\s*\+\s*${VALUE}(?=[,;)\n}])`, 'g'), '%s"')

describe('sentences of the server', () => {
  it.each(Object.entries(SENTENCES))('%s is still said', (_, format) => {
    expect(told.includes(`"${format}"`) || joined.includes(`"${format}"`), format).toBe(true)
  })

  it.each(Object.entries(SENTENCES))('%s has words', (sentence) => {
    const words = en.server as Record<string, string>
    expect(words[sentence] ?? words[`${sentence}_other`]).toBeDefined()
  })

  it('are recognised with their values', () => {
    expect(sentenceOf('"Zo\\u00eb \\"Z\\"" is taken')).toEqual({ sentence: 'taken', values: { a: 'Zoë "Z"' } })
    expect(sentenceOf('7 people still belong to the location')?.values.count).toBe(7)
    expect(sentenceOf('has 12 cells; the heading has 4')?.values).toEqual({ a: '12', b: '4', count: 12 })
    expect(sentenceOf('the account is disabled in the directory')?.sentence).toBe('accountDisabled')
    expect(sentenceOf('something else entirely')).toBeUndefined()
  })
})

describe('in words', () => {
  beforeAll(() =>
    i18next.init({
      lng: 'en',
      resources: { en: { translation: en }, de: { translation: de } },
      interpolation: { escapeValue: false },
    }),
  )

  it('says in English what the server says, but for the number one', async () => {
    await i18next.changeLanguage('en')
    for (const [sentence, format] of Object.entries(SENTENCES)) {
      let n = 7
      const text = format.replace(/%[dqsv]/g, (v) => (v === '%d' ? String(n++) : v === '%q' ? '"x"' : 'x'))
      expect(inWords(text), sentence).toBe(text)
    }
    expect(inWords('1 people still belong to the location')).toBe('1 person still belongs to the location')
  })

  it('says it in German, and leaves what it does not know', async () => {
    await i18next.changeLanguage('de')
    expect(inWords('"Köln" is taken')).toBe('„Köln“ ist vergeben')
    expect(inWords('3 people still belong to the location')).toBe('Noch 3 Personen gehören zu dem Standort')
    expect(inWords('login: must not be empty')).toBe('Anmeldename: darf nicht leer sein')
    expect(inWords('asterisk.devices.0: a device with {line} for the number, such as PJSIP/{line}')).toBe(
      'Geräte: ein Gerät mit {line} für die Nummer, zum Beispiel PJSIP/{line}',
    )
    expect(inWords('nobody knows this')).toBe('nobody knows this')
    expect(inWords('Exchange knows no mailbox with this address. (ErrorNonExistentMailbox)')).toBe(
      'Exchange kennt kein Postfach mit dieser Adresse. (ErrorNonExistentMailbox)',
    )
    expect(inWords("The application's secret has expired. (AADSTS7000222)")).toBe(
      'Das Geheimnis der Anwendung ist abgelaufen. (AADSTS7000222)',
    )
    expect(inWords('The calendar can be read: 1 entries from yesterday to the day after tomorrow.')).toBe(
      'Der Kalender kann gelesen werden: 1 Eintrag von gestern bis übermorgen.',
    )
    expect(inWords('The sign-in has expired. Connect the account again.')).toBe(
      'Die Anmeldung ist abgelaufen. Verbinden Sie das Konto noch einmal.',
    )
    expect(inWords('The sign-in has expired. Nobody knows this.')).toBe('The sign-in has expired. Nobody knows this.')
    expect(inWords('1 people are kept in step with Teams, 1 of them are found there')).toBe(
      '1 Person wird mit Teams abgeglichen, 1 davon ist dort gefunden',
    )
    expect(inWords('it is known, with 1 address')).toBe('er ist bekannt, mit 1 Adresse')
    expect(inWords('it can be read: 3 appointments in the next 24 hours')).toBe(
      'er kann gelesen werden: 3 Termine in den nächsten 24 Stunden',
    )
    expect(inWords('Dr. Ulrike von Stein does not want to be disturbed. The forwarding was left as it was.')).toBe(
      'Dr. Ulrike von Stein möchte nicht gestört werden. Die Umleitung blieb, wie sie war.',
    )
    expect(inWords('Break forwards calls, but your home number is empty. The forwarding was left as it was.')).toBe(
      '„Break“ leitet Anrufe um, aber die Privatnummer ist leer. Die Umleitung blieb, wie sie war.',
    )
    expect(inWords('The target for external calls is no number that a telephone could dial.')).toBe(
      'Das Ziel für externe Anrufe ist keine Nummer, die ein Telefon wählen könnte.',
    )
    expect(inWords('it answers as Asterisk Call Manager/9.0.0, encrypted')).toBe(
      'sie antwortet als Asterisk Call Manager/9.0.0, verschlüsselt',
    )
    expect(inWords('calls ring at addresses such as sip:201@pbx, but no telephone system is trusted')).toBe(
      'Anrufe klingeln an Adressen wie sip:201@pbx, aber keine Telefonanlage darf fragen',
    )
    expect(inWords('There is no mail file /mail/tom.nsf on this server (404).')).toBe(
      'Auf diesem Server gibt es keine Mail-Datei /mail/tom.nsf (404).',
    )
  })
})
