import type { Page } from '@playwright/test'
import { expect, open, test } from './office'

const region = (page: Page, name: string) => page.getByRole('region', { name, exact: true })
const save = (page: Page) => region(page, 'Unsaved changes').getByRole('button', { name: 'Save' }).click()
const changes = (page: Page) => region(page, 'Unsaved changes')
const steps = (page: Page) => page.getByRole('list', { name: 'What the check found' }).getByRole('listitem')

test.describe('Exchange', () => {
  test('enter one: the form asks for what the choices need', async ({ page }) => {
    test.slow() // many fields
    await open(page, '/admin/system/exchange')
    const list = page.getByRole('list', { name: 'Exchange' }).getByRole('listitem')
    await expect(list).toHaveText([/Exchange Berlin.*example.com.*Works/, /Exchange Munich.*Switched off/])
    await page.getByRole('link', { name: 'Add Exchange' }).click()
    await save(page)
    await expect(region(page, 'Unsaved changes')).toContainText(
      'A name is needed. At least one mail domain is needed. An account is needed. Its password is needed.',
    )
    await page.getByRole('textbox', { name: 'Name', exact: true }).fill('Exchange Hamburg')
    await page.getByRole('radio', { name: /^At a fixed address/ }).check()
    await expect(page.getByRole('textbox', { name: 'Mail domains' })).toHaveCount(0)
    await page.getByLabel('Address of Exchange Web Services').fill('http://mail.hamburg.example')
    await page.getByRole('textbox', { name: 'Account', exact: true }).fill('HAMBURG\\doorlight')
    await page.getByLabel('Password').fill('top secret')
    await save(page)
    await expect(page.getByText('has to begin with https://').first()).toBeVisible()
    await page.getByLabel('Address of Exchange Web Services').fill('https://mail.hamburg.example')

    // Each way of signing in has fields of its own.
    const auth = page.getByRole('combobox', { name: 'It signs in with' })
    await auth.selectOption('Kerberos')
    await expect(page.getByLabel('Domain controllers')).toBeVisible()
    await auth.selectOption('OAuth')
    await expect(page.getByLabel('Domain controllers')).toHaveCount(0)
    await expect(page.getByLabel('Client secret')).toHaveValue('top secret')
    await save(page)
    await expect(region(page, 'Unsaved changes')).toContainText('The address of the token service is needed.')
    await auth.selectOption('Basic (name and password)')
    await expect(page.getByLabel('Domain', { exact: true })).toHaveCount(0)
    await auth.selectOption('NTLM')

    // With rights on single calendars Exchange tells of no changes; otherwise it may be asked.
    await page.getByRole('radio', { name: /^It has rights on each calendar/ }).check()
    await expect(page.getByText('every calendar is read every few minutes')).toBeVisible()
    await page.getByRole('radio', { name: /^It acts for the owner/ }).check()
    await page.getByRole('radio', { name: /^Exchange is asked now and then/ }).check()
    await page.getByLabel('Seconds between questions').fill('30')
    await save(page)
    await expect(page.getByText('“Exchange Hamburg” is saved')).toBeVisible()
    await expect(page).toHaveURL(/exchange\/e-/)
    await expect(page.getByLabel('Seconds between questions')).toHaveValue('30')
    await expect(page.getByText('No calendar is read from it.')).toBeVisible()

    await page.getByRole('button', { name: 'Delete…' }).click()
    await page.getByRole('alertdialog').getByRole('button', { name: 'Delete' }).click()
    await expect(page).toHaveURL(/system\/exchange$/)
    await expect(list).toHaveCount(2)
  })

  test('a check, with a mailbox and without; calendars that fail; scripts to take along', async ({ page, context }) => {
    await context.grantPermissions(['clipboard-read', 'clipboard-write'])
    await open(page, '/admin/system/exchange/x1')
    await page.getByRole('button', { name: 'Check' }).click()
    await expect(steps(page)).toHaveText([/^Connection/, /^Encryption/, /^Sign-in/])
    await page.getByLabel('Email address of somebody').fill('nobody@example.com')
    await page.getByLabel('Email address of somebody').press('Enter')
    await expect(page.getByText('1 step does not work.')).toBeVisible()
    await expect(steps(page).last()).toContainText(
      /^Calendar.*Exchange knows no mailbox with this address.*What to do: Check the address./,
    )

    await expect(page.getByText('148 calendars are read from it. 5 of them cannot be read.')).toBeVisible()
    const failing = page.getByRole('list', { name: 'Calendars that cannot be read' }).getByRole('listitem')
    await expect(failing.nth(1)).toContainText(/Zoë.*may not act for this mailbox.*these appointments still count/)
    await expect(page.getByText('3 more cannot be read.')).toBeVisible()

    const scripts = page.getByRole('list', { name: 'Scripts for its set-up' })
    await expect(scripts.getByRole('listitem')).toHaveCount(5)
    const act = scripts.getByRole('listitem').filter({ hasText: 'Let it act for everybody' })
    await expect(act.getByRole('button')).toBeHidden()
    await act.getByText('Let it act for everybody').click()
    await expect(act).toContainText('Run it in the Exchange Management Shell.')
    await act.getByRole('button', { name: 'Copy: Let it act for everybody' }).click()
    await expect(act.getByRole('status')).toHaveText('Copied')
    expect(await page.evaluate(() => navigator.clipboard.readText())).toContain("-Members 'svc-doorlight'")
    await page.getByRole('textbox', { name: 'Account', exact: true }).fill('svc-other')
    await expect(page.getByText('They are filled in with what is saved')).toBeVisible()
    await expect(page.getByRole('button', { name: 'Check' })).toHaveAccessibleDescription(/Save your changes first/)
    await failing.nth(0).getByRole('link', { name: 'Jonas Keller' }).click()
    await page.getByRole('alertdialog').getByRole('button', { name: 'Leave' }).click()
    await expect(page).toHaveURL(/people\?edit=jonas/)
  })
})

