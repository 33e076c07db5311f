import { expect, open, test } from './office'

test('a program is let in by its code, and stands among the sign-ins', async ({ page }) => {
  await open(page, '/device')
  await page.getByLabel('Code').fill('bcdf-ghjk')
  await page.getByRole('button', { name: 'Continue' }).click()
  await expect(page.getByRole('heading', { name: '“mira-laptop” wants to be signed in as you' })).toBeVisible()
  await expect(page.getByText('BCDF-GHJK')).toBeVisible()
  await expect(page.getByText('From another network')).toBeHidden()
  await page.getByRole('button', { name: 'Allow' }).click()
  await expect(page.getByRole('heading', { name: 'The program is signed in' })).toBeVisible()
  await page.getByRole('link', { name: 'Settings', exact: true }).click()
  await page.getByRole('link', { name: 'Sign-in' }).click()
  const entry = page.getByRole('list', { name: 'Sign-ins' }).getByRole('listitem').filter({ hasText: 'mira-laptop' })
  await expect(entry).toContainText('desktop client')
})

test('a program in another network is told apart, and refused', async ({ page }) => {
  await open(page, '/device?code=BCDF-GHJL')
  await expect(page.getByText('From another network')).toBeVisible()
  await page.getByRole('button', { name: 'Refuse' }).click()
  await expect(page.getByRole('heading', { name: 'The program was refused' })).toBeVisible()
  await page.getByRole('link', { name: 'Agenda' }).click()
  await expect(page.getByRole('heading', { name: 'Agenda', level: 1 })).toBeAttached()
  await page.goBack() // it is good once
  await expect(page.getByText('No program asks with this code')).toBeVisible()
})

test('a code that is no good is asked for again', async ({ page }) => {
  await open(page, '/device?code=%3Cb%3E')
  await expect(page.getByText('No program asks with this code')).toBeVisible()
  await page.getByLabel('Code').fill('BCDF GHJK')
  await page.getByRole('button', { name: 'Continue' }).click()
  await expect(page.getByText('No program asks with this code')).toBeVisible() // the mock takes no space
})

test('who is not signed in comes back to the code', async ({ page }) => {
  await open(page, '/device?code=BCDF-GHJK', { signedIn: false })
  await page.getByLabel('Login').fill('mira')
  await page.getByLabel('Password').fill('correct horse')
  await page.getByRole('button', { name: 'Sign in' }).click()
  await expect(page.getByRole('heading', { name: '“mira-laptop” wants to be signed in as you' })).toBeVisible()
})
