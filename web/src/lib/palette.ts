/**
 * Colours of the statuses, light and dark. A shape tells them apart too (ui/StatusShape.tsx); palette.test.ts checks
 * that each is seen on the surfaces it stands on (WCAG 1.4.11: 3:1) and its sign on its own ground.
 */
import type { Status } from './model'

export type Ink = {
  /** The ground of the shape. */
  fill: string
  /** Its outline. */
  edge: string
  /** The sign on it: tick, hands, stripes, bar. */
  sign: string
  /** A quiet tint for blocks in the agenda. */
  tint: string
  /** Text on that tint. */
  onTint: string
}

export type ThemeName = 'light' | 'dark'

/** What shapes stand on: page, cards, rows under the pointer, chosen rows. */
export const SURFACES: Record<ThemeName, string[]> = {
  light: ['#f4f5f3', '#ffffff', '#f0f2ef', '#e4efec'],
  dark: ['#161817', '#1f2221', '#282c2a', '#20342f'],
}

export const PALETTE: Record<ThemeName, Record<Status, Ink>> = {
  light: {
    available: { fill: '#13803c', edge: '#13803c', sign: '#ffffff', tint: '#dff3e5', onTint: '#0b4d25' },
    be_right_back: { fill: '#ffd23e', edge: '#7d5a00', sign: '#4a3500', tint: '#fff1c2', onTint: '#594100' },
    busy: { fill: '#ffffff', edge: '#c4262e', sign: '#c4262e', tint: '#fde4e3', onTint: '#7d1219' },
    do_not_disturb: { fill: '#b8141d', edge: '#b8141d', sign: '#ffffff', tint: '#f8d0ce', onTint: '#6d0a10' },
    unavailable: { fill: '#686f6c', edge: '#686f6c', sign: '#686f6c', tint: '#e6e9e7', onTint: '#3c4240' },
    logged_out: { fill: '#ffffff', edge: '#686f6c', sign: '#686f6c', tint: '#f0f2f1', onTint: '#454b49' },
  },
  dark: {
    available: { fill: '#4cc274', edge: '#4cc274', sign: '#08240f', tint: '#16351f', onTint: '#b4ecc5' },
    be_right_back: { fill: '#ffd65c', edge: '#ffd65c', sign: '#3a2a00', tint: '#3d3211', onTint: '#ffe59a' },
    busy: { fill: '#2a1012', edge: '#ff8078', sign: '#ff8078', tint: '#43201f', onTint: '#ffc4bf' },
    do_not_disturb: { fill: '#ff6a63', edge: '#ff6a63', sign: '#2b0505', tint: '#511a1a', onTint: '#ffcbc7' },
    unavailable: { fill: '#9aa29e', edge: '#9aa29e', sign: '#9aa29e', tint: '#2e3331', onTint: '#d0d6d3' },
    logged_out: { fill: '#1f2221', edge: '#9aa29e', sign: '#9aa29e', tint: '#272b29', onTint: '#c3c9c6' },
  },
}

/** The mark of a telephone in use. */
export const PHONE: Record<ThemeName, { fill: string; sign: string }> = {
  light: { fill: '#0b5a9c', sign: '#ffffff' },
  dark: { fill: '#7cc0f5', sign: '#06233a' },
}
