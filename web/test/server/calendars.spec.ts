import { expect, test } from '@playwright/test'
import { Office, password } from './office'
import { StandIns } from './standins'

const ADDRESS = 'anna@example.test'

let office: Office
let mail: StandIns

test.beforeAll(async () => {
  ;[office, mail] = await Promise.all([Office.start(), StandIns.start(ADDRESS)])
  await office.add('Anna Berg', ADDRESS)
})

test.afterAll(async () => {
  await mail?.stop()
  await office?.stop()
})

test('a Microsoft account is connected, its agenda is seen, and it is disconnected', async ({ browser }) => {
  // The administrator enters the application, and lets people connect their accounts with it.
  const admin = await (await browser.newContext({ baseURL: office.url, locale: 'en-GB' })).newPage()
  await admin.goto('/admin/system/graph/new')
  await admin.getByLabel('Login').fill('ada')
  await admin.getByLabel('Password').fill(password)
  await admin.getByRole('button', { name: 'Sign in' }).click()
  const { graph } = mail.offer
  await admin.getByRole('textbox', { name: 'Name' }).fill('Microsoft 365')
  await admin.getByLabel('Directory (tenant) ID').fill(graph.tenant)
  await admin.getByLabel('Application (client) ID').fill(graph.client_id)
  await admin.getByLabel('Cloud').selectOption('custom')
  await admin.getByLabel('Address for signing in').fill(graph.login_url)
  await admin.getByLabel('Address of Microsoft Graph').fill(graph.graph_url)
  await admin.getByLabel('Value of the client secret').fill(graph.secret)
  await admin.getByRole('button', { name: 'Save' }).click()
  await expect(admin.getByText('“Microsoft 365” is saved')).toBeVisible()
  const callback = await admin.getByLabel('Redirect URI').inputValue()
  expect(callback).toMatch(new RegExp(`^${office.url}/accounts/.+/callback$`))
  mail.redirect(callback)
  const { locations } = (await office.call('GET', 'locations')) as { locations: [{ id: string }] }
  const { sections } = (await office.call('GET', `scopes/${locations[0].id}/settings`)) as {
    sections: { name: string; calendar?: Record<string, unknown> }[]
  }
  const calendar = sections.find((s) => s.calendar)?.calendar
  await office.call('PUT', `scopes/${locations[0].id}/settings`, {
    calendar: { ...calendar, subject_as_text: true, accounts: new URL(callback).pathname.split('/')[2] },
  })
  mail.put(ADDRESS, 'Budget')

  // Anna is asked to connect hers, signs in there and agrees.
  const page = await (await browser.newContext({ baseURL: office.url, locale: 'en-GB' })).newPage()
  await page.goto('/')
  await page.getByLabel('Login').fill('anna')
  await page.getByLabel('Password').fill(password)
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.getByRole('link', { name: 'Connect Microsoft 365' }).click()
  await expect(page.getByLabel('Email address')).toHaveValue(ADDRESS)
  await page.locator('input[name=password]').fill(mail.offer.password)
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.getByRole('button', { name: 'Accept' }).click()
  await expect(page).toHaveURL(`${office.url}/settings/calendars`)
  await expect(page.getByText(ADDRESS)).toBeVisible()

  // The agenda shows her appointment, and she is in it.
  await page.goto('/agenda')
  await expect(page.getByText('Budget').first()).toBeVisible({ timeout: 20_000 })
  const me = (await (await page.request.get('/api/v1/people/me')).json()) as { presence: { text: string } }
  expect(me.presence.text).toBe('Budget')

  // Disconnected, all of it is gone.
  await page.goto('/settings/calendars')
  await page.getByRole('button', { name: 'Disconnect “Microsoft 365”' }).click()
  await page.getByRole('alertdialog').getByRole('button', { name: 'Disconnect' }).click()
  await expect(page.getByText(ADDRESS)).toBeHidden()
  await page.goto('/agenda')
  await expect(page.getByText('Budget')).toHaveCount(0)
  const { calendars } = (await (await page.request.get('/api/v1/people/me/calendars')).json()) as {
    calendars: unknown[]
  }
  expect(calendars).toEqual([])
})
