import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { COLUMNS, decode, parse, placeless, table } from './csv'

const bytes = (text: string) => new TextEncoder().encode(text)

describe('files', () => {
  it('knows the columns that the server knows', () => {
    const source = readFileSync('../internal/provision/record.go', 'utf8')
    const fields = [...source.matchAll(/^\t\w+\s+Field = "(\w+)"/gm)].map((m) => m[1])
    expect([...COLUMNS].sort()).toEqual(fields.sort())
  })

  it('reads what spreadsheets write', () => {
    expect(decode(bytes('\ufeffname\nZoë'))).toBe('name\nZoë')
    expect(decode(new Uint8Array([0x5a, 0x6f, 0xeb]))).toBe('Zoë')
    expect(decode(new Uint8Array([0xff, 0xfe, 0x5a, 0x00, 0xeb, 0x00]))).toBe('Zë')
    expect(decode(new Uint8Array([0xfe, 0xff, 0x00, 0x5a, 0x00, 0xeb]))).toBe('Zë')
  })
})

describe('lists', () => {
  it('finds what separates the cells, and reads quoted ones', () => {
    const list = parse('Login;Work number\r\n\r\nzoe;"+49 30; ""desk"""\r\ntom;\r\n')
    expect(list?.comma).toBe(';')
    expect(list?.heading).toEqual(['login', 'work_number'])
    expect(list?.rows.map((r) => r.cells)).toEqual([
      ['zoe', '+49 30; "desk"'],
      ['tom', ''],
    ])
  })

  it('reads cells with line breaks, and a last line without one', () => {
    expect(parse('login,name\na,"A\nB"\nb,C')?.rows.map((r) => r.cells)).toEqual([
      ['a', 'A\nB'],
      ['b', 'C'],
    ])
  })

  it('leaves what cannot be read to the server', () => {
    expect(parse('login\n"a')).toBeUndefined()
    expect(parse('login\n"a"b')).toBeUndefined()
    expect(parse('login\na"b')).toBeUndefined()
    expect(parse('')).toBeUndefined()
  })
})

it('counts rows without a location', () => {
  const count = (text: string) => placeless(parse(text) ?? { text, comma: ',', heading: [], rows: [] })
  expect(count('login,name\na,A\nb,B')).toBe(2)
  expect(count('login,location\na,Berlin\nb, ')).toBe(1)
})

it('writes tables that spreadsheets do not take for formulas', () => {
  expect(
    table([
      ['Line', 'Reason'],
      [7, '=1+1'],
      [8, 'a "b", c'],
    ]),
  ).toBe('Line,Reason\r\n7,\'=1+1\r\n8,"a ""b"", c"\r\n')
})
