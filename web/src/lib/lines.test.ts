import i18next, { type TFunction } from 'i18next'
import { beforeAll, describe, expect, it } from 'vitest'
import de from '../messages/de.json'
import en from '../messages/en.json'
import {
  groupAddresses,
  handBody,
  handDraft,
  keyAddress,
  lineState,
  lineWords,
  modeName,
  modeOf,
  modesFor,
  numbersMissing,
  numbersOf,
  type PersonLine,
  serverAddresses,
  targetsOf,
  wayOf,
  withSystem,
  withWay,
} from './lines'

const ASTERISK = ['do_not_disturb', 'all', 'busy', 'no_answer'] as const satisfies PersonLine['can']
const CSTA = ['all', 'internal', 'external', 'do_not_disturb'] as const satisfies PersonLine['can']

const line = (part: Partial<PersonLine> = {}): PersonLine => ({
  connector: 't1',
  system: 'PBX',
  line: '302',
  can: [...ASTERISK],
  reported: {},
  follows: true,
  settled: true,
  ...part,
})

describe('in words', () => {
  let t: TFunction
  beforeAll(async () => {
    t = await i18next.init({
      lng: 'en',
      resources: { en: { translation: en }, de: { translation: de } },
      interpolation: { escapeValue: false },
    })
  })

  it('says each part of a forwarding, and that there is none', () => {
    expect(lineWords({}, t)).toBe('Not forwarded')
    expect(lineWords({ do_not_disturb: true }, t)).toBe('Do not disturb')
    expect(lineWords({ internal: '201', external: '0301', one_number: '0171' }, t)).toBe(
      'Internal calls to 201, external calls to 0301, One Number Service: rings at 0171 too',
    )
  })
})

describe('by hand', () => {
  it('offers only what the telephone system can do', () => {
    expect(modesFor([])).toEqual([])
    expect(modesFor(ASTERISK)).toEqual(['off', 'all', 'unanswered', 'do_not_disturb'])
    expect(modesFor(CSTA)).toEqual(['off', 'all', 'internal', 'external', 'several', 'do_not_disturb'])
    expect(modesFor(['all'])).toEqual(['off', 'all'])
    expect(targetsOf('unanswered', ['busy'])).toEqual(['busy'])
    expect(modeName('unanswered', ['no_answer', 'all'])).toBe('no_answer')
    expect(modeName('unanswered', ASTERISK)).toBe('unanswered')
    expect(modeName('all', ['all'])).toBe('all')
  })

  it('begins with what is reported', () => {
    expect(modeOf({}, ASTERISK)).toBe('off')
    expect(modeOf({ one_number: '0171' }, ASTERISK)).toBe('off')
    expect(modeOf({ do_not_disturb: true }, ASTERISK)).toBe('do_not_disturb')
    expect(modeOf({ busy: '1' }, ASTERISK)).toBe('unanswered')
    expect(modeOf({ internal: '1' }, CSTA)).toBe('internal')
    expect(modeOf({ internal: '1', external: '2' }, CSTA)).toBe('several')
    expect(modeOf({ do_not_disturb: true, all: '1' }, CSTA)).toBeUndefined()
    expect(modeOf({ all: '1', busy: '2' }, ASTERISK)).toBeUndefined()
    expect(handDraft(line({ reported: undefined }))).toEqual({ mode: undefined, numbers: {} })
  })

  it('sends what is chosen, and nothing else', () => {
    const numbers = { all: ' 0171 ', busy: '201', external: '9' }
    const at = { connector: 't1', line: '302' }
    expect(handBody(line(), { mode: 'off', numbers })).toEqual(at)
    expect(handBody(line(), { mode: 'all', numbers })).toEqual({ ...at, all: '0171' })
    expect(handBody(line(), { mode: 'unanswered', numbers })).toEqual({ ...at, busy: '201' })
    expect(handBody(line(), { mode: 'do_not_disturb', numbers })).toEqual({ ...at, do_not_disturb: true })
  })

  it('needs at least one number', () => {
    expect(numbersMissing({ mode: 'unanswered', numbers: { all: '1' } }, ASTERISK)).toEqual(['busy', 'no_answer'])
    expect(numbersMissing({ mode: 'unanswered', numbers: { no_answer: '1' } }, ASTERISK)).toEqual([])
    expect(numbersMissing({ mode: 'off', numbers: {} }, ASTERISK)).toEqual([])
  })

  it('offers own numbers', () => {
    expect(numbersOf({ home_number: '030', voicemail_number: '*97' })).toEqual([
      { kind: 'home', number: '030' },
      { kind: 'voicemail', number: '*97' },
    ])
  })
})

