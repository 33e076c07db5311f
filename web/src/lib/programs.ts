/** The table of programs whose use of the microphone counts. Pure; the rules are Microphone.check's in internal/policy/settings.go. */
import { FACTORY } from './factory'
import type { Program } from './model'

export const MOST_PROGRAMS = 200
const LONGEST_PROCESS = 100
const LONGEST_ALIAS = 60

export type ProcessFault = 'needed' | 'space' | 'file' | 'twice' | 'long'
export type AliasFault = 'needed' | 'line'
export type Faults = { process?: ProcessFault; alias?: AliasFault }

/** Rows are the same that differ in capitals only. */
export const programKey = (p: Pick<Program, 'process'>) => p.process.toLowerCase()

/** What is wrong with each row; of rows that are the same, with all of them. */
export function faultsOf(programs: readonly Program[]): Faults[] {
  const often = new Map<string, number>()
  for (const p of programs) often.set(programKey(p), (often.get(programKey(p)) ?? 0) + 1)
  return programs.map((p) => ({ process: processFault(p, (often.get(programKey(p)) ?? 0) > 1), alias: aliasFault(p) }))
}

export const hasFaults = (programs: readonly Program[]) => faultsOf(programs).some((f) => f.process || f.alias)

function processFault({ process }: Program, twice: boolean): ProcessFault | undefined {
  if (!process.trim()) return 'needed'
  if (process !== process.trim()) return 'space'
  if (/[/\\]/.test(process) || /\.exe$/i.test(process)) return 'file'
  if (twice) return 'twice'
  return [...process].length > LONGEST_PROCESS ? 'long' : undefined
}

function aliasFault({ alias }: Program): AliasFault | undefined {
  if (!alias.trim()) return 'needed'
  // biome-ignore lint/suspicious/noControlCharactersInRegex: it is they that are looked for
  return [...alias].length > LONGEST_ALIAS || /[\0-\x1f]/.test(alias) ? 'line' : undefined
}

/** What somebody may have meant who has entered a file: its name without folder and .exe. */
export const processOf = (file: string) =>
  file
    .replace(/^.*[/\\]/, '')
    .replace(/(\.exe)+$/i, '')
    .trim()

/** The table with all shipped rows as they were shipped; rows of one's own stay. */
export function restored(programs: readonly Program[]): Program[] {
  const shipped = FACTORY.microphone.programs
  const keys = new Set(shipped.map(programKey))
  return [...shipped, ...programs.filter((p) => !keys.has(programKey(p)))]
}

/** Whether all shipped rows are there as they were shipped. */
export const asShipped = (programs: readonly Program[]) =>
  FACTORY.microphone.programs.every((s) =>
    programs.some((p) => p.process === s.process && p.alias === s.alias && p.active === s.active),
  )