test.describe('how changes are heard of, from a file of another product', () => {
  const file = (text: string, name = 'CalendarSyncExchange.config.xml') => ({
    name,
    mimeType: 'text/xml',
    buffer: Buffer.from(text),
  })
  const saying = (object: string) =>
    `<?xml version="1.0" encoding="utf-8"?>
<configuration><calendar_sync><exchange><events><advise Object="${object}"/></events></exchange></calendar_sync></configuration>`

  test('is chosen in the form, and saved with it', async ({ page }) => {
    await open(page, '/admin/system/exchange/x1')
    const input = page.getByLabel('Take over from CalendarSyncExchange.config.xml')
    const stream = page.getByRole('radio', { name: /^Exchange tells of them/ })
    const pull = page.getByRole('radio', { name: /^Exchange is asked now and then/ })
    await expect(stream).toBeChecked()
    await input.setInputFiles(file(saying('EwsStream')))
    await expect(page.getByText('says what is chosen already: “Exchange tells of them (stream)”.')).toBeVisible()
    await expect(changes(page)).toHaveCount(0)

    await input.setInputFiles(file(saying('EwsPull')))
    await expect(pull).toBeChecked()
    await expect(
      page.getByText(
        'Chosen from CalendarSyncExchange.config.xml: “Exchange is asked now and then (pull)”. It counts once you save.',
      ),
    ).toBeVisible()
    await changes(page).getByRole('button', { name: 'Discard' }).click()
    await expect(stream).toBeChecked()
    await expect(page.getByText('It counts once you save.')).toHaveCount(0)

    await input.setInputFiles(file(saying('EwsPull')))
    await save(page)
    await expect(page.getByText('“Exchange Berlin” is saved')).toBeVisible()
    await expect(pull).toBeChecked()
    await expect(page.getByText('It counts once you save.')).toHaveCount(0)

    // Where it has rights on single calendars there is nothing to choose, and so nothing to take over.
    await page.getByRole('radio', { name: /^It has rights on each calendar/ }).check()
    await expect(input).toHaveCount(0)
  })

  test('says what is wrong with the file, and leaves the choice alone', async ({ page }) => {
    await open(page, '/admin/system/exchange/x1', { language: 'de' })
    const input = page.getByLabel('Aus CalendarSyncExchange.config.xml übernehmen')
    for (const [text, words] of [
      ['', 'die Datei ist leer oder bricht ab'],
      ['<settings/>', 'das ist keine CalendarSyncExchange.config.xml: Sie beginnt nicht mit <configuration>'],
      ['<configuration/>', 'die Datei sagt nicht, wie Änderungen bekannt werden'],
      [saying('Mapi'), 'advise hat das Object „Mapi“; bekannt sind EwsStream und EwsPull'],
      [' '.repeat(100_001), 'Diese Datei ist zu groß'],
    ] as const) {
      await input.setInputFiles(file(text))
      await expect(page.getByText(words)).toBeVisible()
    }
    await expect(page.getByRole('radio', { name: /^Exchange meldet sie/ })).toBeChecked()
    await expect(page.getByRole('region', { name: 'Ungespeicherte Änderungen' })).toHaveCount(0)
  })
})

