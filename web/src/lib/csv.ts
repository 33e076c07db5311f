/** Lists of people as files: how they are read, and what a report of them looks like as one. Pure. */

/** The columns of a list (Fields in internal/provision/record.go). */
export const COLUMNS = [
  'login',
  'name',
  'email',
  'location',
  'group',
  'work_number',
  'mobile_number',
  'home_number',
  'voicemail_number',
  'time_zone',
  'language',
  'role',
  'vip',
  'blocked',
] as const

/** The text of a file as spreadsheets write it (Decode in internal/provision/csv.go). */
export function decode(file: Uint8Array): string {
  if (file[0] === 0xff && file[1] === 0xfe) return new TextDecoder('utf-16le').decode(file)
  if (file[0] === 0xfe && file[1] === 0xff) return new TextDecoder('utf-16be').decode(file)
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(file)
  } catch {
    return new TextDecoder('windows-1252').decode(file)
  }
}

type Row = { cells: string[]; start: number; end: number }
export type List = { text: string; comma: string; heading: string[]; rows: Row[] }

/** A list with its heading (RFC 4180). Undefined if it cannot be read; what is wrong with it is for the server to say. */
export function parse(text: string): List | undefined {
  const first = /^[^\n]*/.exec(text)?.[0] ?? ''
  const often = (c: string) => first.split(c).length - 1
  let comma = ','
  for (const c of [';', '\t']) if (often(c) > often(comma)) comma = c
  const rows: Row[] = []
  let at = 0
  while (at < text.length) {
    const line = /\r?\n/y
    line.lastIndex = at
    const empty = line.exec(text)
    if (empty) {
      at += empty[0].length
      continue
    }
    const row: Row = { cells: [], start: at, end: at }
    for (;;) {
      let cell = ''
      if (text[at] === '"') {
        const close = closing(text, at + 1)
        if (close < 0) return undefined
        cell = text.slice(at + 1, close).replaceAll('""', '"')
        at = close + 1
      } else {
        const from = at
        while (at < text.length && text[at] !== comma && text[at] !== '\n') at++
        cell = text.slice(from, at)
        if (text[at] !== comma && cell.endsWith('\r')) {
          cell = cell.slice(0, -1)
          at--
        }
        if (cell.includes('"')) return undefined
      }
      row.cells.push(cell)
      if (text[at] !== comma) break
      at++
    }
    row.end = at
    if (text[at] === '\r') at++
    if (at < text.length && text[at] !== '\n') return undefined // something behind a closing quotation mark
    at++
    rows.push(row)
  }
  const [heading, ...people] = rows
  return heading && { text, comma, heading: heading.cells.map(columnOf), rows: people }
}

/** Where the quotation mark is that closes a cell; two of them are one in it. */
function closing(text: string, from: number): number {
  for (let i = text.indexOf('"', from); i >= 0; i = text.indexOf('"', i + 2)) if (text[i + 1] !== '"') return i
  return -1
}

const columnOf = (name: string) => name.trim().toLowerCase().replace(/[ -]/g, '_')

/** Rows that say no location. */
export function placeless(list: List): number {
  const i = list.heading.indexOf('location')
  return list.rows.filter((r) => !r.cells[i]?.trim()).length
}

const quoted = (cell: string, comma: string) =>
  cell.includes(comma) || /["\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell

/** A table for spreadsheets. What these would take for a formula is quoted (table in internal/api/audit.go). */
export function table(rows: readonly (readonly (string | number)[])[]): string {
  return rows
    .map((row) =>
      row
        .map(String)
        .map((c) => quoted(/^[=+\-@\t\r]/.test(c) ? `'${c}` : c, ','))
        .join(','),
    )
    .map((line) => `${line}\r\n`)
    .join('')
}
