import type { Page } from '@playwright/test'
import { expect, open, test } from './office'

const region = (page: Page, name: string) => page.getByRole('region', { name, exact: true })
const save = (page: Page) => region(page, 'Unsaved changes').getByRole('button', { name: 'Save' }).click()

test.describe('sign-in providers', () => {
  test('enter one, and learn what to enter there', async ({ page }) => {
    await open(page, '/admin/system/providers')
    const list = page.getByRole('list', { name: 'Sign-in providers' })
    await expect(list.getByRole('listitem')).toHaveText([/Company account.*Works/, /Partners.*Never used yet/])
    await page.getByRole('link', { name: 'Add provider' }).click()
    await save(page)
    await expect(region(page, 'Unsaved changes')).toContainText('An issuer is needed.')
    await page.getByRole('textbox', { name: 'Name' }).fill('Keycloak')
    await page.getByLabel('Issuer').fill('login.example.org')
    await page.getByLabel('Client ID').fill('doorlight')
    await page.getByLabel('Client secret').fill('top secret')
    await save(page)
    await expect(page.getByText('must begin with https://').first()).toBeVisible()
    await page.getByLabel('Issuer').fill('https://login.example.org/realms/office')

    // Email addresses are asked about where they are compared only, a directory where it is.
    await expect(page.getByLabel('Accept email addresses that are not verified')).toHaveCount(0)
    await page.getByRole('radio', { name: 'their email address' }).check()
    await expect(page.getByLabel('Accept email addresses that are not verified')).toHaveAccessibleDescription(
      /anybody can come in as somebody else/,
    )
    await page.getByRole('radio', { name: 'their identifier in a directory' }).check()
    await expect(page.getByLabel('Find administrators in this way too')).toHaveCount(0)
    await save(page)
    await expect(region(page, 'Unsaved changes')).toContainText('Choose the directory.')
    await page.getByRole('combobox', { name: 'Directory' }).selectOption({ label: 'Head office' })
    await page.getByLabel('A sign-in lasts').selectOption({ label: '8 hours' })
    await save(page)
    await expect(page.getByText('“Keycloak” is saved')).toBeVisible()
    await expect(page).toHaveURL(/providers\/o-/)
    const id = page.url().replace(/.*\//, '')
    const origin = new URL(page.url()).origin
    await expect(page.getByLabel('Redirect URI')).toHaveValue(`${origin}/auth/${id}/callback`)
    await expect(page.getByLabel('Back-channel logout URI')).toHaveValue(`${origin}/auth/${id}/logout`)
    await expect(page.getByLabel('Client secret')).toHaveValue('')
    await expect(page.getByText('As before. Enter one to replace it.')).toBeVisible()

    // Another issuer needs the secret again.
    await page.getByLabel('Issuer').fill('https://elsewhere.example.org')
    await save(page)
    await expect(page.getByText('must be given again').first()).toBeVisible()
    await page.getByRole('button', { name: 'Discard' }).click()
    await page.getByRole('button', { name: 'Delete…' }).click()
    await page.getByRole('alertdialog').getByRole('button', { name: 'Delete' }).click()
    await expect(page).toHaveURL(/system\/providers$/)
    await expect(list.getByRole('listitem')).toHaveCount(2)
  })

  test('a check says what to do', async ({ page }) => {
    await open(page, '/admin/system/providers/o2')
    await page.getByRole('button', { name: 'Check' }).click()
    await expect(page.getByText('1 step does not work.')).toBeVisible()
    const step = page.getByRole('list', { name: 'What the check found' }).getByRole('listitem')
    await expect(step).toHaveCount(5)
    await expect(step.nth(3)).toContainText('What to do: Enter client ID and secret again.')
  })
})

test.describe('provisioning', () => {
  test('enter one with its places, and make its token', async ({ page }) => {
    await open(page, '/admin/system/provisioning')
    await page.getByRole('link', { name: 'Add provisioning' }).click()
    await page.getByRole('textbox', { name: 'Name' }).fill('Okta')
    await page.getByRole('button', { name: 'Add place' }).click()
    await save(page)
    const first = page.getByRole('group', { name: 'Place 1' })
    await expect(first.getByText('Name the group; everybody else is for the last place.')).toBeVisible()
    await first.getByLabel('Members of the group').fill('Hamburg staff')
    await first.getByLabel('Location').selectOption({ label: 'Hamburg' })
    const rest = page.getByRole('group', { name: 'Everybody else' })
    await expect(rest.getByLabel('Members of the group')).toHaveCount(0)
    await expect(page.getByRole('button', { name: 'Remove place 2' })).toHaveAccessibleDescription(
      'The last place is for everybody else.',
    )
    await expect(page.getByRole('button', { name: 'Move place 1 down' })).toHaveAccessibleDescription(
      'The last place is for everybody else.',
    )
    await page.getByLabel('Groups of the provider').selectOption({ label: 'become work groups: Employee' })
    await save(page)
    await expect(page.getByText('“Okta” is saved')).toBeVisible()
    const access = region(page, 'Access of the provider')
    await expect(access).toContainText('There is no token yet')
    const address = await access.getByLabel('Address').inputValue()
    expect(address).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/scim\/v2\/s-/)

    await access.getByRole('button', { name: 'Make token…' }).click()
    const form = page.getByRole('dialog')
    await form.getByLabel('Expires at').fill('2020-01-01T00:00')
    await form.getByRole('button', { name: 'Make' }).click()
    await expect(form.getByText('This time is past.')).toBeVisible()
    await form.getByLabel('Expires at').fill('2027-01-01T00:00')
    await form.getByRole('button', { name: 'Make' }).click()
    const shown = page.getByRole('alertdialog')
    await expect(shown.getByLabel('Token', { exact: true })).toHaveValue(/^dlp_/)
    await expect(shown.getByLabel('Address')).toHaveValue(address)
    await page.keyboard.press('Escape') // which must not lose it
    await expect(shown).toBeVisible()
    await shown.getByRole('button', { name: 'Close' }).click()
    await expect(access).toContainText('A token is in use. It expires')
    await expect(access.getByRole('button', { name: 'Make a new token…' })).toBeVisible()
    await expect(page.getByText('dlp_')).toHaveCount(0)
  })

  test('what it has done, and what was refused', async ({ page }) => {
    await open(page, '/admin/system/provisioning/s1')
    const report = region(page, 'What it has done since it was entered')
    await expect(report).toContainText(/Added14/)
    await expect(report.getByRole('table', { name: 'Refused people' })).toContainText(
      'administrator who was entered here',
    )
    await expect(page.getByRole('button', { name: 'Check' })).toHaveCount(0)
  })
})

