import { test as base, type Page } from '@playwright/test'
import type { Options } from '../../mock-api/server'

/** Tuesday at 10:40 in Berlin: a meeting runs, another has begun beside it. */
const NOW = new Date('2026-11-24T09:40:00Z')

/** Opens the client in a quiet office, signed in unless said otherwise. */
export async function open(page: Page, path = '/', options: Options & { theme?: 'light' | 'dark' } = {}) {
  const { theme, ...mock } = options
  await page.clock.setFixedTime(NOW)
  await page.addInitScript(
    ([m, t]) => {
      window.doorlightMockOptions ??= m
      if (t) localStorage.setItem('doorlight-theme', t)
    },
    [{ quiet: true, signedIn: true, ...mock }, theme] as const,
  )
  await page.goto(path)
  await page.locator('h1').first().waitFor({ state: 'attached' })
}

/** Fails on errors of the page: a client that works does not write any. */
export const test = base.extend<{ clean: undefined }>({
  clean: [
    async ({ page }, use) => {
      const errors: string[] = []
      page.on('pageerror', (e) => errors.push(e.message))
      page.on('console', (m) => m.type() === 'error' && errors.push(m.text()))
      await use(undefined)
      if (errors.length) throw new Error(`errors in the page:\n${errors.join('\n')}`)
    },
    { auto: true },
  ],
})

export { expect } from '@playwright/test'
