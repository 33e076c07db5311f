import type { Page } from '@playwright/test'
import { expect, open, test } from './office'

const region = (page: Page, name: string) => page.getByRole('region', { name, exact: true })

test('each provider has a link below the password, and nothing leads on by itself', async ({ page }) => {
  await open(page, '/sign-in?to=%2Fagenda', { signedIn: false })
  const ways = page.getByRole('list', { name: 'Other ways to sign in' })
  await expect(ways.getByRole('link')).toHaveText(['Sign in with Company account', 'Sign in with Partners'])
  await expect(page).toHaveURL(/\/sign-in/)
  await expect(page.getByLabel('Login')).toBeFocused()
  // By keyboard: login, password, the button, then the providers.
  for (let i = 0; i < 3; i++) await page.keyboard.press('Tab')
  await expect(ways.getByRole('link', { name: 'Sign in with Company account' })).toBeFocused()
  await page.keyboard.press('Enter')
  await expect(page).toHaveURL(/\/agenda$/)
  await expect(page.getByRole('heading', { level: 1, name: 'Agenda' })).toBeVisible()
})

test('whoever a provider sends back is told why, and what to do', async ({ page }) => {
  await open(page, '/sign-in', { signedIn: false })
  await page.getByRole('link', { name: 'Sign in with Partners' }).click()
  await expect(page).toHaveURL(/\/sign-in\?refused=unknown&provider=o2/)
  const told = page.getByRole('group').filter({ hasText: 'Partners did not sign you in' })
  await expect(told).toContainText('Nobody here fits the account. Ask your administrator.')
  for (const [why, words] of [
    ['denied', 'cancelled there'],
    ['expired', 'Try again.'],
    ['provider', 'cannot be reached'],
    ['blocked', 'You are blocked here'],
    ['ambiguous', 'More than one person'],
    ['unverified', 'Verify the address there'],
    ['other', 'belongs to somebody else'],
    ['admin', 'Sign in with your password, and connect the account under Settings › Sign-in.'],
    ['switchedoff', 'not used any more'],
  ] as const) {
    await page.goto(`/sign-in?refused=${why}&provider=o2`)
    await expect(told).toContainText(words)
  }
  await page.goto('/sign-in?refused=made-up&provider=o2')
  await expect(page.getByRole('link', { name: 'Sign in with Partners' })).toBeVisible()
  await expect(page.getByText('did not sign you in')).toHaveCount(0)
})

test('accounts are connected and released under the settings', async ({ page }) => {
  await open(page, '/settings/sign-in')
  const accounts = region(page, 'Connected accounts')
  const list = accounts.getByRole('list', { name: 'Connected accounts' })
  await expect(list.getByRole('listitem')).toHaveCount(1)
  await expect(list).toContainText(/Company account.*connected since/)
  await expect(region(page, 'Sign-ins')).toContainText('with Company account')
  await expect(accounts.getByRole('link', { name: 'Connect Company account' })).toHaveCount(0)
  await accounts.getByRole('link', { name: 'Connect Partners' }).click()
  await expect(page).toHaveURL(/\/settings\/sign-in$/)
  await expect(list.getByRole('listitem')).toHaveCount(2)
  await list.getByRole('button', { name: 'Release the account of Company account' }).click()
  await page.getByRole('alertdialog').getByRole('button', { name: 'Release' }).click()
  await expect(list.getByRole('listitem')).toHaveCount(1)
  await expect(accounts.getByRole('link', { name: 'Connect Company account' })).toBeVisible()
  await expect(region(page, 'Sign-ins')).not.toContainText('with Company account')
  await page.goto('/settings/sign-in?refused=other&provider=o2')
  await expect(accounts).toContainText('The account of Partners was not connected')
})

test('who has no password here is told so instead of asked again', async ({ page }) => {
  // The browser logs every refusal.
  page.removeAllListeners('console')
  await open(page, '/settings/sign-in')
  const password = region(page, 'Password')
  await password.getByLabel('Present password').fill('none')
  await password.getByLabel('New password', { exact: true }).fill('a long enough one')
  await password.getByLabel('New password again').fill('a long enough one')
  await password.getByRole('button', { name: 'Change password' }).click()
  await expect(password.getByRole('alert')).toContainText('You sign in without a password of this server')
  await expect(password.getByRole('textbox')).toHaveCount(0)
})

test('administrators release the accounts of others', async ({ page }) => {
  await open(page, '/admin/people?edit=jonas')
  const accounts = page
    .getByRole('dialog', { name: 'Jonas Keller' })
    .getByRole('region', { name: 'Connected accounts' })
  await expect(accounts).toContainText('known there as f2a81c')
  await accounts.getByRole('button', { name: 'Release the account of Company account' }).click()
  await page.getByRole('alertdialog').getByRole('button', { name: 'Release' }).click()
  await expect(accounts).toContainText('No account of a sign-in provider is connected.')
})