test.describe('HCL Domino', () => {
  test('enter one, change where mail files are, and delete it', async ({ page }) => {
    test.slow() // many fields
    await open(page, '/admin/system/exchange')
    await page.getByRole('link', { name: 'HCL Domino' }).click()
    const list = page.getByRole('list', { name: 'HCL Domino' }).getByRole('listitem')
    await expect(list).toHaveText([/Domino Kiel.*notes.kiel.example.*Works/])
    await page.getByRole('link', { name: 'Add Domino' }).click()
    await save(page)
    await expect(changes(page)).toContainText(
      'A name is needed. An address is needed. A user name is needed. Its Internet password is needed.',
    )
    await page.getByRole('textbox', { name: 'Name', exact: true }).fill('Domino Lübeck')
    await page.getByLabel('Address of the server').fill('http://notes.luebeck.example')
    await page.getByLabel('User name').fill('Doorlight Reader/Luebeck')
    await page.getByLabel('Internet password').fill('top secret')
    await save(page)
    await expect(page.getByText('must begin with https://').first()).toBeVisible()
    await page.getByRole('checkbox', { name: 'Allow an address that is not encrypted' }).check()
    await page.getByLabel('Where somebody’s mail file is').fill('mail/all.nsf')
    await save(page)
    await expect(page.getByText('must contain one of {login}, {local}, {email}').first()).toBeVisible()
    await page.getByLabel('Where somebody’s mail file is').fill('mail/{login}.nsf')
    await page.getByLabel('Requests at the same time').fill('4')
    await save(page)
    await expect(page.getByText('“Domino Lübeck” is saved')).toBeVisible()
    await expect(page).toHaveURL(/domino\/d-/)
    await expect(page.getByLabel('Requests at the same time')).toHaveValue('4')
    await expect(page.getByLabel('Login of somebody')).toBeVisible()
    await expect(page.getByText('No calendar is read from it.')).toBeVisible()

    // Another address needs the password again: it must not go where nobody meant it to.
    await page.getByLabel('Address of the server').fill('https://notes.luebeck.example')
    await save(page)
    await expect(page.getByText('must be given again for other servers').first()).toBeVisible()
    await page.getByLabel('Internet password').fill('top secret')
    await save(page)
    await expect(changes(page)).toHaveCount(0)

    await page.getByRole('button', { name: 'Delete…' }).click()
    await page.getByRole('alertdialog').getByRole('button', { name: 'Delete' }).click()
    await expect(page).toHaveURL(/system\/domino$/)
    await expect(list).toHaveCount(1)
  })

  test('a check, by an address or a mail file; calendars that fail; no scripts', async ({ page }) => {
    await open(page, '/admin/system/domino/n1')
    await page.getByRole('button', { name: 'Check' }).click()
    await expect(steps(page)).toHaveText([/^Server/, /^Encryption/, /^Sign-in/, /^Calendar service/])
    const whose = page.getByLabel('Email address of somebody')
    await whose.fill('anna@kiel.example')
    await whose.press('Enter')
    await expect(page.getByText('Every step works.')).toBeVisible()
    await expect(steps(page)).toHaveCount(7)
    await expect(steps(page).nth(4)).toContainText('The mail file /mail/anna.nsf is there.')
    await whose.fill('mail/nobody.nsf')
    await whose.press('Enter')
    await expect(steps(page).last()).toContainText(
      /^Mail file.*no mail file \/mail\/nobody.nsf.*What to do: Compare it/,
    )

    await expect(page.getByText('23 calendars are read from it. 1 of them cannot be read.')).toBeVisible()
    const failing = page.getByRole('list', { name: 'Calendars that cannot be read' }).getByRole('listitem')
    await expect(failing).toContainText(/Tom.*There is no mail file for this user/)
    await expect(page.getByText('Scripts for its set-up')).toHaveCount(0)
  })

  test('a check in German', async ({ page }) => {
    await open(page, '/admin/system/domino/n1', { language: 'de' })
    await page.getByLabel('E-Mail-Adresse einer Person').fill('tom@kiel.example')
    await page.getByRole('button', { name: 'Prüfen' }).click()
    const found = page.getByRole('list', { name: 'Was die Prüfung ergeben hat' }).getByRole('listitem')
    await expect(found).toHaveText([
      /^Server.*Der Server antwortet\./,
      /^Verschlüsselung.*Die Verbindung ist verschlüsselt/,
      /^Anmeldung.*meldet sich mit HTTP Basic an/,
      /^Kalenderdienst.*ist aktiviert/,
      /^Mail-Datei.*keine Mail-Datei \/mail\/tom.nsf \(404\)\..*Was zu tun ist: Vergleichen Sie sie/,
    ])
  })

  test('is a part of health', async ({ page }) => {
    await open(page, '/admin/system/health')
    const row = page.getByRole('row').filter({ hasText: 'Domino Kiel' })
    await expect(row).toContainText(/HCL Domino.*Works/)
    await row.getByRole('link', { name: 'Domino Kiel' }).click()
    await expect(page).toHaveURL(/system\/domino\/n1/)
  })

  test('can hold the calendars of a scope', async ({ page }) => {
    await open(page, '/admin/scopes/berlin', { calendar: { method: 'central', connector: 'n1' } })
    const calendar = region(page, 'Calendar')
    await expect(calendar.getByRole('combobox', { name: 'System' })).toHaveValue('n1')
    await expect(calendar.getByRole('link', { name: 'Add Domino' })).toHaveAttribute('href', /domino\/new$/)
  })
})

