import { expect, type Page, test } from '@playwright/test'
import { FACTORY } from '../../src/lib/factory'
import { readScope } from '../../src/lib/scope'
import { Office, password } from './office'

let office: Office

test.beforeAll(async () => {
  office = await Office.start({ setUp: false })
})

test.afterAll(async () => {
  await office.stop()
})

const changes = (page: Page) => page.getByRole('region', { name: 'Unsaved changes' })
const save = async (page: Page) => {
  await changes(page).getByRole('button', { name: 'Save all' }).click()
  await expect(page.getByText('All changes are saved')).toBeVisible()
}

test('the administrator’s day', async ({ browser }) => {
  const context = await browser.newContext({ baseURL: office.url, locale: 'en-GB' })
  const page = await context.newPage()
  await page.goto('/')
  await page.getByLabel('Your name').fill('Ada Admin')
  await page.getByLabel('Login').fill('ada')
  await page.getByLabel('Password').fill(password)
  await page.getByLabel('First location').fill('Berlin')
  await page.getByRole('button', { name: 'Create administrator' }).click()

  // A location and a configuration group.
  await page.getByRole('link', { name: 'Locations' }).click()
  await expect(page.getByRole('region', { name: 'Berlin' }).getByText(/^1 person/)).toBeVisible()
  await page.getByRole('button', { name: 'Add location' }).click()
  await page.getByRole('dialog').getByLabel('Name').fill('Hamburg')
  await page.getByRole('dialog').getByLabel('Time zone').selectOption('Europe/Berlin')
  await page.getByRole('dialog').getByRole('button', { name: 'Save' }).click()
  await page.getByRole('button', { name: 'Add a configuration group to Hamburg' }).click()
  await page.getByRole('dialog').getByLabel('Name').fill('Harbour')
  await page.getByRole('dialog').getByRole('button', { name: 'Save' }).click()
  await expect(page.getByRole('list', { name: 'Configuration groups of Hamburg' }).getByText('Harbour')).toBeVisible()

  // What a new scope holds is what this client takes for the factory defaults.
  await page.getByRole('link', { name: 'Presence management of Hamburg' }).click()
  await expect(page.getByRole('heading', { level: 1, name: 'Presence management: Hamburg' })).toBeVisible()
  const hamburg = page.url().replace(/.*\//, '')
  const answer = await context.request.get(`/api/v1/scopes/${hamburg}/settings`)
  const shipped = readScope(await answer.json())
  for (const [name, value] of Object.entries(FACTORY)) {
    const plain = JSON.parse(JSON.stringify(value))
    expect(shipped[name as keyof typeof shipped], name).toEqual({
      individual: false,
      value: plain,
      version: expect.any(String),
    })
  }

  // Templates: one is added and used in the same save, another one is edited.
  await page.getByRole('button', { name: 'Add template' }).click()
  const form = page.getByRole('dialog', { name: 'New template' })
  await form.getByLabel('Name').fill('At the quay')
  await form.getByRole('button', { name: 'Be right back' }).click()
  await form.getByLabel('Text').fill('At the quay')
  await form.getByLabel('Call forwarding').selectOption({ label: 'Forward calls to' })
  await form.getByLabel('How far users may change the forwarding').selectOption({ label: 'may not change it' })
  await form.getByRole('button', { name: 'Save' }).click()
  await page.getByRole('button', { name: 'Edit “Break”' }).click()
  await page.getByRole('dialog', { name: 'Edit template' }).getByLabel('Text').fill('Coffee')
  await page.getByRole('dialog').getByRole('button', { name: 'Save' }).click()
  await page
    .getByRole('group', { name: 'When the screen is locked' })
    .getByLabel('Profile', { exact: true })
    .selectOption('At the quay')
  await changes(page).getByRole('button', { name: '3 unsaved changes' }).click()
  await save(page)
  await page.reload()
  const quay = page.getByRole('row').filter({ has: page.getByRole('rowheader', { name: /At the quay/ }) })
  await expect(quay).toContainText('Forwards calls to voicemail')
  await expect(quay).toContainText('automatic activation, screen locked')
  await expect(page.getByRole('rowheader', { name: /Break/ })).toContainText('Coffee')

  // A person, who then chooses an inactivity value of their own.
  await page.getByRole('link', { name: 'People', exact: true }).click()
  await page.getByRole('button', { name: 'Add person' }).click()
  const person = page.getByRole('dialog', { name: 'New person' })
  await person.getByRole('textbox', { name: 'Name' }).fill('Hans Hafen')
  await person.getByLabel('Location').selectOption({ label: 'Hamburg' })
  await person.getByLabel('Configuration group').selectOption({ label: 'Harbour' })
  await person.getByLabel('Login').fill('hans')
  await person.getByLabel('Password').fill('short')
  await person.getByRole('button', { name: 'Save' }).click()
  await expect(person.getByText(/at least 10/).first()).toBeVisible()
  await person.getByLabel('Password').fill(password)
  await person.getByRole('button', { name: 'Save' }).click()
  await expect(page.getByText('Hans Hafen is saved')).toBeVisible()

  const hans = (await browser.newContext({ baseURL: office.url })).request
  expect((await hans.post('/api/v1/session', { data: { login: 'hans', password } })).ok()).toBe(true)
  const break_ = shipped.templates.value.find((x) => x.name === 'Break')?.id
  const own = { on: true, profile: break_, minutes: 3 }
  const set = await hans.put('/api/v1/people/me/settings', { data: { activation: { inactivity: own } } })
  expect(set.ok(), await set.text()).toBe(true)
  const inactivity = async () => (await (await hans.get('/api/v1/people/me/settings')).json()).activation.inactivity
  expect((await inactivity()).effective).toEqual(own)

  // His own setting keeps a template from being deleted or deactivated, which only the server knows.
  await page.goto(`/admin/scopes/${hamburg}`)
  await page.getByRole('button', { name: 'Delete “Break”' }).click()
  await page.getByRole('switch', { name: 'People may make their own profiles' }).click()
  await changes(page).getByRole('button', { name: 'Save all' }).click()
  const trouble = changes(page).getByRole('group').filter({ hasText: 'Nothing was saved' })
  await expect(trouble).toContainText('It is about: Profile templates.')
  await expect(trouble).toContainText('"Break" by the own settings of one person in configuration group "Harbour"')
  await expect(trouble).toContainText('Used by: people’s own settings.')
  await expect(changes(page).getByRole('button', { name: '2 unsaved changes' })).toBeVisible()
  await changes(page).getByRole('button', { name: 'Discard' }).click()
  await page.getByRole('alertdialog').getByRole('button', { name: 'Discard' }).click()
  await page.getByRole('switch', { name: '“Break” is active' }).click()
  await changes(page).getByRole('button', { name: 'Save all' }).click()
  await expect(trouble).toContainText('Used by: people’s own settings.')
  await changes(page).getByRole('button', { name: 'Discard' }).click()
  await page.getByRole('alertdialog').getByRole('button', { name: 'Discard' }).click()

  // One that the settings here use cannot even be asked for; by the API it is refused, and named.
  await expect(page.getByRole('button', { name: 'Delete “At the quay”' })).toHaveAccessibleDescription(
    'It cannot be deleted. Used by: automatic activation, screen locked',
  )
  const now = readScope(await (await context.request.get(`/api/v1/scopes/${hamburg}/settings`)).json())
  const used = now.templates.value.find((x) => x.name === 'At the quay')?.id
  const refused = await context.request.delete(`/api/v1/scopes/${hamburg}/templates/${used}`)
  expect(refused.status()).toBe(409)
  expect(await refused.text()).toContain('activation.lock')

  // The reset counts him first; it is not done yet.
  await page.getByRole('button', { name: 'Reset…' }).click()
  const ask = page.getByRole('alertdialog', { name: 'Reset presence management settings of Hamburg?' })
  await expect(ask.getByText('The own settings of 1 person return to the central values.')).toBeVisible()
  await ask.getByRole('button', { name: 'Cancel' }).click()
  expect((await inactivity()).own).toEqual(own)

  // "Cannot change" discards his value at once, and "may change" does not bring it back.
  await page.getByLabel('Without input: Users').selectOption({ label: 'User cannot change' })
  await changes(page).getByRole('button', { name: '1 unsaved change' }).click()
  await expect(changes(page)).toContainText('what people have set for themselves is discarded at once')
  expect((await inactivity()).own).toEqual(own)
  await save(page)
  expect(await inactivity()).toMatchObject({ effective: { minutes: 10 }, central: { user_may_change: false } })
  expect((await inactivity()).own).toBeUndefined()
  await page.getByLabel('Without input: Users').selectOption({ label: 'User may change' })
  await save(page)
  expect(await inactivity()).toMatchObject({ effective: { minutes: 10 }, central: { user_may_change: true } })
  expect((await inactivity()).own).toBeUndefined()

  // The group takes its own activation, which begins with the factory defaults; with it he has a value again, and the
  // reset takes it away.
  await page.getByRole('link', { name: 'All locations' }).click()
  await page.getByRole('link', { name: 'Presence management of Harbour' }).click()
  const activation = page.getByRole('region', { name: 'Automatic activation' })
  await activation.getByRole('radio', { name: 'Individual' }).check()
  await activation.getByLabel('After minutes without input').fill('20')
  await activation.getByLabel('After minutes without input').press('Tab')
  await save(page)
  expect((await inactivity()).effective.minutes).toBe(20)
  await hans.put('/api/v1/people/me/settings', { data: { activation: { inactivity: own } } })
  await page.getByRole('button', { name: 'Reset…' }).click()
  const reset = page.getByRole('alertdialog')
  await expect(reset.getByText('The own settings of 1 person return to the central values.')).toBeVisible()
  await reset.getByRole('button', { name: 'Reset' }).click()
  await expect(page.getByText('Done: the settings of 1 person are back to the central values.')).toBeVisible()
  expect((await inactivity()).effective.minutes).toBe(20)
  await activation.getByRole('radio', { name: 'As the location (default)' }).check()
  await save(page)
  expect((await inactivity()).effective.minutes).toBe(10)

  // A location with people in it stays; the log has all of it.
  await page.getByRole('link', { name: 'All locations' }).click()
  await page.getByRole('button', { name: 'Remove “Hamburg”' }).click()
  await page.getByRole('alertdialog').getByRole('button', { name: 'Remove' }).click()
  await expect(page.getByText('1 person still belongs to the location')).toBeVisible()
  await page.getByRole('link', { name: 'Audit log' }).click()
  const log = page.getByRole('list', { name: 'Entries' })
  await expect(log.getByRole('listitem').first()).toContainText('Changed central settings')
  await expect(log.getByRole('listitem').first()).toContainText('Scope: Harbour · Section: Automatic activation')
  await expect(log.getByText('Reset presence management settings')).toBeVisible()
  await expect(log.getByText('concerns Hans Hafen').first()).toBeVisible()
})

test('groups and tokens are taken by the server as the pages send them', async ({ browser }) => {
  const context = await browser.newContext({ baseURL: office.url, locale: 'en-GB' })
  const page = await context.newPage()
  await page.goto('/admin/groups')
  await page.locator('input[name=username]').fill('ada')
  await page.locator('input[name=password]').fill(password)
  await page.locator('button[type=submit]').click()
  await page.getByRole('button', { name: 'Add work group' }).click()
  await page.getByRole('dialog').getByRole('textbox', { name: 'Name' }).fill('Harbour office')
  await page.getByRole('combobox', { name: /^Members/ }).fill('hans')
  await page.getByRole('menuitemcheckbox', { name: 'Hans Hafen' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Save' }).click()
  await expect(page.getByRole('list', { name: 'Work groups' })).toContainText('Members: Hans Hafen')
  await page.getByRole('button', { name: 'Add monitoring group' }).click()
  await page.getByRole('dialog').getByRole('textbox', { name: 'Name' }).fill('Reception')
  await page.getByRole('combobox', { name: /^Observers/ }).fill('ada')
  await page.getByRole('menuitemcheckbox', { name: 'Ada Admin' }).click()
  await page.getByRole('combobox', { name: /^Members/ }).fill('hans')
  await page.getByRole('menuitemcheckbox', { name: 'Hans Hafen' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Save' }).click()
  await expect(page.getByRole('list', { name: 'Monitoring groups' })).toContainText('Observers: Ada Admin')

  await page.getByRole('link', { name: 'System settings' }).click()
  await page.getByRole('link', { name: 'Tokens' }).click()
  await page.getByRole('button', { name: 'Make token' }).click()
  await page.getByRole('dialog').getByRole('textbox', { name: 'Name' }).fill('Gate')
  await page.getByRole('dialog').getByRole('textbox', { name: 'Origin' }).fill('gate')
  await page.getByRole('dialog').getByRole('button', { name: 'Make' }).click()
  const secret = await page.getByLabel('Secret').inputValue()
  await page.getByRole('button', { name: 'Close' }).click()
  const { people } = await (await context.request.get('/api/v1/people?q=hans')).json()
  const program = await browser.newContext({
    baseURL: office.url,
    extraHTTPHeaders: { Authorization: `Bearer ${secret}` },
  })
  const claim = () => program.request.put(`/api/v1/people/${people[0].id}/claim`, { data: { status: 'busy' } })
  expect((await claim()).ok()).toBe(true)
  await page.getByRole('button', { name: 'Revoke “Gate”' }).click()
  await page.getByRole('alertdialog').getByRole('button', { name: 'Revoke' }).click()
  await expect(page.getByText('No token yet')).toBeVisible()
  expect((await claim()).status()).toBe(401)

  // Somebody who is deleted is gone, and the log keeps no name.
  await page.getByRole('link', { name: 'People', exact: true }).click()
  await page.getByRole('button', { name: 'Edit “Hans Hafen”' }).click()
  await page.getByRole('dialog', { name: 'Hans Hafen' }).getByRole('button', { name: 'Delete…' }).click()
  await page.getByLabel('Type “Hans Hafen” to confirm').fill('Hans Hafen')
  await page.getByRole('button', { name: 'Delete for good' }).click()
  await expect(page.getByText('Hans Hafen is deleted')).toBeVisible()
  await page.getByRole('link', { name: 'Audit log' }).click()
  await expect(page.getByRole('list', { name: 'Entries' }).getByText('Deleted a person')).toBeVisible()
})