test.describe('webhooks', () => {
  test('enter one, make its secret, check it', async ({ page }) => {
    await open(page, '/admin/system/webhooks')
    await page.getByRole('link', { name: 'Add webhook' }).click()
    await page.getByRole('textbox', { name: 'Name' }).fill('Lamp')
    await page.getByLabel('Address').fill('http://lamp.example.com/')
    await expect(page.getByText('Everybody on the way can read what is sent')).toBeVisible()
    await page.getByLabel('Address').fill('https://lamp.example.com/')
    await save(page)
    await expect(region(page, 'Unsaved changes')).toContainText('Choose a person.')
    // By keyboard: search, the first one found, taken.
    await page.getByRole('combobox', { name: 'With whose eyes it looks' }).fill('mira')
    await expect(page.getByRole('option', { name: /Mira/ })).toBeVisible()
    await page.keyboard.press('ArrowDown')
    await page.keyboard.press('Enter')
    await page.getByRole('radio', { name: 'only of these people' }).check()
    await page.getByRole('combobox', { name: /^People/ }).fill('tom')
    await page.getByRole('menuitemcheckbox', { name: 'Tom Albrecht' }).click()
    await save(page)
    await expect(page.getByText('“Lamp” is saved')).toBeVisible()
    await expect(page.getByRole('button', { name: 'Check' })).toHaveAccessibleDescription('Make its secret first.')
    await expect(page.getByText('Nothing was sent yet.')).toBeVisible()
    await page.getByRole('button', { name: 'Make secret' }).click()
    await expect(page.getByRole('alertdialog').getByLabel('Secret')).toHaveValue(/^whsec_/)
    await page.getByRole('alertdialog').getByRole('button', { name: 'Close' }).click()
    await page.getByRole('button', { name: 'Check' }).click()
    await expect(page.getByText('Every step works.')).toBeVisible()
    await page.getByRole('button', { name: 'Renew secret…' }).click()
    await expect(page.getByRole('alertdialog')).toContainText('ends at once')
    await page.getByRole('alertdialog').getByRole('button', { name: 'Renew' }).click()
    await expect(page.getByRole('alertdialog').getByLabel('Secret')).toHaveValue(/^whsec_/)
  })

  test('the latest calls, and when the next is', async ({ page }) => {
    await open(page, '/admin/system/webhooks/w2')
    const calls = region(page, 'Latest calls').first()
    await expect(calls).toContainText('The next attempt is at')
    const rows = calls.getByRole('row')
    await expect(rows).toHaveCount(5)
    await expect(rows.nth(1)).toContainText(/not taken · 503.*503 Service Unavailable.*3.*3.*1,210 ms/)
    await expect(rows.nth(3)).toContainText('no answer')
    await expect(rows.nth(4)).toContainText('taken · 204')
  })
})

