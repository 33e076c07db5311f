import type { TFunction } from 'i18next'
import { expect, test } from 'vitest'
import { shipped } from './shipped'

const t = ((key: string) => `<${key}>`) as unknown as TFunction

test('names of shipped templates are translated, others are left alone', () => {
  expect(shipped('Home office', t)).toBe('<shipped.home_office>')
  expect(shipped('Homeoffice Wien', t)).toBe('Homeoffice Wien')
  expect(shipped('toString', t)).toBe('toString')
  expect(shipped('', t)).toBe('')
})