test.describe('Graph API', () => {
  test('an application whose secret ends soon, and one with a certificate', async ({ page }) => {
    test.slow() // many fields
    await open(page, '/admin/system/graph')
    const list = page.getByRole('list', { name: 'Applications' }).getByRole('listitem')
    await expect(list).toHaveText([/Microsoft 365.*The client secret ends in 19 days.*Works/, /Subsidiary.*Never used/])
    await list.first().getByRole('link', { name: 'Open “Microsoft 365”' }).click()
    await expect(page.getByText('The client secret ends on 13 December 2026, in 19 days.')).toBeVisible()
    const origin = new URL(page.url()).origin
    await expect(page.getByLabel('Redirect URI')).toHaveValue(`${origin}/accounts/g1/callback`)
    await page.getByText('Register the application').first().click()
    await expect(region(page, 'Register the application')).toContainText(`'${origin}/accounts/g1/callback'`)

    await page.getByRole('link', { name: 'All applications' }).click()
    await page.getByRole('link', { name: 'Add application' }).click()
    await page.getByRole('textbox', { name: 'Name', exact: true }).fill('Research')
    await page.getByLabel('Application (client) ID').fill('7d793037-a076-4d8b-a8a8-2f1b8d0a7a11')
    await page.getByLabel('Directory (tenant) ID').fill('contoso')
    await page.getByRole('combobox', { name: 'Cloud' }).selectOption('Other addresses')
    await page.getByRole('radio', { name: 'a certificate' }).check()
    await expect(page.getByLabel('The secret ends on')).toHaveCount(0)
    await save(page)
    await expect(region(page, 'Unsaved changes')).toContainText(
      'A certificate with its private key is needed. The address for signing in is needed. The address of Microsoft Graph is needed.',
    )
    await page.getByRole('combobox', { name: 'Cloud' }).selectOption('Microsoft 365, worldwide')
    await page.getByLabel('Certificate and private key (PEM)').fill('-----BEGIN CERTIFICATE-----\nMII\n')
    await save(page)
    await expect(page.getByText('is no directory ID, which looks like').first()).toBeVisible()
    await page.getByLabel('Directory (tenant) ID').fill('0c88fa98-b222-4fd8-9414-559fa424ce64')
    await save(page)
    await expect(page.getByText('“Research” is saved')).toBeVisible()
    await expect(page.getByLabel('Certificate and private key (PEM)')).toHaveValue('')
    await expect(page.getByText('As before. Enter both to replace them.')).toBeVisible()
    // What is kept is a certificate: with a secret, one must be entered.
    await page.getByRole('radio', { name: 'a client secret' }).check()
    await save(page)
    await expect(region(page, 'Unsaved changes')).toContainText('The value of a client secret is needed.')
  })

  test('one that settings name is not deleted; a check says what to do', async ({ page }) => {
    await open(page, '/admin/system/graph/g2', { calendar: { accounts: 'g2' } })
    await page.getByRole('button', { name: 'Check calendars' }).click()
    await expect(
      page.getByRole('list', { name: 'What the check of calendars found' }).getByRole('listitem').last(),
    ).toContainText(/What to do: Upload the certificate/)
    await page.getByRole('button', { name: 'Delete…' }).click()
    await page.getByRole('alertdialog').getByRole('button', { name: 'Delete' }).click()
    await expect(
      page.getByText('the settings of location "Berlin" name it; choose something else there first'),
    ).toBeVisible()
  })
})