test.describe('health', () => {
  test('what fails comes first, and leads to its page', async ({ page }) => {
    await open(page, '/admin/system/health')
    await expect(page.getByText('2 parts do not work.')).toBeVisible()
    const rows = page.getByRole('table', { name: 'Parts' }).getByRole('row')
    await expect(rows.nth(1)).toContainText(/Harbour.*Directory.*Does not work.*cannot be reached.*3 days behind/)
    await expect(rows.nth(2)).toContainText('Door displays')
    await expect(rows.nth(5)).toContainText(/Database.*Works.*answers within 1 ms/)
    const certificate = region(page, 'Certificate')
    await expect(certificate).toContainText('presence.example.com')
    await certificate.getByText('How to choose one').click()
    await expect(
      certificate.getByText('doorlight serve --listen :443 --acme-domains presence.example.com'),
    ).toBeVisible()
    await rows.nth(2).getByRole('link', { name: 'Door displays' }).click()
    await expect(page.getByRole('heading', { level: 1, name: 'Door displays' })).toBeFocused()
  })

  test('the navigation says that something does not work', async ({ page }) => {
    await open(page)
    const group = page.getByRole('navigation', { name: 'Main' }).getByRole('list', { name: 'Administration' })
    await expect(group.getByRole('link', { name: 'System settings' })).toHaveAccessibleDescription(
      /Something does not work/,
    )
    await group.getByRole('link', { name: 'System settings' }).click()
    await expect(
      page.getByRole('navigation', { name: 'System settings' }).getByRole('link', { name: 'Health' }),
    ).toHaveAccessibleDescription(/Something does not work/)
  })

  test('others have no such sign', async ({ page }) => {
    await open(page, '/agenda', { role: 'location_admin' })
    await expect(page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name: 'People' })).toBeVisible()
    await expect(page.locator('.failing')).toHaveCount(0)
  })
})

test('no page of the system settings is wider than a phone', async ({ page }) => {
  test.slow() // many pages
  await page.setViewportSize({ width: 360, height: 740 })
  for (const language of ['en', 'de'] as const) {
    for (const path of [
      '/settings/sign-in?refused=admin&provider=o1',
      '/admin/system/providers',
      '/admin/system/providers/o1',
      '/admin/system/provisioning/s1',
      '/admin/system/exchange/x1',
      '/admin/system/graph',
      '/admin/system/domino',
      '/admin/system/domino/n1',
      '/admin/system/graph/g1',
      '/admin/system/webhooks/w2',
      '/admin/system/health',
    ]) {
      await open(page, path, { language })
      await expect(page.locator('main .section').first()).toBeVisible()
      const wide = await page.evaluate(() => {
        const main = document.querySelector('main')
        return document.documentElement.scrollWidth > innerWidth || (main?.scrollWidth ?? 0) > (main?.clientWidth ?? 0)
      })
      expect(wide, `${path} in ${language}`).toBe(false)
    }
  }
})
