import { type Browser, expect, type Page, test } from '@playwright/test'
import { Office, password } from './office'

let office: Office

test.beforeAll(async () => {
  office = await Office.start()
  const anna = await office.add('Anna Berg')
  await office.add('Emil Employee')
  const tom = await office.add('Tom Team')
  await office.call('POST', 'work-groups', { name: 'Sales', level: 'team_colleague', members: [anna, tom] })
})

test.afterAll(async () => {
  await office.stop()
})

/** Signs somebody in, in a browser of their own, and opens Anna's card. */
async function open(browser: Browser, login: string, scheme: 'light' | 'dark', locale: string): Promise<Page> {
  const context = await browser.newContext({ baseURL: office.url, locale, colorScheme: scheme })
  const page = await context.newPage()
  await page.goto('/')
  await page.locator('input[name=username]').fill(login)
  await page.locator('input[name=password]').fill(password)
  await page.locator('button[type=submit]').click()
  await expect(page.locator('input[name=password]')).toHaveCount(0) // else going elsewhere would break the sign-in off
  await expect(page.getByRole('main')).toBeVisible()
  return page
}

test('an employee and a team colleague see a change within a second, and only one the text', async ({ browser }) => {
  const emil = await open(browser, 'emil', 'light', 'en-GB')
  const tom = await open(browser, 'tom', 'dark', 'de-DE')
  await Promise.all([emil.goto(`/people/${office.people.anna}`), tom.goto(`/people/${office.people.anna}`)])
  await expect(emil.getByText('Anna Berg').first()).toBeVisible()
  await expect(tom.getByText('Anna Berg').first()).toBeVisible()
  // What Emil's browser is sent, to the last byte.
  const sent: string[] = []
  emil.on('websocket', (ws) => ws.on('framereceived', (f) => sent.push(String(f.payload))))
  emil.on('response', async (r) => {
    if (r.url().includes('/api/')) sent.push(await r.text().catch(() => ''))
  })
  await emil.reload()
  await expect(emil.getByText('Anna Berg').first()).toBeVisible()

  const as = await browser.newContext({ baseURL: office.url })
  const signed = await as.request.post('/api/v1/session', { data: { login: 'anna', password } })
  expect(signed.ok()).toBeTruthy()
  const chosen = await as.request.put('/api/v1/people/me/choice', {
    data: { status: 'busy', text: 'Quarterly figures' },
  })
  expect(chosen.ok()).toBeTruthy()

  await Promise.all([
    expect(emil.getByText('Busy', { exact: true }).first()).toBeVisible({ timeout: 1000 }),
    expect(tom.getByText('Quarterly figures').first()).toBeVisible({ timeout: 1000 }),
  ])
  await expect(tom.getByText('Beschäftigt').first()).toBeVisible()
  await expect(emil.getByText('Quarterly figures')).toHaveCount(0)
  expect(sent.join('\n')).toContain('"busy"')
  expect(sent.join('\n')).not.toContain('Quarterly figures')
  await as.close()
})
