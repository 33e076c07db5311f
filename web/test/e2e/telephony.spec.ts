import type { Page } from '@playwright/test'
import { expect, open, test } from './office'

const region = (page: Page, name: string) => page.getByRole('region', { name, exact: true })
const changes = (page: Page) => region(page, 'Unsaved changes')
/** The value beside a name in a list of facts. */
const fact = (page: Page, name: string) =>
  page.locator('dl.facts > div').filter({ has: page.getByText(name, { exact: true }) })

const LINES = { connector: 't1', forwarding: 't1' } as const

test('an administrator enters an Asterisk, and is told what is missing and what is not allowed', async ({ page }) => {
  test.slow() // a story of many fields
  await open(page, '/admin/system/telephony')
  await page.getByRole('link', { name: 'Add telephone system' }).click()
  await page.getByRole('link', { name: 'Asterisk / FreePBX (AMI)' }).click()
  await expect(page).toHaveURL(/telephony\/new\?kind=asterisk$/)
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('New: Asterisk / FreePBX (AMI)')
  await page.getByRole('textbox', { name: 'Name', exact: true }).fill('Asterisk Kiel')
  await page.getByRole('button', { name: 'Save' }).click()
  await expect(changes(page)).toContainText(
    'A name or an address is needed. The user name of manager.conf is needed. The secret of manager.conf is needed.',
  )
  await page.getByRole('textbox', { name: 'Name or address' }).fill('pbx.kiel.example')
  await expect(page.getByLabel('Port')).toHaveAttribute('placeholder', '5038')
  await page.getByLabel('User name').fill('doorlight')
  await page.getByLabel('Secret', { exact: true }).fill('s3cret')
  await page.getByRole('radio', { name: /^The secret itself/ }).check()
  await page.getByRole('button', { name: 'Save' }).click()
  await expect(
    region(page, 'User of the manager interface').getByText('without TLS the secret could be read on the way'),
  ).toBeVisible()
  await page.getByRole('checkbox', { name: 'Encrypted (TLS)' }).check()
  await expect(page.getByLabel('Port')).toHaveAttribute('placeholder', '5039')
  await page.getByLabel('How numbers of the office begin').fill('+49 431 77\n+49 431 88')
  await page.getByRole('radio', { name: /^In the database, as FreePBX has it/ }).check()
  await page.getByText('Names in the database').click()
  await page.getByLabel('When busy').fill('-')
  await page.getByRole('button', { name: 'Save' }).click()
  await expect(page.getByText('“Asterisk Kiel” is saved')).toBeVisible()
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Asterisk Kiel')
  await expect(page.getByLabel('How numbers of the office begin')).toHaveValue('+49 431 77\n+49 431 88')
  await expect(page.getByLabel('When busy')).toHaveValue('-')
  await expect(region(page, 'Lines')).toContainText('Nobody has a line in it.')

  await page.getByRole('link', { name: 'All telephone systems' }).click()
  await expect(page.getByRole('list', { name: 'Telephone systems' })).toContainText(
    'Asterisk / FreePBX (AMI) · pbx.kiel.example:5039',
  )
})

test('a check with a line, and the lines that are not as they are to be', async ({ page }) => {
  await open(page, '/admin/system/telephony/t1', { telephone: LINES })
  await page.getByLabel('Number of a line').fill('901')
  await page.getByRole('button', { name: 'Check' }).click()
  const steps = page.getByRole('list', { name: 'What the check found' })
  await expect(steps).toContainText(/Line does not work.*901 has no hint with a device/)
  await page.getByLabel('Number of a line').fill('101')
  await page.getByRole('button', { name: 'Check' }).click()
  await expect(steps).toContainText(/Call forwarding works.*it can be read/)
  await expect(page.getByText('Every step works.')).toBeVisible()

  const lines = region(page, 'Lines')
  await expect(lines).toContainText(/Lines of people\d+/)
  const row = lines.getByRole('row', { name: /Inês Carvalho/ })
  await expect(row).toContainText('Does not work')
  await expect(row).toContainText('pbx.example.com does not answer any more.')
  await expect(lines.getByRole('row', { name: /Jonas Keller/ })).toContainText(
    'Appointment forwards calls, but the number of your voicemail is empty.',
  )

  await page.getByRole('button', { name: 'Delete…' }).click()
  await page.getByRole('alertdialog').getByRole('button', { name: 'Delete' }).click()
  await expect(page.getByText('the settings of location "Berlin" name it')).toBeVisible()
})

