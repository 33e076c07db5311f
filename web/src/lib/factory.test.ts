import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { FACTORY } from './factory'
import { SECTIONS } from './model'

// Written by a test of the server (internal/policy/factory_test.go).
const server = JSON.parse(readFileSync('../internal/policy/testdata/factory.json', 'utf8'))

it('knows all sections that the server has', () => {
  expect(Object.keys(server).sort()).toEqual([...SECTIONS].sort())
})

it.each(SECTIONS)('%s is what the server ships', (section) => {
  const shipped = section === 'templates' ? server.templates.templates : server[section]
  expect(JSON.parse(JSON.stringify(FACTORY[section]))).toEqual(shipped)
})
