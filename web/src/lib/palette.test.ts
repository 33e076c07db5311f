import { describe, expect, it } from 'vitest'
import { contrast } from './contrast'
import { STATUSES } from './model'
import { PALETTE, PHONE, SURFACES, type ThemeName } from './palette'

describe('contrast', () => {
  it('agrees with published values', () => {
    expect(contrast('#000000', '#ffffff')).toBeCloseTo(21)
    expect(contrast('#777777', '#ffffff')).toBeCloseTo(4.48, 2)
  })
})

describe.each(['light', 'dark'] as ThemeName[])('the %s palette', (theme) => {
  it.each(STATUSES)('shows %s on every surface', (status) => {
    const ink = PALETTE[theme][status]
    for (const surface of SURFACES[theme]) expect.soft(contrast(ink.edge, surface), surface).toBeGreaterThanOrEqual(3)
    if (ink.sign !== ink.fill) expect.soft(contrast(ink.sign, ink.fill)).toBeGreaterThanOrEqual(3)
    expect.soft(contrast(ink.onTint, ink.tint), 'text in the agenda').toBeGreaterThanOrEqual(4.5)
  })

  it('shows the telephone', () => {
    for (const surface of SURFACES[theme]) expect(contrast(PHONE[theme].fill, surface)).toBeGreaterThanOrEqual(3)
    expect(contrast(PHONE[theme].sign, PHONE[theme].fill)).toBeGreaterThanOrEqual(4.5)
  })
})
