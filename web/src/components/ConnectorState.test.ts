import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { STEPS } from './ConnectorState'

const source = (system: string) => readFileSync(`../internal/source/${system}/check.go`, 'utf8')

it.each([
  ['exchange', /step\("([a-z_]+)"/g],
  ['graph', /Step\w+ += "([a-z_]+)"/g],
  ['domino', /Step\w+ += "([a-z_]+)"/g],
])('has words for every step of a check of %s', (system, pattern) => {
  const names = [...source(system).matchAll(pattern)].map((m) => m[1])
  expect(names.length).toBeGreaterThan(5)
  expect(names.filter((n) => !STEPS.some((s) => s === n))).toEqual([])
})