test('a location has its calendars read centrally, and people see that', async ({ page }) => {
  test.slow() // a story of many pages
  await open(page, '/admin/scopes/berlin')
  const calendar = region(page, 'Calendar')
  await expect(calendar.getByRole('radio', { name: /^From each user/ })).toBeChecked()
  await calendar.getByRole('radio', { name: /^Centrally/ }).check()
  await changes(page)
    .getByRole('button', { name: /unsaved change/ })
    .click()
  await expect(changes(page)).toContainText('must be given: the system that holds the calendars')
  await calendar.getByRole('combobox', { name: 'System' }).selectOption('Exchange Munich, switched off')
  await expect(calendar.getByText('Switched off', { exact: true })).toBeVisible()
  await calendar.getByRole('combobox', { name: 'System' }).selectOption('Exchange Berlin')
  await expect(calendar.getByText('Works')).toBeVisible()
  await expect(calendar.getByRole('link', { name: 'Add Exchange' })).toHaveAttribute('href', /exchange\/new$/)
  await expect(changes(page).getByRole('list', { name: 'Calendar' }).getByRole('listitem')).toHaveText([
    /Where calendars come from.*From each user.*Centrally/,
    /System.*nothing.*Exchange Berlin/,
  ])
  await expect(changes(page)).toContainText('Calendars that programs hand over')
  await changes(page).getByRole('button', { name: 'Save all' }).click()
  await expect(page.getByText('All changes are saved')).toBeVisible()

  await page.getByRole('link', { name: 'Settings', exact: true }).click()
  await page.getByRole('link', { name: 'Calendars' }).click()
  const first = region(page, 'Your calendars').getByRole('listitem').first()
  await expect(first).toContainText(
    /Exchange Berlin Exchange.*Set by your administrator.*Read at 10:38: 31 appointments/,
  )
  await expect(first.getByRole('button')).toHaveAccessibleName('Read “Exchange Berlin” now')
  await expect(page.getByText('Handed over by a program')).toHaveCount(0)
})