test('for a location: where lines are, by what they are forwarded, and feature codes', async ({ page }) => {
  test.slow() // a story of many fields
  await open(page, '/admin/scopes/berlin')
  const telephony = region(page, 'Telephony')
  const by = (name: RegExp) => telephony.getByRole('radio', { name })
  await expect(by(/^By that telephone system/)).toBeDisabled()
  await telephony.getByLabel('Telephone system of their lines').selectOption('Gateway (SIP), switched off')
  await expect(by(/^By that telephone system.*“Gateway” tells what lines do, and cannot forward them/)).toBeDisabled()
  await telephony.getByLabel('Telephone system of their lines').selectOption('Asterisk Berlin')
  await by(/^By that telephone system/).check()
  await telephony.getByRole('button', { name: 'Add feature code' }).click()
  await telephony.getByRole('textbox', { name: 'Code' }).fill('8a')
  await telephony.getByRole('combobox', { name: 'Profile' }).selectOption('Break')
  await changes(page)
    .getByRole('button', { name: /unsaved change/ })
    .click()
  await expect(changes(page).getByRole('list', { name: 'Telephony' }).getByRole('listitem')).toHaveText([
    /Telephone system of their lines.*nothing.*Asterisk Berlin/,
    /Forwarding by.*nothing.*Asterisk Berlin/,
    /Feature codes.*nothing.*8a: Break/,
  ])
  await expect(changes(page)).toContainText('Calls are forwarded from now on as profiles say.')
  await changes(page).getByRole('button', { name: 'Save all' }).click()
  await expect(telephony.getByText('must be 2 to 20 digits, * and #, such as *81')).toBeVisible()
  await telephony.getByRole('textbox', { name: 'Code' }).fill('*81')
  await changes(page).getByRole('button', { name: 'Save all' }).click()
  await expect(page.getByText('All changes are saved')).toBeVisible()
  await expect(region(page, 'Profile templates').getByRole('row', { name: /Break/ }).first()).toContainText(
    'telephony, feature code',
  )
})

test('the lines of a person are entered in their record', async ({ page }) => {
  await open(page, '/admin/people?edit=jonas')
  const dialog = page.getByRole('dialog')
  await expect(dialog).toContainText('None is entered: the work number is the line')
  await dialog.getByRole('button', { name: 'Add line' }).click()
  await dialog.getByRole('textbox', { name: 'Line', exact: true }).fill('301')
  await dialog.getByRole('button', { name: 'Add line' }).click()
  const second = dialog.getByRole('list', { name: 'Telephone lines' }).getByRole('listitem').nth(1)
  await second.getByRole('textbox', { name: 'Line', exact: true }).fill('302')
  await second.getByLabel('Telephone system').selectOption('Gateway, switched off')
  await expect(second.getByRole('checkbox', { name: 'Follows presence' })).not.toBeChecked()
  await expect(second).toContainText('This system cannot forward.')
  await dialog.getByRole('button', { name: 'Move “302” up' }).click()
  await dialog.getByRole('button', { name: 'Save' }).click()
  await expect(dialog).toHaveCount(0)
  await page.getByRole('button', { name: 'Edit “Jonas Keller”' }).click()
  await expect(dialog.getByRole('textbox', { name: 'Line', exact: true }).first()).toHaveValue('302')
})

