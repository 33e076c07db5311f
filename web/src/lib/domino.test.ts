import { describe, expect, it } from 'vitest'
import type { Connector } from './connector'
import { dominoBody, dominoDraft, dominoMissing, foundBy, freshDomino } from './domino'

const sent = (x: unknown) => JSON.parse(JSON.stringify(x))

describe('a form of Domino', () => {
  const c: Connector = {
    id: 'n1',
    kind: 'domino',
    name: 'Domino',
    enabled: true,
    domino: {
      url: 'http://notes.example.com',
      account: 'Doorlight Reader/Example',
      mail_file: 'mail/{login}.nsf',
      certificates: '-----BEGIN CERTIFICATE-----',
      plaintext: true,
      limit: 4,
    },
  }

  it('comes out as it went in', () => {
    const { id: _, ...body } = c
    expect(sent(dominoBody(dominoDraft(c)))).toEqual(body)
  })

  it('leaves out what is empty, and space around words', () => {
    const domino = { url: ' https://notes.example.com ', account: ' reader ', mail_file: ' mail/{email}.nsf ' }
    const more = { certificates: ' \n', plaintext: false, limit: 0 }
    expect(sent(dominoBody({ ...freshDomino, name: ' Notes ', domino: { ...domino, ...more } }))).toEqual({
      kind: 'domino',
      name: 'Notes',
      enabled: true,
      domino: { url: 'https://notes.example.com', account: 'reader', mail_file: 'mail/{email}.nsf' },
    })
  })

  it('sends a password only if one is entered', () => {
    expect(dominoBody(dominoDraft(c)).secret).toBeUndefined()
    expect(dominoBody({ ...dominoDraft(c), secret: ' kept as it is ' }).secret).toBe(' kept as it is ')
  })

  it('knows what is missing', () => {
    expect(dominoMissing(freshDomino, false)).toEqual(['url', 'account', 'secret'])
    expect(dominoMissing({ ...dominoDraft(c), domino: { url: ' ', account: '', mail_file: ' ' } }, true)).toEqual([
      'url',
      'account',
      'mail_file',
    ])
    expect(dominoMissing(dominoDraft(c), true)).toEqual([])
  })

  it('knows by what a mail file is found', () => {
    expect(foundBy(c.domino)).toBe('login')
    expect(foundBy({ mail_file: 'mail/{local}.nsf' })).toBe('email')
    expect(foundBy(undefined)).toBe('email')
  })
})
