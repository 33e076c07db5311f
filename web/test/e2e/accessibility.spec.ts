import AxeBuilder from '@axe-core/playwright'
import { expect, open, test } from './office'

const pages: [name: string, path: string, heading: RegExp][] = [
  ['team', '/', /^Team$/],
  ['card', '/people/ines', /^Team$/],
  ['why', '/?why=me', /^Team$/],
  ['agenda', '/agenda', /^Agenda$/],
  ['profiles', '/profiles', /^Profiles$/],
  ['relationships', '/relationships', /^Relationships$/],
  ['who sees what', '/relationships/seen', /^Who sees what$/],
  ['settings', '/settings', /^Settings$/],
  ['activation', '/settings/activation', /^Settings$/],
  ['calendars', '/settings/calendars', /^Settings$/],
  ['clients', '/settings/clients', /^Settings$/],
]

for (const theme of ['light', 'dark'] as const) {
  test.describe(`no serious barriers, ${theme}`, () => {
    for (const [name, path, heading] of pages) {
      test(name, async ({ page }) => {
        await open(page, path, { theme })
        await expect(page.locator('h1', { hasText: heading })).toBeAttached()
        if (path.startsWith('/people') || path.includes('why')) await expect(page.getByRole('dialog')).toBeVisible()
        await page.waitForTimeout(500) // colours of what fades in are measured when it is there
        await scan(page)
      })
    }

    test('own presence', async ({ page }) => {
      await open(page, '/', { theme })
      await page.getByRole('button', { name: /^Your presence/ }).click()
      await expect(page.getByRole('dialog', { name: 'Your presence' })).toBeVisible()
      await page.waitForTimeout(300)
      await scan(page)
    })

    test('sign-in', async ({ page }) => {
      await open(page, '/sign-in', { theme, signedIn: false })
      await expect(page.getByRole('heading', { name: 'Sign in' })).toBeVisible()
      await scan(page)
    })
  })
}

async function scan(page: import('@playwright/test').Page) {
  // Fluent keeps the focus inside dialogs and popovers with sentinels that hand it on at once: nobody stays on them.
  const { violations } = await new AxeBuilder({ page })
    .exclude('[data-tabster-dummy]')
    .withTags(['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'])
    .analyze()
  const serious = violations.filter((v) => v.impact === 'serious' || v.impact === 'critical')
  expect(serious.map((v) => `${v.id}: ${v.nodes.map((n) => n.target.join(' ')).join(' | ')}`)).toEqual([])
}
