import { type Browser, expect, type Page, test } from '@playwright/test'
import { Office, password } from './office'
import { Telephones } from './telephones'

let office: Office
let telephones: Telephones

test.beforeAll(async () => {
  ;[office, telephones] = await Promise.all([Office.start(), Telephones.start('201', '202')])
})

test.afterAll(async () => {
  await telephones?.stop()
  await office?.stop()
})

/** Adds somebody with a number, who signs in with the first name. */
async function add(name: string, location: string, number: string): Promise<string> {
  const login = name.replace(/ .*/, '').toLowerCase()
  const made = (await office.call('POST', 'people', { name, login, password, location, work_number: number })) as {
    id: string
  }
  office.people[login] = made.id
  return made.id
}

/** Signs somebody in, in a browser of their own, opens Bert's card, and keeps what the browser is sent. */
async function open(browser: Browser, login: string): Promise<{ page: Page; sent: string[] }> {
  const page = await (await browser.newContext({ baseURL: office.url, locale: 'en-GB' })).newPage()
  const sent: string[] = []
  page.on('websocket', (ws) => ws.on('framereceived', (f) => sent.push(String(f.payload))))
  page.on('response', async (r) => {
    if (r.url().includes('/api/')) sent.push(await r.text().catch(() => ''))
  })
  await page.goto('/')
  await page.locator('input[name=username]').fill(login)
  await page.locator('input[name=password]').fill(password)
  await page.locator('button[type=submit]').click()
  await expect(page.locator('input[name=password]')).toHaveCount(0)
  await expect(page.getByRole('main')).toBeVisible()
  await page.goto(`/people/${office.people.bert}`)
  return { page, sent }
}

test('two telephones call one another: colleagues see it ring, the call, and its end; who is blocked sees nothing', async ({
  browser,
}) => {
  test.setTimeout(90_000)
  const { locations } = (await office.call('GET', 'locations')) as { locations: [{ id: string }] }
  const location = locations[0].id
  await add('Anna Berg', location, '201')
  const bert = await add('Bert Baum', location, '202')
  await add('Emil Employee', location, '203')
  const asta = await add('Asta Assistant', location, '204')
  const boris = await add('Boris Blocked', location, '205')

  const connector = (await office.call('POST', 'connectors', {
    kind: 'sip',
    name: 'Telephone system',
    enabled: true,
    sip: { server: telephones.server },
  })) as { id: string }
  await office.call('PUT', `scopes/${location}/settings/telephony`, { telephony: { connector: connector.id } })
  const as = await browser.newContext({ baseURL: office.url })
  await as.request.post('/api/v1/session', { data: { login: 'bert', password } })
  for (const [viewer, level] of [
    [asta, 'assistant'],
    [boris, 'blocked'],
  ]) {
    const chosen = await as.request.put(`/api/v1/people/${bert}/relationships/${viewer}`, { data: { level } })
    expect(chosen.ok()).toBeTruthy()
  }

  const [emil, assistant, blocked] = await Promise.all([
    open(browser, 'emil'),
    open(browser, 'asta'),
    open(browser, 'boris'),
  ])
  await expect(emil.page.getByText('Bert Baum').first()).toBeVisible()
  await expect(blocked.page.getByText('Bert Baum')).toHaveCount(0)
  // The telephone system tells of the line once it is subscribed to.
  await expect(async () => {
    const of = (await office.call('GET', `connectors/${connector.id}/lines`)) as { heard: number }
    expect(of.heard).toBe(5)
  }).toPass({ timeout: 20_000 })
  const soon = { timeout: 10_000 }

  await telephones.dial('201', '202')
  await expect(emil.page.getByText('Ringing').first()).toBeVisible(soon)
  await telephones.accept('202')
  await Promise.all([
    expect(emil.page.getByText('On the phone').first()).toBeVisible(soon),
    expect(assistant.page.getByText('On the phone').first()).toBeVisible(soon),
  ])
  await telephones.hangup('201')
  await Promise.all([
    expect(emil.page.getByText('On the phone')).toHaveCount(0, soon),
    expect(assistant.page.getByText('On the phone')).toHaveCount(0, soon),
  ])

  // Who the other party is, is the assistant's to know; whoever is blocked was sent nothing of it.
  expect(assistant.sent.join('\n')).toContain('"other"')
  expect(emil.sent.join('\n')).toContain('"on_the_phone"')
  expect(emil.sent.join('\n')).not.toContain('"other"')
  expect(blocked.sent.join('\n')).not.toContain('on_the_phone')
  expect(blocked.sent.join('\n')).not.toContain('Bert Baum')
  await as.close()
})
