import { expect, it } from 'vitest'
import { initials, moved } from './order'

it('moves an entry and leaves the list as it was', () => {
  const list = ['a', 'b', 'c']
  expect(moved(list, 0, 2)).toEqual(['b', 'c', 'a'])
  expect(moved(list, 2, -1)).toEqual(['c', 'a', 'b'])
  expect(moved(list, 1, 9)).toEqual(['a', 'c', 'b'])
  expect(list).toEqual(['a', 'b', 'c'])
})

it('makes initials of first and last word', () => {
  expect(initials('Anna Berger')).toBe('AB')
  expect(initials('Jan van der Linden')).toBe('JL')
  expect(initials('Empfang')).toBe('E')
})
