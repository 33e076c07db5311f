import { expect, test } from '@playwright/test'
import { Office, password } from './office'
import { Provider } from './provider'

let office: Office
let provider: Provider

test.beforeAll(async () => {
  ;[office, provider] = await Promise.all([Office.start(), Provider.start()])
  await office.add('Anna Berg')
})

test.afterAll(async () => {
  await provider?.stop()
  await office?.stop()
})

test('a provider is entered, signs somebody in, and signs them out', async ({ browser }) => {
  // The administrator enters it, and learns what to enter there.
  const admin = await (await browser.newContext({ baseURL: office.url, locale: 'en-GB' })).newPage()
  await admin.goto('/admin/system/providers/new')
  await admin.getByLabel('Login').fill('ada')
  await admin.getByLabel('Password').fill(password)
  await admin.getByRole('button', { name: 'Sign in' }).click()
  await admin.getByRole('textbox', { name: 'Name' }).fill('Company account')
  await admin.getByLabel('Issuer').fill(provider.issuer)
  await admin.getByLabel('Client ID').fill('doorlight')
  await admin.getByLabel('Client secret').fill('a secret of the client')
  await admin.getByRole('button', { name: 'Save' }).click()
  await expect(admin.getByText('“Company account” is saved')).toBeVisible()
  const callback = await admin.getByLabel('Redirect URI').inputValue()
  const logout = await admin.getByLabel('Back-channel logout URI').inputValue()
  expect(callback).toMatch(new RegExp(`^${office.url}/auth/.+/callback$`))
  await provider.serve(
    {
      anna: { preferred_username: 'anna', name: 'Anna Berg' },
      nobody: { preferred_username: 'nobody' },
      ada: { preferred_username: 'ada' },
    },
    [
      {
        client_id: 'doorlight',
        client_secret: 'a secret of the client',
        redirect_uris: [callback],
        backchannel_logout_uri: logout,
        backchannel_logout_session_required: true,
      },
    ],
  )
  await admin.getByRole('button', { name: 'Check' }).click()
  await expect(admin.getByText('Every step works.')).toBeVisible({ timeout: 20_000 })

  /** Goes through the provider's pages as somebody whom it knows. */
  const signInAs = async (login: string, at: string) => {
    const page = await (await browser.newContext({ baseURL: office.url, locale: 'en-GB' })).newPage()
    await page.goto(at)
    await page.getByRole('link', { name: 'Sign in with Company account' }).click()
    await page.locator('input[name=login]').fill(login)
    await page.locator('input[name=password]').fill('any will do')
    await page.getByRole('button', { name: 'Sign-in' }).click()
    await page.getByRole('button', { name: 'Continue' }).click()
    return page
  }

  // Whom it does not find here is told so; an administrator is not found by a name.
  const stranger = await signInAs('nobody', '/')
  await expect(stranger.getByText('Company account did not sign you in')).toBeVisible()
  await expect(stranger.getByText('Nobody here fits the account.')).toBeVisible()
  const chief = await signInAs('ada', '/')
  await expect(chief.getByText('Sign in with your password, and connect the account')).toBeVisible()

  // Anna lands in the team view, known by her account.
  const anna = await signInAs('anna', '/')
  await expect(anna.getByRole('heading', { level: 1, name: 'Team' })).toBeVisible()
  await expect(anna).toHaveURL(`${office.url}/`)
  await anna.goto('/settings/sign-in')
  await expect(anna.getByRole('region', { name: 'Connected accounts' })).toContainText(
    /Company account.*connected since/,
  )
  await expect(anna.getByRole('region', { name: 'Sign-ins' })).toContainText('with Company account')

  // The administrator, signed in, connects their own.
  await admin.goto('/settings/sign-in')
  await admin.getByRole('link', { name: 'Connect Company account' }).click()
  await admin.locator('input[name=login]').fill('ada')
  await admin.locator('input[name=password]').fill('any will do')
  await admin.getByRole('button', { name: 'Sign-in' }).click()
  await admin.getByRole('button', { name: 'Continue' }).click()
  await expect(admin).toHaveURL(/\/settings\/sign-in$/)
  await expect(admin.getByRole('button', { name: 'Release the account of Company account' })).toBeVisible()

  // She signs out at the provider, in another tab, and is signed out here at once.
  const there = await anna.context().newPage()
  await there.goto(`${provider.issuer}/session/end`)
  await there.getByRole('button', { name: /yes/i }).click()
  await expect(anna.getByRole('heading', { name: 'Sign in' })).toBeVisible({ timeout: 15_000 })

  // The log says all of it.
  await admin.goto('/admin/audit')
  const log = admin.getByRole('list', { name: 'Entries' })
  await expect(log).toContainText(/Ended a sign-in.*Company account \(outside system\)/)
  await expect(log).toContainText('Connected an account of a sign-in provider')
  await expect(log).toContainText('Refused a sign-in with a provider')
})
