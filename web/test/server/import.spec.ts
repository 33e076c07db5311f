import { expect, type Page, test } from '@playwright/test'
import { Office, password } from './office'

let office: Office

test.beforeAll(async () => {
  office = await Office.start()
  await office.call('POST', 'locations', { name: 'Hamburg', time_zone: 'Europe/Berlin' })
  await office.add('Tom Team') // in Berlin
})

test.afterAll(async () => {
  await office.stop()
})

const counted = (page: Page, word: string) => page.getByText(word, { exact: true }).locator('..')
const records = async (query: string) =>
  (await office.call('GET', `records?${query}`)) as { total: number; records: { login: string; location: string }[] }

test('a list with broken rows is tried out, corrected and entered', async ({ browser }) => {
  const context = await browser.newContext({ baseURL: office.url, locale: 'en-GB' })
  const page = await context.newPage()
  await page.goto('/admin/people/import')
  await page.locator('input[name=username]').fill('ada')
  await page.locator('input[name=password]').fill(password)
  await page.locator('button[type=submit]').click()
  await expect(page.getByRole('heading', { level: 1, name: 'Import a list of people' })).toBeVisible()

  // As a spreadsheet writes it; ten thousand rows, and a few that are wrong.
  const good = Array.from({ length: 10_000 }, (_, i) => `p${i};Person ${i};+49 30 ${1000 + i};no`)
  const broken = [
    'x1;"Broken; One";none at all;no', // line 10002
    ';Nobody;;no',
    'p7;Person 7 again;;no',
    'x2;Two Cells',
    'x3;Xaver Drei;;perhaps',
    'tom;Tom Team-Neu;;yes', // is there already, in Berlin
  ]
  const list = (lines: string[]) => ({
    name: 'people.csv',
    mimeType: 'text/csv',
    buffer: Buffer.from(`\ufeff${['Login;Name;Work number;VIP', ...lines].join('\r\n')}\r\n`),
  })
  await page.getByLabel('File (CSV)').setInputFiles(list([...good, ...broken]))
  await expect(page.getByText('people.csv: 10,006 rows. Columns: login, name, work_number, vip.')).toBeVisible()
  await page.getByRole('button', { name: 'Try it out' }).click()
  const dry = page.getByRole('region', { name: 'What would happen' })
  await expect(dry).toBeVisible({ timeout: 30_000 })
  await expect(counted(page, 'Added')).toHaveText('Added0') // nobody says where new people belong
  await expect(page.getByText('Only the first 1,000 reasons are told.')).toBeVisible()

  await page.getByLabel('Location of new people whose row says none').selectOption('Hamburg')
  await page.getByRole('button', { name: 'Try it out' }).click()
  await expect(counted(page, 'Added')).toHaveText('Added10,000', { timeout: 30_000 })
  await expect(counted(page, 'Changed')).toHaveText('Changed1')
  await expect(counted(page, 'Refused')).toHaveText('Refused5')
  const rows = dry.getByRole('table', { name: 'Refused rows' }).locator('tbody').getByRole('row')
  await expect(rows).toHaveText([
    /^10002x1work_number/,
    /^10003loginmust not be empty/,
    /^10004p7loginstands in line 9 already/,
    /^10005x2/,
    /^10006x3vip"perhaps" is neither yes nor no/,
  ])
  expect((await records('limit=1')).total).toBe(2)

  await page.getByRole('button', { name: 'Enter now' }).click()
  const bar = page.getByRole('progressbar', { name: 'The list is entered' })
  await expect(bar).toBeVisible()
  await page.reload() // the address knows the job
  await expect(page.getByRole('region', { name: 'What has happened' })).toBeVisible({ timeout: 60_000 })
  await expect(counted(page, 'Added')).toHaveText('Added10,000')
  await expect(counted(page, 'Refused')).toHaveText('Refused5')
  const { locations } = (await office.call('GET', 'locations')) as { locations: { id: string; name: string }[] }
  const at = (name: string) => locations.find((l) => l.name === name)?.id ?? ''
  expect((await records(`limit=1&location=${at('Hamburg')}`)).total).toBe(10_000)
  expect((await records('q=tom')).records).toMatchObject([{ login: 'tom', location: at('Berlin') }])

  // The page of people finds them, and makes a link for one of them, with which they sign in.
  await page.getByRole('link', { name: 'People', exact: true }).first().click()
  await page.getByRole('region', { name: 'People' }).getByRole('searchbox').fill('p4711')
  await expect(page.getByText('1 person found')).toBeVisible()
  await page.getByRole('button', { name: 'Make a link for Person 4711' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Make a link' }).click()
  const link = await page.getByLabel('Link', { exact: true }).inputValue()
  await page.getByRole('button', { name: 'Close' }).click()
  const other = await (await browser.newContext({ locale: 'en-GB' })).newPage()
  await other.goto(link)
  await other.locator('input[type=password]').first().fill(password)
  await other.locator('input[type=password]').last().fill(password)
  await other.locator('button[type=submit]').click()
  await expect(other.getByRole('navigation', { name: 'Main' })).toBeVisible()

  // The log knows both, and its filters find them.
  await page.goto('/admin/audit?action=link.invitation')
  const entries = page.getByRole('list', { name: 'Entries' }).locator('> li')
  await expect(entries).toHaveCount(1)
  await expect(entries).toContainText('Made an invitation')
  await expect(entries).toContainText('concerns Person 4711')
  const table = await page.getByRole('link', { name: 'Table (CSV)' }).getAttribute('href')
  expect(await (await context.request.get(table ?? '')).text()).toMatch(/^id,.*\r\n.*link\.invitation.*\r\n$/)
})

test('a directory that cannot be reached says so, step by step', async ({ browser }) => {
  const context = await browser.newContext({ baseURL: office.url, locale: 'en-GB' })
  const page = await context.newPage()
  await page.goto('/admin/system/directories/new')
  await page.locator('input[name=username]').fill('ada')
  await page.locator('input[name=password]').fill(password)
  await page.locator('button[type=submit]').click()
  await page.getByRole('textbox', { name: 'Name', exact: true }).first().fill('Nowhere')
  await page.getByLabel('Addresses').fill('ldap://127.0.0.1:9')
  await page.getByRole('textbox', { name: 'Base', exact: true }).fill('dc=example,dc=com')
  await page.getByRole('textbox', { name: 'Filter' }).fill('(cn=')
  await page.getByRole('textbox', { name: 'Login', exact: true }).fill('two words')
  await page.getByLabel('Read by itself').selectOption({ label: 'only when asked' })
  await page.getByRole('button', { name: 'Save' }).click()
  await expect(page.locator('.fui-Field__validationMessage')).toHaveCount(2)
  await page.getByRole('textbox', { name: 'Filter' }).fill('')
  await page.getByRole('textbox', { name: 'Login', exact: true }).fill('')
  await page.getByRole('button', { name: 'Save' }).click()
  await expect(page.getByText('“Nowhere” is saved')).toBeVisible()
  await page.getByRole('button', { name: 'Check' }).click()
  const steps = page.getByRole('list', { name: 'What the check found' }).getByRole('listitem')
  await expect(steps.first()).toContainText('Name of the server works')
  await expect(steps.last()).toContainText('Connection does not work')
  await expect(steps.last()).toContainText('What to do: Check that the directory runs')
  await page.getByRole('button', { name: 'Synchronise now' }).click()
  await expect(page.getByText('It was broken off')).toBeVisible()
  const state = page.getByRole('region', { name: 'State' })
  await expect(state).toContainText('Does not work')
  await expect(state).toContainText('the directory cannot be reached')
  await state.getByRole('button', { name: 'Delete…' }).click()
  await page.getByRole('alertdialog').getByRole('button', { name: 'Delete', exact: true }).click()
  await expect(page.getByText('No directory yet')).toBeVisible()
})