test('people connect their Microsoft account, and part with it', async ({ page }) => {
  test.slow() // a story of many pages
  await open(page, '/admin/scopes/berlin')
  const calendar = region(page, 'Calendar')
  await calendar.getByLabel('Users may connect their Microsoft account').check()
  await expect(calendar.getByRole('combobox', { name: 'Application' })).toHaveValue('g1')
  await changes(page).getByRole('button', { name: 'Save all' }).click()
  await expect(page.getByText('All changes are saved')).toBeVisible()

  await page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name: 'Team', exact: true }).click()
  await expect(page.getByText('Connect your Microsoft account')).toBeVisible()
  await page.getByRole('link', { name: 'Connect Microsoft 365' }).click()
  await expect(page).toHaveURL(/settings\/calendars$/)
  const account = region(page, 'Your calendars').getByRole('listitem').filter({ hasText: 'Microsoft account' })
  await expect(account).toContainText(/anna@example.com.*Read at 10:40: 23 appointments ahead/)
  await expect(page.getByRole('link', { name: 'Connect Microsoft 365' })).toHaveCount(0)
  await page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name: 'Team', exact: true }).click()
  await expect(page.getByRole('heading', { name: 'Favourites' })).toBeVisible()
  await expect(page.getByText('Connect your Microsoft account')).toHaveCount(0)

  await page.goBack()
  await account.getByRole('button', { name: 'Disconnect “Microsoft 365”' }).click()
  await expect(page.getByRole('alertdialog')).toContainText('Its tokens are deleted here')
  await page.getByRole('alertdialog').getByRole('button', { name: 'Disconnect' }).click()
  await expect(account).toHaveCount(0)
  await expect(page.getByRole('link', { name: 'Connect Microsoft 365' })).toHaveAttribute('href', '/accounts/g1/begin')

  // Whoever does not want to is not asked again in this window, and finds it in the settings.
  await page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name: 'Team', exact: true }).click()
  await page.getByRole('button', { name: 'Not now' }).click()
  await expect(page.getByText('Connect your Microsoft account')).toHaveCount(0)
  await open(page, '/', { calendar: { accounts: 'g1' } })
  await expect(page.getByRole('heading', { name: 'Favourites' })).toBeVisible()
  await expect(page.getByText('Connect your Microsoft account')).toHaveCount(0)
})

test('why an account was not connected, and what is handed over', async ({ page }) => {
  test.slow() // a story of many pages
  await open(page, '/accounts/g2/begin', { calendar: { accounts: 'g2' } })
  await expect(page).toHaveURL(/settings\/calendars\?refused=denied&connector=g2/)
  const alert = region(page, 'Your calendars')
  await expect(alert).toContainText('The account was not connected with Subsidiary')
  await expect(alert).toContainText('ask your administrator to agree for everybody')
  for (const [why, words] of [
    ['expired', 'It took too long'],
    ['provider', 'Microsoft cannot be reached'],
    ['switchedoff', 'not connected with this application any more'],
  ] as const) {
    await open(page, `/settings/calendars?refused=${why}&connector=gone`)
    await expect(alert).toContainText('The Microsoft account was not connected')
    await expect(alert).toContainText(words)
  }
  const outlook = alert.getByRole('listitem').filter({ hasText: 'Outlook' })
  await expect(outlook).toContainText('Handed over at 10:32: 9 appointments ahead')
  await expect(outlook.getByRole('button')).toHaveCount(1)
  await outlook.getByRole('button', { name: 'Remove “Outlook”' }).click()
  await expect(page.getByRole('alertdialog')).toContainText('may do so again')
  await page.getByRole('alertdialog').getByRole('button', { name: 'Remove' }).click()
  await expect(outlook).toHaveCount(0)
})