test.describe('my own page', () => {
  test('forwards a line by hand: what is refused is said at the number, and own numbers are offered', async ({
    page,
  }) => {
    test.slow() // it is asked every four seconds
    const line = { reported: { one_number: '+491715550100' } }
    await open(page, '/settings/telephone', { telephone: { connector: 't1', forwarding: 't1', line } })
    await expect(page.getByRole('link', { name: 'Telephone', exact: true })).toHaveAttribute('aria-current', 'page')
    await expect(fact(page, 'Right now')).toContainText('One Number Service: rings at +491715550100 too')
    const form = page.getByRole('form', { name: 'Forward line 100 by hand' })
    await expect(form.getByRole('radio')).toHaveCount(4)
    await form.getByRole('radio', { name: 'All calls' }).check()
    await form.getByRole('button', { name: 'Set' }).click()
    await expect(form.getByText('A number is needed.')).toBeVisible()
    await form.getByRole('textbox', { name: 'All calls to' }).fill('103')
    await form.getByRole('button', { name: 'Set' }).click()
    await expect(form.getByText('Tom Albrecht does not want to be disturbed.')).toBeVisible()
    await form.getByRole('button', { name: 'Mobile +49 151 555 0110' }).click()
    await expect(form.getByText('Tom Albrecht does not want to be disturbed.')).toHaveCount(0)
    await form.getByRole('button', { name: 'Set' }).click()
    await expect(fact(page, 'Right now')).toContainText('All calls to +491515550110')
    await expect(form.getByRole('button', { name: 'Set' })).toBeDisabled()

    await form.getByRole('radio', { name: 'No forwarding' }).check()
    await expect(form).toContainText('This also switches off One Number Service forwarding.')
    await form.getByRole('button', { name: 'Set' }).click()
    await expect(fact(page, 'Right now')).toContainText('Not forwarded')
  })

  test('says in German why a line was left as it was', async ({ page }) => {
    const refusal = 'Break forwards calls, but your home number is empty. The forwarding was left as it was.'
    await open(page, '/settings/telephone', { language: 'de', telephone: { ...LINES, line: { refusal } } })
    await expect(page.getByText('„Break“ leitet Anrufe um, aber die Privatnummer ist leer.')).toBeVisible()
    await expect(fact(page, 'Zustand')).toContainText('Gelassen, wie es war')
  })

  test('makes sign-in data for a desk telephone, this once, and removes it', async ({ page }) => {
    await open(page, '/settings/telephone')
    await expect(page.getByText('No telephone line')).toBeVisible()
    const desk = region(page, 'Desk telephones')
    await desk.getByRole('button', { name: 'Add telephone' }).click()
    await page.getByRole('dialog').getByRole('textbox', { name: 'Name' }).fill('Desk')
    await page.getByRole('dialog').getByRole('button', { name: 'Make sign-in data' }).click()
    const made = page.getByRole('alertdialog', { name: 'Sign-in data for “Desk”' })
    await expect(made.getByLabel('Password')).toHaveValue('k7tqf2vwx8hmz3jrbn5d')
    await expect(made.getByLabel('User name')).toHaveValue('anna-1')
    await expect(made).toContainText('127.0.0.1 (UDP 5060)')
    await made.getByRole('button', { name: 'Close' }).click()
    await expect(desk.getByRole('list', { name: 'Desk telephones' })).toContainText('signs in as anna-1')
    await desk.getByText('How to set up keys').click()
    await expect(desk).toContainText('sip:302@127.0.0.1')
    await expect(desk).toContainText('sip:favourites@127.0.0.1')
    await desk.getByRole('button', { name: 'Remove “Desk”' }).click()
    await page.getByRole('alertdialog').getByRole('button', { name: 'Remove' }).click()
    await expect(desk).toContainText('None has sign-in data yet.')
  })
})

test.describe('on the card of a colleague', () => {
  test('an assistant forwards for them', async ({ page }) => {
    await open(page, '/people/mira', { telephone: LINES })
    const calls = region(page, 'Call forwarding')
    await expect(calls).toContainText('Not forwarded')
    await calls.getByRole('button', { name: 'Forward for Mira Yıldız' }).click()
    await calls.getByRole('radio', { name: 'Do not disturb' }).check()
    await calls.getByRole('button', { name: 'Set' }).click()
    await expect(fact(page, 'Right now')).toContainText('Do not disturb')
  })

  test('a team colleague sees where calls go, and an employee does not', async ({ page }) => {
    await open(page, '/people/tom', { telephone: LINES })
    const calls = region(page, 'Call forwarding')
    await expect(calls).toContainText('Not forwarded')
    await expect(calls.getByRole('button')).toHaveCount(0)
    await open(page, '/people/clara', { telephone: LINES })
    await expect(page.getByText('To Clara Neumann you are an employee.')).toBeVisible()
    await expect(region(page, 'Call forwarding')).toHaveCount(0)
  })
})

test('no page about telephones is wider than a phone', async ({ page }) => {
  test.slow() // many pages
  await page.setViewportSize({ width: 360, height: 740 })
  const refusal = 'Break forwards calls, but your home number is empty. The forwarding was left as it was.'
  const telephone = { ...LINES, line: { refusal }, codes: [{ code: '*81', profile: 't-break' }] }
  for (const language of ['en', 'de'] as const) {
    for (const path of [
      '/settings/telephone',
      '/people/mira',
      '/admin/scopes/berlin',
      '/admin/system/telephony',
      '/admin/system/telephony/new',
      '/admin/system/telephony/t1',
      '/admin/system/telephony/t2',
      '/admin/system/telephony/t3',
      '/admin/system/telephony/t4',
    ]) {
      await open(page, path, { language, telephone })
      await expect(page.locator('.waiting')).toHaveCount(0)
      const wide = await page.evaluate(() => {
        const main = document.querySelector('main')
        return document.documentElement.scrollWidth > innerWidth || (main?.scrollWidth ?? 0) > (main?.clientWidth ?? 0)
      })
      expect(wide, `${path} in ${language}`).toBe(false)
    }
  }
})
