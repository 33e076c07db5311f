/** How the client looks in this browser: kept here and nowhere else, because a desk and a phone may differ. */
import { useSyncExternalStore } from 'react'
import type { ThemeName } from '../lib/palette'

export type ThemeChoice = 'system' | ThemeName
export type Density = 'compact' | 'comfortable'

const listeners = new Set<() => void>()
const dark = globalThis.matchMedia?.('(prefers-color-scheme: dark)')
dark?.addEventListener('change', () => tell())

function tell() {
  for (const l of listeners) l()
}

function subscribe(l: () => void) {
  listeners.add(l)
  return () => listeners.delete(l)
}

function stored<T extends string>(key: string, allowed: readonly T[], otherwise: T): T {
  const v = localStorage.getItem(key)
  return allowed.find((x) => x === v) ?? otherwise
}

export const themeChoice = (): ThemeChoice => stored('doorlight-theme', ['system', 'light', 'dark'], 'system')
export const density = (): Density => stored('doorlight-density', ['compact', 'comfortable'], 'compact')

export function setThemeChoice(v: ThemeChoice) {
  localStorage.setItem('doorlight-theme', v)
  tell()
}

export function setDensity(v: Density) {
  localStorage.setItem('doorlight-density', v)
  tell()
}

export const useThemeChoice = () => useSyncExternalStore(subscribe, themeChoice)
export const useDensity = () => useSyncExternalStore(subscribe, density)

export function useTheme(): ThemeName {
  return useSyncExternalStore(subscribe, () => {
    const c = themeChoice()
    return c === 'system' ? (dark?.matches ? 'dark' : 'light') : c
  })
}