it('says how far a line is what presence asks for', () => {
  expect(lineState(line())).toBe('settled')
  expect(lineState(line({ wanted: { all: '1' }, settled: false }))).toBe('changing')
  expect(lineState(line({ refusal: 'no' }))).toBe('refused')
  expect(lineState(line({ follows: undefined }))).toBe('alone')
  expect(lineState(line({ reported: undefined }))).toBe('unknown')
  expect(lineState(line({ problem: 'away', refusal: 'no', reported: undefined }))).toBe('failed')
})

describe('for a scope', () => {
  const systems = [
    { id: 'a', kind: 'asterisk', lines: true, forwards: true },
    { id: 's', kind: 'sip', lines: true, forwards: false },
    { id: 'r', kind: 'sip_server', lines: false, forwards: true },
  ] as const

  it('forwards by the system itself, by a server, or not', () => {
    expect(wayOf({})).toBe('off')
    expect(wayOf({ connector: 'a', forwarding: 'a' })).toBe('system')
    expect(wayOf({ connector: 'a', forwarding: 'r' })).toBe('server')
    expect(wayOf({ forwarding: 'r' })).toBe('server')
    expect(withWay({ connector: 'a' }, 'system', systems)).toEqual({ connector: 'a', forwarding: 'a' })
    expect(withWay({ connector: 'a', forwarding: 'a' }, 'server', systems)).toEqual({ connector: 'a', forwarding: 'r' })
    expect(withWay({ connector: 'a', forwarding: 'a' }, 'off', systems)).toEqual({ connector: 'a' })
  })

  it('keeps the way when the system changes, where that can forward', () => {
    const more = [...systems, { id: 'b', kind: 'csta', lines: true, forwards: true } as const]
    expect(withSystem({ connector: 'a', forwarding: 'a' }, 'b', more)).toEqual({ connector: 'b', forwarding: 'b' })
    expect(withSystem({ connector: 'a', forwarding: 'a' }, 's', more)).toEqual({ connector: 's' })
    expect(withSystem({ connector: 'a', forwarding: 'r' }, 's', more)).toEqual({ connector: 's', forwarding: 'r' })
    expect(withSystem({ connector: 'a' }, undefined, more)).toEqual({})
  })
})

describe('desk telephones', () => {
  const server = { name: 'S', domains: [], addresses: ['udp:0.0.0.0:5060', 'tls:[::]:5061', 'udp:10.0.0.1:5060'] }

  it('says where they sign in', () => {
    expect(serverAddresses(server, 'here')).toEqual({ host: 'here', at: ['UDP 5060', 'TLS 5061'] })
    expect(serverAddresses({ ...server, host: 'sip.example.com', addresses: [] }, 'here')).toEqual({
      host: 'sip.example.com',
      at: [],
    })
  })

  it('says what a key subscribes to', () => {
    expect(keyAddress(server, 'here', '+49 (30) 555-302')).toBe('sip:+4930555302@here')
    const other = { host: 'sip.example.com', domains: ['example.com'], addresses: ['udp:0.0.0.0:5070'] }
    expect(keyAddress(other, 'here', 'anna')).toBe('sip:anna@example.com')
    expect(keyAddress({ ...other, domains: [] }, 'here', '302')).toBe('sip:302@sip.example.com:5070')
  })

  it('names the lists of groups as the server does', () => {
    const names = ['Sales & North', 'Über uns', 'sales north', 'Favourites', '…'].map((name) => ({ name }))
    expect(groupAddresses(names).map((g) => g.address)).toEqual([
      'sales-north',
      'ueber-uns',
      'sales-north-2',
      'favourites-2',
    ])
  })
})
