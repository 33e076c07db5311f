import { expect, it } from 'vitest'
import de from './de.json'
import en from './en.json'

type Tree = { [key: string]: string | Tree }

function flat(tree: Tree, at = ''): [string, string][] {
  return Object.entries(tree).flatMap(([k, v]) =>
    typeof v === 'string' ? [[at + k, v] as [string, string]] : flat(v, `${at}${k}.`),
  )
}

const english = new Map(flat(en))
const german = new Map(flat(de))

it('says everything in both languages', () => {
  expect([...german.keys()].sort()).toEqual([...english.keys()].sort())
})

it('fills in the same values in both', () => {
  const values = (text = '') => [...new Set(text.match(/{{\w+}}/g) ?? [])].sort()
  for (const [key, text] of english) {
    // A singular may leave its number out.
    if (!key.endsWith('_one')) expect(values(german.get(key)), key).toEqual(values(text))
  }
})
