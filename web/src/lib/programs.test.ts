import { describe, expect, it } from 'vitest'
import { FACTORY } from './factory'
import type { Program } from './model'
import { asShipped, type Faults, faultsOf, hasFaults, processOf, restored } from './programs'

const row = (process: string, alias = 'x', active = true): Program => ({ active, process, alias })
const { programs } = FACTORY.microphone

describe('what is wrong with rows', () => {
  it.each([
    [row(''), { process: 'needed' }],
    [row('  '), { process: 'needed' }],
    [row(' Zoom'), { process: 'space' }],
    [row('Zoom '), { process: 'space' }],
    [row('bin/zoom'), { process: 'file' }],
    [row('C:\\Zoom'), { process: 'file' }],
    [row('Zoom.EXE'), { process: 'file' }],
    [row('Zoom.exe.app'), {}],
    [row('Unify Office'), {}],
    [row('x'.repeat(101)), { process: 'long' }],
    [row('zoom', ''), { alias: 'needed' }],
    [row('zoom', ' '), { alias: 'needed' }],
    [row('zoom', 'ü'.repeat(60)), {}],
    [row('zoom', '🎤'.repeat(61)), { alias: 'line' }],
    [row('zoom', 'two\nlines'), { alias: 'line' }],
  ] satisfies [Program, Faults][])('%j', (p, faults) => {
    expect(faultsOf([p])).toEqual([{ process: undefined, alias: undefined, ...faults }])
  })

  it('a row that is there twice, whatever the capitals, is told at both', () => {
    expect(faultsOf([row('Zoom'), row('slack'), row('ZOOM')]).map((f) => f.process)).toEqual([
      'twice',
      undefined,
      'twice',
    ])
  })

  it('nothing is wrong with what is shipped', () => {
    expect(hasFaults(programs)).toBe(false)
    expect(hasFaults([...programs, row('zOOM')])).toBe(true)
  })
})

it('guesses the process from a file', () => {
  expect(processOf('C:\\Program Files\\Zoom\\bin\\Zoom.exe')).toBe('Zoom')
  expect(processOf('/usr/bin/firefox')).toBe('firefox')
  expect(processOf('/')).toBe('')
})

it('restores the shipped rows and leaves others', () => {
  const own = row('softphone', 'Softphone')
  const changed = [own, ...programs.slice(3).map((p) => ({ ...p, active: false, process: p.process.toUpperCase() }))]
  expect(restored(changed)).toEqual([...programs, own])
  expect(restored(programs)).toEqual(programs)
  expect([changed, programs, restored(changed), [...programs].reverse()].map(asShipped)).toEqual([
    false,
    true,
    true,
    true,
  ])
})
