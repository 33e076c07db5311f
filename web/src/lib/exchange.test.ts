import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import type { Connector } from './connector'
import {
  ACCESSES,
  AUTHS,
  configText,
  exchangeBody,
  exchangeDraft,
  exchangeMissing,
  freshExchange,
  NAMES,
  NOTIFIES,
  signInFields,
} from './exchange'

const sent = (x: unknown) => JSON.parse(JSON.stringify(x))
const draft = (part: Partial<typeof freshExchange>, exchange: Partial<typeof freshExchange.exchange> = {}) => ({
  ...freshExchange,
  name: ' Berlin ',
  ...part,
  exchange: { ...freshExchange.exchange, account: 'svc@example.com', ...exchange },
})

describe('a form of Exchange', () => {
  it('comes out as it went in', () => {
    const c: Connector = {
      id: 'x1',
      kind: 'exchange',
      name: 'Berlin',
      enabled: true,
      exchange: {
        domains: ['example.com', 'example.org'],
        autodiscover: 'https://auto.example.com',
        auth: 'kerberos',
        account: 'svc',
        domain: 'corp.example.com',
        kdcs: ['dc1', 'dc2'],
        access: 'impersonation',
        names: 'smtp',
        notify: 'pull',
        pull_seconds: 30,
        limit: 20,
      },
    }
    const { id: _, ...body } = c
    expect(sent(exchangeBody(exchangeDraft(c)))).toEqual(body)
  })

  it('sends where its servers are in one way only, as the server wants it', () => {
    const both = { url: 'https://mail.example.com/', autodiscover: 'https://auto.example.com' }
    const fixed = exchangeBody(draft({ way: 'address', domains: 'example.com' }, both)).exchange
    expect([fixed?.url, fixed?.domains, fixed?.autodiscover]).toEqual([both.url, undefined, undefined])
    const found = exchangeBody(draft({ way: 'autodiscover', domains: 'a.example, b.example' }, both)).exchange
    expect([found?.url, found?.domains, found?.autodiscover]).toEqual([
      undefined,
      ['a.example', 'b.example'],
      both.autodiscover,
    ])
  })

  it('sends only what its way of signing in needs', () => {
    const all = { domain: 'd', realm: 'R', spn: 's', token_url: 'https://t', scope: 'o' }
    const of = (auth: (typeof AUTHS)[number]) =>
      Object.keys(sent(exchangeBody(draft({ kdcs: 'dc1' }, { ...all, auth })).exchange)).filter((k) =>
        [...Object.keys(all), 'kdcs'].includes(k),
      )
    for (const auth of AUTHS) expect(of(auth).sort()).toEqual([...signInFields(auth)].sort())
    expect(of('basic')).toEqual([])
    expect(of('oauth')).toEqual(['token_url', 'scope'])
  })

  it('asks for no changes where Exchange tells of none', () => {
    expect(exchangeBody(draft({}, { access: 'delegate', notify: 'pull', pull_seconds: 9 })).exchange).toMatchObject({
      notify: 'none',
      pull_seconds: undefined,
    })
    expect(exchangeBody(draft({}, { notify: 'stream', pull_seconds: 9 })).exchange?.pull_seconds).toBeUndefined()
  })

  it('reads a file of another product in any encoding, and sends it in one', () => {
    const xml = (encoding: string) => `<?xml version="1.0"${encoding}?>\n<configuration>für alle</configuration>`
    const utf16 = Uint8Array.from([0xff, 0xfe, ...[...xml(' encoding="utf-16"')].flatMap((c) => [c.charCodeAt(0), 0])])
    expect(configText(utf16)).toBe(xml(''))
    expect(configText(new TextEncoder().encode(xml(" encoding='UTF-8'")))).toBe(xml(''))
    expect(configText(new TextEncoder().encode(xml(' encoding="utf-8" standalone="yes"')))).toBe(
      xml(' standalone="yes"'),
    )
    expect(configText(new TextEncoder().encode('<a encoding="x"/>'))).toBe('<a encoding="x"/>')
  })

  it('knows what is missing', () => {
    const empty = { ...freshExchange, exchange: { ...freshExchange.exchange, auth: 'oauth' as const } }
    expect(exchangeMissing(empty, false)).toEqual(['domains', 'account', 'secret', 'token_url'])
    expect(exchangeMissing({ ...empty, way: 'address' }, true)).toEqual(['url', 'account', 'token_url'])
    expect(exchangeMissing(draft({ domains: 'example.com', secret: 's' }), false)).toEqual([])
  })

  it('offers every choice that the server has', () => {
    const go = readFileSync('../internal/connector/exchange.go', 'utf8')
    for (const [field, words] of Object.entries({ auth: AUTHS, access: ACCESSES, names: NAMES, notify: NOTIFIES }))
      expect(go).toContain(`json:"${field},omitempty" enum:"${words.join(',')}"`)
  })
})
