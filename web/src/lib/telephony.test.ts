import { describe, expect, it } from 'vitest'
import type { Connector } from './connector'
import {
  asteriskBody,
  asteriskDraft,
  asteriskMissing,
  cstaBody,
  cstaDraft,
  cstaMissing,
  freshAsterisk,
  freshCSTA,
  freshSIP,
  freshSIPServer,
  rows,
  sipBody,
  sipDraft,
  sipMissing,
  sipServerBody,
  sipServerDraft,
  sipServerMissing,
  telephoneKind,
  whereIs,
} from './telephony'

const connector = (c: Partial<Connector>): Connector => ({
  id: 't',
  kind: 'asterisk',
  name: 'PBX',
  enabled: true,
  ...c,
})

it('takes one number a line, spaces and all', () => {
  expect(rows(' +49 30 1234\n\n2XX, 3XX \n')).toEqual(['+49 30 1234', '2XX, 3XX'])
})

it('knows the kinds', () => {
  expect(telephoneKind('csta')).toBe('csta')
  expect(telephoneKind('exchange')).toBeUndefined()
})

describe('an Asterisk', () => {
  const saved = connector({
    asterisk: {
      host: 'pbx.example.com',
      port: 5040,
      username: 'doorlight',
      auth: 'plain',
      plaintext: true,
      context: 'ext-local',
      devices: ['PJSIP/{line}'],
      prefixes: ['+49 30 1234'],
      internal: ['2XX', '7.'],
      forwarding: 'freepbx',
      families: { all: 'CF2', busy: '-', all_states: ['Custom:CF{line}', '-'] },
    },
  })

  it('is sent as it was read', () => {
    expect(asteriskBody(asteriskDraft(saved))).toEqual({
      kind: 'asterisk',
      name: 'PBX',
      enabled: true,
      secret: undefined,
      asterisk: saved.asterisk,
    })
  })

  it('sends nothing that does not apply', () => {
    const d = asteriskDraft(saved)
    const tls = asteriskBody({ ...d, asterisk: { ...d.asterisk, tls: true, certificates: ' PEM ' } }).asterisk
    expect(tls).toMatchObject({ tls: true, certificates: 'PEM', plaintext: undefined })
    const none = asteriskBody({
      ...d,
      asterisk: { ...d.asterisk, forwarding: 'none', auth: 'md5', certificates: 'PEM' },
    })
    expect(none.asterisk).toMatchObject({ families: undefined, plaintext: undefined, certificates: undefined })
  })

  it('says what is missing', () => {
    expect(asteriskMissing(freshAsterisk, false)).toEqual(['host', 'username', 'secret'])
    expect(asteriskMissing(asteriskDraft(saved), true)).toEqual([])
  })
})

describe('a CSTA system', () => {
  const saved = connector({
    kind: 'csta',
    csta: {
      host: '10.0.0.5',
      port: 1040,
      session: 'session',
      edition: 'ed3',
      username: 'u',
      device: 'tel:{line}',
      forwarding: ['all', 'busy'],
      split: true,
    },
  })

  it('is sent as it was read', () => {
    expect(cstaBody(cstaDraft(saved)).csta).toEqual(saved.csta)
  })

  it('sends nothing that does not apply', () => {
    const d = cstaDraft(saved)
    const none = cstaBody({ ...d, csta: { ...d.csta, session: 'none', application: 'x' }, forwarding: ['all'] }).csta
    expect(none).toMatchObject({ application: undefined, username: undefined, split: undefined, forwarding: ['all'] })
    expect(cstaBody({ ...d, forwarding: [] }).csta?.forwarding).toBeUndefined()
  })

  it('says what is missing', () => expect(cstaMissing(freshCSTA)).toEqual(['host', 'port']))
})

describe('a SIP system', () => {
  const saved = connector({
    kind: 'sip',
    sip: { server: 'pbx:5080', transport: 'tls', server_name: 'pbx', numbers: ['+49 30 1234'], internal_digits: -1 },
  })

  it('is sent as it was read', () => expect(sipBody(sipDraft(saved)).sip).toEqual(saved.sip))

  it('sends names of certificates with TLS only', () => {
    const d = sipDraft(saved)
    const udp = sipBody({ ...d, sip: { ...d.sip, transport: 'udp' } }).sip
    expect(udp).toMatchObject({ transport: 'udp', server_name: undefined })
  })

  it('says what is missing', () => expect(sipMissing(freshSIP)).toEqual(['server']))
})

describe('the SIP server', () => {
  const saved = connector({
    kind: 'sip_server',
    sip_server: { listen: ['udp:0.0.0.0:5060', 'tls:0.0.0.0:5061'], trusted: ['10.0.0.5'], desk: 'sip:{line}@pbx' },
  })

  it('is sent as it was read', () => expect(sipServerBody(sipServerDraft(saved)).sip_server).toEqual(saved.sip_server))

  it('needs an address of desks where calls are answered', () => {
    expect(sipServerMissing({ ...freshSIPServer, listen: ' ' })).toEqual(['listen'])
    expect(sipServerMissing({ ...freshSIPServer, trusted: '10.0.0.5' })).toEqual(['desk'])
    expect(sipServerMissing({ ...freshSIPServer, outside: 'sip:{number}@gw' })).toEqual(['desk'])
    expect(sipServerMissing(freshSIPServer)).toEqual([])
  })
})

it('says where each is', () => {
  const host = 'pbx'
  const asterisk = { host, username: 'u', auth: 'md5', forwarding: 'none' } as const
  expect(whereIs(connector({ asterisk: { ...asterisk, tls: true } }))).toBe('pbx:5039')
  expect(whereIs(connector({ kind: 'sip', sip: { server: 'pbx', transport: 'udp' } }))).toBe('pbx')
  expect(whereIs(connector({ kind: 'sip_server', sip_server: { listen: ['udp:0.0.0.0:5060'] } }))).toBe(
    'udp:0.0.0.0:5060',
  )
})
