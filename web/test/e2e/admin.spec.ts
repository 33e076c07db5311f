import type { Page } from '@playwright/test'
import { readScope, type Scope } from '../../src/lib/scope'
import { expect, open, test } from './office'

const region = (page: Page, name: string) => page.getByRole('region', { name, exact: true })
const changes = (page: Page) => region(page, 'Unsaved changes')

test('the administration is a group of the navigation, for administrators only', async ({ page }) => {
  await open(page)
  const group = page.getByRole('navigation', { name: 'Main' }).getByRole('list', { name: 'Administration' })
  for (const [name, heading = name] of [
    ['Locations'],
    ['People'],
    ['Groups'],
    ['System settings', 'Directories'],
    ['Audit log'],
  ] as const) {
    await group.getByRole('link', { name, exact: true }).click()
    await expect(page.getByRole('heading', { level: 1, name: heading, exact: true })).toBeFocused()
    await expect(group.getByRole('link', { name, exact: true })).toHaveAttribute('aria-current', 'page')
  }
  await group.getByRole('link', { name: 'System settings' }).click()
  const system = page.getByRole('navigation', { name: 'System settings' })
  await system.getByRole('link', { name: 'Tokens' }).click()
  await expect(page.getByRole('heading', { level: 1, name: 'Tokens' })).toBeFocused()
  await expect(group.getByRole('link', { name: 'System settings' })).toHaveAttribute('aria-current', 'page')
  await page.goto('/admin/tokens') // where they were before
  await expect(page).toHaveURL(/system\/tokens/)
})

test('others do not see it, and are told so where they follow a link', async ({ page }) => {
  await open(page, '/admin/locations', { role: 'user' })
  await expect(page.getByText('This part is for administrators')).toBeVisible()
  await expect(page.getByRole('navigation', { name: 'Main' }).getByText('Administration')).toHaveCount(0)
})

test('system settings are for system administrators, who alone have them in the navigation', async ({ page }) => {
  await open(page, '/agenda', { role: 'location_admin' })
  const group = page.getByRole('navigation', { name: 'Main' }).getByRole('list', { name: 'Administration' })
  await expect(group.getByRole('link', { name: 'People' })).toBeVisible()
  await expect(group.getByRole('link', { name: 'System settings' })).toHaveCount(0)
  await page.goto('/admin/system/directories')
  await expect(page.getByRole('heading', { level: 1, name: 'System settings' })).toBeVisible()
  await expect(page.getByRole('navigation', { name: 'System settings' })).toHaveCount(0)
})

test.describe('locations', () => {
  test('add, rename, duplicate and remove', async ({ page }) => {
    await open(page, '/admin/locations')
    await expect(region(page, 'Berlin').getByText('25 people · Europe/Berlin')).toBeVisible()
    await page.getByRole('button', { name: 'Add location' }).click()
    const form = page.getByRole('dialog', { name: 'New location' })
    await form.getByLabel('Name').fill('berlin')
    await form.getByRole('button', { name: 'Save' }).click()
    await expect(form.getByText('"berlin" is taken')).toBeVisible()
    await form.getByLabel('Name').fill('Köln')
    await form.getByLabel('Time zone').selectOption('Europe/Vienna')
    await form.getByRole('button', { name: 'Save' }).click()
    await expect(region(page, 'Köln').getByText('0 people · Europe/Vienna')).toBeVisible()

    await page.getByRole('button', { name: 'Duplicate “Berlin”' }).click()
    const copy = page.getByRole('dialog', { name: 'Duplicate “Berlin”' })
    await expect(copy.getByLabel('Name of the new location')).toHaveValue('Berlin (copy)')
    await copy.getByRole('button', { name: 'Duplicate' }).click()
    const groups = page.getByRole('list', { name: 'Configuration groups of Berlin (copy)' })
    await expect(groups.getByRole('listitem')).toHaveCount(2)
    await expect(groups.getByText('0 people').first()).toBeVisible()

    await page.getByRole('button', { name: 'Edit “Köln”' }).click()
    await page.getByRole('dialog').getByLabel('Name').fill('Cologne')
    await page.getByRole('dialog').getByRole('button', { name: 'Save' }).click()
    await expect(region(page, 'Cologne')).toBeVisible()
    await page.getByRole('button', { name: 'Remove “Cologne”' }).click()
    await page.getByRole('alertdialog').getByRole('button', { name: 'Remove' }).click()
    await expect(region(page, 'Cologne')).toHaveCount(0)
  })

  test('one with people in it is not removed, and the server says why', async ({ page }) => {
    await open(page, '/admin/locations')
    await page.getByRole('button', { name: 'Remove “Berlin”' }).click()
    await page.getByRole('alertdialog').getByRole('button', { name: 'Remove' }).click()
    await expect(region(page, 'Berlin').getByText('25 people still belong to the location')).toBeVisible()
  })

  test('configuration groups: add, rename, remove', async ({ page }) => {
    await open(page, '/admin/locations')
    await page.getByRole('button', { name: 'Add a configuration group to Hamburg' }).click()
    await page.getByRole('dialog', { name: 'New configuration group' }).getByLabel('Name').fill('Night shift')
    await page.getByRole('dialog').getByRole('button', { name: 'Save' }).click()
    const groups = page.getByRole('list', { name: 'Configuration groups of Hamburg' })
    await expect(groups.getByText('Night shift')).toBeVisible()
    await groups.getByRole('button', { name: 'Edit “Night shift”' }).click()
    await page.getByRole('dialog').getByLabel('Name').fill('Late shift')
    await page.getByRole('dialog').getByRole('button', { name: 'Save' }).click()
    await groups.getByRole('button', { name: 'Remove “Late shift”' }).click()
    await page.getByRole('alertdialog').getByRole('button', { name: 'Remove' }).click()
    await expect(groups).toHaveCount(0)
    await page.getByRole('button', { name: 'Remove “Sales”' }).click()
    await page.getByRole('alertdialog').getByRole('button', { name: 'Remove' }).click()
    await expect(page.getByText('8 people still belong to the configuration group')).toBeVisible()
  })
})

test.describe('presence management', () => {
  test('changes wait, read as a difference, and are saved as one', async ({ page }) => {
    await open(page, '/admin/scopes/berlin')
    await expect(page.getByRole('heading', { level: 1, name: 'Presence management: Berlin' })).toBeVisible()
    await expect(changes(page)).toHaveCount(0)
    const minutes = page.getByLabel('After minutes without input')
    await minutes.fill('15')
    await minutes.press('Tab')
    await page.getByLabel('Without input: Users').selectOption({ label: 'User cannot change' })
    await page.getByLabel('Working elsewhere').check()
    await changes(page).getByRole('button', { name: '3 unsaved changes' }).click()
    const activation = changes(page).getByRole('list', { name: 'Automatic activation' })
    await expect(activation.getByRole('listitem')).toHaveText([
      /Without input.*Be right back, after 10 minutes.*Be right back, after 15 minutes/,
      /Without input: Users.*User may change.*User cannot change/,
    ])
    await expect(changes(page).getByRole('list', { name: 'What will happen' })).toContainText(
      'Without input: what people have set for themselves is discarded at once.',
    )
    // Nothing has happened yet.
    await page
      .evaluate(() => fetch('/api/v1/scopes/berlin/settings').then((r) => r.text()))
      .then((text) => {
        expect(text).not.toContain('working_elsewhere')
      })
    await changes(page).getByRole('button', { name: 'Save all' }).click()
    await expect(page.getByText('All changes are saved')).toBeVisible()
    await expect(changes(page)).toHaveCount(0)
    await expect(minutes).toHaveValue('15')
    await expect(page.getByLabel('Working elsewhere')).toBeChecked()

    // My own value of that event is gone at once, and does not come back.
    await page.getByRole('link', { name: 'Settings', exact: true }).click()
    await page.getByRole('link', { name: 'Automatic activation' }).click()
    await expect(region(page, 'Without input').getByText('Set by your administrator')).toBeVisible()
    await page.getByRole('link', { name: 'Locations' }).click()
    await page.getByRole('link', { name: 'Presence management of Berlin' }).click()
    await page.getByLabel('Without input: Users').selectOption({ label: 'User may change' })
    await changes(page).getByRole('button', { name: 'Save all' }).click()
    await expect(page.getByText('All changes are saved')).toBeVisible()
    await page.getByRole('link', { name: 'Settings', exact: true }).click()
    await page.getByRole('link', { name: 'Automatic activation' }).click()
    await expect(region(page, 'Without input').getByRole('switch', { name: /Use an own setting/ })).not.toBeChecked()
  })

  test('a change that is taken back is none; all can be discarded', async ({ page }) => {
    await open(page, '/admin/scopes/berlin')
    const on = page.getByRole('switch', { name: 'People here use presence management' })
    await on.click()
    await expect(changes(page)).toBeVisible()
    await on.click()
    await expect(changes(page)).toHaveCount(0)
    await on.click()
    await page.getByLabel('Days ahead').fill('14')
    await page.getByLabel('Days ahead').press('Tab')
    await changes(page).getByRole('button', { name: 'Discard' }).click()
    await page.getByRole('alertdialog').getByRole('button', { name: 'Discard' }).click()
    await expect(changes(page)).toHaveCount(0)
    await expect(on).toBeChecked()
    await expect(page.getByLabel('Days ahead')).toHaveValue('30')
  })

  test('leaving with unsaved changes asks first', async ({ page }) => {
    await open(page, '/admin/scopes/berlin')
    const on = page.getByRole('switch', { name: 'People here use presence management' })
    await on.click()
    await page.getByRole('link', { name: 'Agenda' }).click()
    const ask = page.getByRole('alertdialog', { name: 'Leave without saving?' })
    await ask.getByRole('button', { name: 'Stay here' }).click()
    await expect(page).toHaveURL(/scopes\/berlin/)
    await expect(on).not.toBeChecked()
    // What opens over the page is no other page.
    await page.getByRole('button', { name: /^Your presence/ }).click()
    await page.getByRole('button', { name: 'Why?' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Close' }).click()
    await expect(on).not.toBeChecked()
    await page.getByRole('link', { name: 'Agenda' }).click()
    await ask.getByRole('button', { name: 'Leave' }).click()
    await expect(page).toHaveURL(/\/agenda/)
  })

  test('templates: add, use, edit, order and remove in one go', async ({ page }) => {
    await open(page, '/admin/scopes/berlin')
    const table = page.getByRole('table', { name: 'Profile templates' })
    const row = (name: string) => table.getByRole('row').filter({ has: page.getByRole('rowheader', { name }) })
    await expect(row('Home office')).toContainText('Forwards calls to home number')
    await page.getByRole('button', { name: 'Add template' }).click()
    const form = page.getByRole('dialog', { name: 'New template' })
    await form.getByLabel('Name').fill('break')
    await form.getByRole('button', { name: 'Save' }).click()
    await expect(form.getByText('There is a template of this name already.')).toBeVisible()
    await form.getByLabel('Name').fill('Lunch')
    await form.getByRole('button', { name: 'Be right back' }).click()
    await form.getByLabel('Text').fill('At lunch')
    await form.getByLabel('How far users may change the forwarding').selectOption({ label: 'may not change it' })
    await form.getByRole('button', { name: 'Save' }).click()
    await expect(row('Lunch')).toContainText('At lunch')
    await page.getByRole('button', { name: 'Move “Lunch” up' }).click()
    await expect(page.getByText('“Lunch” is now at place 9 of 10')).toBeAttached()
    // A template that nobody has saved yet can be used.
    await page
      .getByRole('group', { name: 'When the last client ends' })
      .getByLabel('Profile', { exact: true })
      .selectOption('Lunch')
    await expect(row('Lunch')).toContainText('automatic activation, program end')
    await page.getByRole('button', { name: 'Delete “Unavailable”' }).click()
    await changes(page).getByRole('button', { name: 'Save all' }).click()
    await expect(page.getByText('All changes are saved')).toBeVisible()
    await expect(page.getByRole('button', { name: 'Delete “Unavailable”' })).toHaveCount(0)
    await expect(
      page.getByRole('group', { name: 'When the last client ends' }).getByLabel('Profile', { exact: true }),
    ).toHaveValue(/^t-new/)

    await page.getByRole('button', { name: 'Edit “Off sick”' }).click()
    await page.getByRole('dialog', { name: 'Edit template' }).getByLabel('Active').uncheck()
    await page.getByRole('dialog').getByRole('button', { name: 'Save' }).click()
    await expect(row('Off sick')).toContainText('(not active)')
    await changes(page).getByRole('button', { name: 'Save all' }).click()
    await expect(page.getByText('All changes are saved')).toBeVisible()
  })

  test('a template in use can be neither deactivated nor deleted, and says why', async ({ page }) => {
    await open(page, '/admin/scopes/berlin')
    const remove = page.getByRole('button', { name: 'Delete “Appointment”' })
    await expect(remove).toHaveAccessibleDescription(
      'It cannot be deleted. Used by: calendar, profile for appointments',
    )
    await remove.focus()
    await expect(remove).toBeFocused()
    await page.keyboard.press('Enter')
    const active = page.getByRole('switch', { name: '“Appointment” is active' })
    await expect(active).toHaveAccessibleDescription(
      'It cannot be deactivated. Used by: calendar, profile for appointments',
    )
    await active.focus()
    await page.keyboard.press('Space')
    await expect(active).toBeChecked()
    await expect(changes(page)).toHaveCount(0)
    await page.getByRole('button', { name: 'Edit “Appointment”' }).click()
    await expect(page.getByRole('dialog').getByLabel('Active')).toBeDisabled()
  })

  test('a refusal names the section and the places, and nothing is saved', async ({ page }) => {
    await open(page, '/admin/scopes/berlin')
    await page.getByRole('button', { name: 'Delete “Break”' }).click()
    await page.getByRole('switch', { name: 'People may make their own profiles' }).click()
    await changes(page).getByRole('button', { name: 'Save all' }).click()
    const trouble = changes(page).getByRole('group').filter({ hasText: 'Nothing was saved' })
    await expect(trouble).toContainText('It is about: Profile templates.')
    await expect(trouble).toContainText('"Break" is used by the own settings of one person in location "Berlin"')
    await expect(trouble).toContainText('people’s own settings')
    await expect(changes(page).getByRole('button', { name: '2 unsaved changes' })).toBeVisible()
    await expect(page.getByRole('switch', { name: 'People may make their own profiles' })).not.toBeChecked()
  })

  test('what is wrong with a field shows at it', async ({ page }) => {
    await open(page, '/admin/scopes/berlin')
    await page.getByRole('button', { name: 'Edit “Break”' }).click()
    const form = page.getByRole('dialog', { name: 'Edit template' })
    await form.getByLabel('Forward to').selectOption({ label: 'a fixed number' })
    await form.getByLabel('Number').fill('reception')
    await form.getByRole('button', { name: 'Save' }).click()
    await changes(page).getByRole('button', { name: 'Save all' }).click()
    await expect(page.getByRole('rowheader', { name: /Break/ })).toContainText('must hold digits')
  })

  test('a configuration group: default or individual, section by section', async ({ page }) => {
    await open(page, '/admin/scopes/sales')
    const activation = region(page, 'Automatic activation')
    await expect(activation.getByText('These are the settings of Berlin.')).toBeVisible()
    await expect(activation.getByLabel('After minutes without input')).toBeDisabled()
    await activation.getByRole('radio', { name: 'Individual' }).check()
    await expect(activation.getByLabel('When the last client ends: Users')).toHaveValue('may') // the factory default
    // The factory defaults name templates that this location does not have.
    await changes(page).getByRole('button', { name: 'Save all' }).click()
    await expect(changes(page).getByText('It is about: Automatic activation.')).toBeVisible()
    await region(page, 'Profile templates').getByRole('radio', { name: 'Individual' }).check()
    await region(page, 'Calendar').getByRole('radio', { name: 'Individual' }).check()
    await activation.getByLabel('After minutes without input').fill('25')
    await activation.getByLabel('After minutes without input').press('Tab')
    await changes(page).getByRole('button', { name: 'Save all' }).click()
    await expect(page.getByText('All changes are saved')).toBeVisible()
    await expect(activation.getByRole('radio', { name: 'Individual' })).toBeChecked()
    await expect(activation.getByLabel('After minutes without input')).toHaveValue('25')

    await activation.getByRole('radio', { name: 'As the location (default)' }).check()
    await expect(activation.getByLabel('After minutes without input')).toHaveValue('10')
    await changes(page)
      .getByRole('button', { name: /unsaved/ })
      .click()
    await expect(changes(page)).toContainText('As the location (default)')
    await page.getByRole('link', { name: 'Berlin' }).click()
    await page.getByRole('alertdialog').getByRole('button', { name: 'Leave' }).click()
    await expect(page.getByRole('heading', { name: 'Presence management: Berlin' })).toBeVisible()
  })

  test('Microsoft Teams, and its template in the same save', async ({ page }) => {
    await open(page, '/admin/scopes/berlin')
    const teams = region(page, 'Microsoft Teams')
    const offer = teams.getByRole('checkbox', { name: 'Offer a central profile template “MS Teams”' })
    await expect(teams.getByRole('radio', { name: /^Nothing/ })).toBeChecked()
    await teams.getByRole('radio', { name: /^Telephony From Teams/ }).check()
    await page.getByLabel('Microsoft Teams: Users').selectOption({ label: 'User may change' })
    await teams.getByRole('combobox', { name: 'Application' }).selectOption('Microsoft 365')
    await offer.check()
    const row = page
      .getByRole('table', { name: 'Profile templates' })
      .getByRole('row')
      .filter({ has: page.getByRole('rowheader', { name: 'MS Teams' }) })
    await expect(row).toContainText('Busy')
    await changes(page).getByRole('button', { name: '4 unsaved changes' }).click()
    await expect(changes(page).getByRole('list', { name: 'Profile templates' })).toContainText(
      'New template “MS Teams”',
    )
    await expect(changes(page).getByRole('list', { name: 'Microsoft Teams' }).getByRole('listitem')).toHaveText([
      /What is synchronised.*Nothing.*Telephony/,
      /Users.*User cannot change.*User may change/,
      /Application.*nothing.*Microsoft 365/,
    ])
    await expect(changes(page).getByRole('list', { name: 'What will happen' })).toContainText(
      'Who is in a call in Teams is on the phone here, and the other way round.',
    )
    await changes(page).getByRole('button', { name: 'Save all' }).click()
    await expect(page.getByText('All changes are saved')).toBeVisible()
    await expect(offer).toBeChecked()

    // To take it away and to have it back is no change; while it is used it stays.
    await offer.uncheck()
    await expect(row).toContainText('MS Teams (not active)')
    await expect(offer).toHaveAccessibleDescription(/becomes active again, as it is/)
    await offer.check()
    await expect(changes(page)).toHaveCount(0)
    await page.getByLabel('Profile for appointments').selectOption('MS Teams')
    await expect(offer).toHaveAccessibleDescription(
      /cannot be deactivated. Used by: calendar, profile for appointments/,
    )
    await offer.press('Space')
    await expect(offer).toBeChecked()
    await page.getByLabel('Profile for appointments').selectOption('Appointment')
    await offer.press('Space')
    await expect(offer).not.toBeChecked()
    await expect(changes(page).getByRole('list', { name: 'Profile templates' })).toContainText(
      /MS Teams: Active.*yes.*no/,
    )
    await changes(page).getByRole('button', { name: 'Save all' }).click()
    await expect(page.getByText('All changes are saved')).toBeVisible()
    await expect(row).toContainText('MS Teams (not active)')
  })

  test('a template is offered where the templates are', async ({ page }) => {
    await open(page, '/admin/scopes/sales')
    for (const [section, name] of [
      ['Microsoft Teams', 'MS Teams'],
      ['Microphone', 'MicSync'],
    ] as const) {
      const offer = region(page, section).getByRole('checkbox', { name: `template “${name}”` })
      await expect(offer).toBeDisabled()
      await expect(offer).toHaveAccessibleDescription(/are those of Berlin. Choose “Individual” at “Profile templates”/)
      await expect(
        region(page, section).getByRole('link', { name: 'Open the presence management of Berlin' }),
      ).toHaveAttribute('href', '/admin/scopes/berlin')
    }
    await region(page, 'Profile templates').getByRole('radio', { name: 'Individual' }).check()
    await region(page, 'Microphone').getByRole('checkbox', { name: 'template “MicSync”' }).check()
    await expect(page.getByRole('rowheader', { name: 'MicSync' })).toBeVisible()
  })

  test('microphone: programs are edited where they stand, and wrong ones are told before saving', async ({ page }) => {
    await open(page, '/admin/scopes/berlin')
    const mic = region(page, 'Microphone')
    const rows = mic.getByRole('table', { name: 'Programs' }).locator('tbody').getByRole('row')
    test.slow() // much typing
    const save = changes(page).getByRole('button', { name: 'Save all' })
    await expect(rows).toHaveCount(17)
    await expect(mic.getByRole('button', { name: 'Restore shipped programs' })).toHaveAccessibleDescription(
      'All shipped programs are as they were shipped.',
    )
    await mic.getByRole('switch', { name: /uses the microphone/ }).click()
    await mic.getByLabel('Alias: Zoom').fill('Video')
    await mic.getByLabel('Active: Circuit').uncheck()
    await mic.getByRole('button', { name: 'Remove “Slack”' }).click()
    await expect(mic.getByRole('button', { name: 'Remove “TeamViewer Meeting”' })).toBeFocused()

    // By keyboard: the new row takes the focus, and leaving its process gives it an alias.
    await mic.getByRole('button', { name: 'Add program' }).press('Enter')
    await expect(mic.getByLabel('Process: new program')).toBeFocused()
    await expect(mic.getByText('A process is needed.')).toHaveCount(0)
    await page.keyboard.press('Tab')
    await expect(mic.getByText('A process is needed.')).toBeVisible()
    await expect(save).toHaveAccessibleDescription('Correct what is marked first: Microphone.')
    await page.keyboard.press('Shift+Tab')
    await page.keyboard.type('ZOOM')
    await expect(mic.getByText('“ZOOM” is in the table twice.')).toBeVisible()
    await page.keyboard.press('Enter')
    await expect(mic.getByText('is in the table twice.')).toHaveCount(2)
    await page.keyboard.press('Control+A')
    await page.keyboard.type('C:\\Programs\\Softphone.exe')
    await expect(mic.getByText('Without folder and .exe, such as “Softphone”.')).toBeVisible()
    await page.keyboard.press('Control+A')
    await page.keyboard.type(' s ')
    await expect(mic.getByText('Without folder and .exe,')).toHaveCount(0)
    await page.keyboard.press('Control+A')
    await page.keyboard.type(' softphone ')
    await page.keyboard.press('Tab')
    await expect(mic.getByLabel('Process: softphone')).toHaveValue('softphone')
    await expect(mic.getByLabel('Alias: softphone')).toHaveValue('softphone')
    await expect(mic.getByLabel('Alias: softphone')).toBeFocused()
    await page.keyboard.press('Control+A')
    await page.keyboard.type('x'.repeat(61))
    await expect(mic.getByText('One line of at most 60 characters.')).toBeVisible()
    await page.keyboard.press('Control+A')
    await page.keyboard.type('Softphone')
    await page.keyboard.press('Tab')

    await changes(page).getByRole('button', { name: '5 unsaved changes' }).click()
    await expect(changes(page).getByRole('list', { name: 'Microphone' }).getByRole('listitem')).toHaveText([
      /uses the microphone.*no.*yes/,
      /Circuit: Active.*yes.*no/,
      /Program “Slack”.*Slack.*removed/,
      /Zoom: Alias.*Zoom.*Video/,
      /New program “softphone”.*Softphone/,
    ])
    await save.click()
    await expect(page.getByText('All changes are saved')).toBeVisible()
    await expect(mic.getByLabel('Alias: Video')).toHaveValue('Video')

    await mic.getByRole('button', { name: 'Restore shipped programs' }).click()
    await expect(changes(page).getByRole('list', { name: 'Microphone' }).getByRole('listitem')).toHaveText([
      /Circuit: Active/,
      /Zoom: Alias.*Video.*Zoom/,
      /New program “Slack”/,
    ])
    await expect(rows).toHaveCount(18)
    await expect(mic.getByLabel('Alias: Softphone')).toBeVisible()
  })

  /** Somebody else saves sections of Berlin, in another window. */
  const elsewhere = async (page: Page, change: (now: Scope) => object) => {
    const settings = '/api/v1/scopes/berlin/settings'
    const now = readScope(await page.evaluate((url) => fetch(url).then((r) => r.json()), settings))
    const body = JSON.stringify(change(now))
    await page.evaluate(([url, body]) => fetch(url, { method: 'PUT', body }), [settings, body] as const)
  }

  test('somebody else was faster: nothing is lost, and nothing overwritten unseen', async ({ page }) => {
    await open(page, '/admin/scopes/berlin')
    const days = page.getByLabel('Days ahead')
    const mic = region(page, 'Microphone')
    await days.fill('60')
    await days.press('Tab')
    await mic.getByLabel('Alias: Zoom').fill('Video')
    await mic.getByLabel('Alias: Zoom').press('Enter')
    await expect(changes(page).getByRole('button', { name: '2 unsaved changes' })).toBeVisible()
    await elsewhere(page, ({ calendar, microphone, teams }) => ({
      calendar: { ...calendar.value, days_ahead: 14, all_day: false },
      microphone: { ...microphone.value, programs: microphone.value.programs.filter((p) => p.process !== 'Slack') },
      teams: { ...teams.value, sync: 'telephony', connector: 'g1' },
    }))
    const save = changes(page).getByRole('button', { name: 'Save all' })
    await save.click()

    const theirs = region(page, 'Saved by somebody else')
    await expect(theirs.getByRole('alert')).toHaveText('Somebody else has saved changes here meanwhile')
    await expect(theirs.getByRole('list', { name: 'Calendar' }).getByRole('listitem')).toHaveText([
      /Days ahead.*30.*14.*You have changed this too: what you save replaces it./,
      /All-day appointments count.*yes.*no$/,
    ])
    await expect(theirs.getByRole('list', { name: 'Microsoft Teams' })).toContainText('Telephony')
    await expect(theirs.getByRole('list', { name: 'Microphone' })).toContainText('Program “Slack”')
    // The page shows what is saved, with my changes on top.
    await expect(days).toHaveValue('60')
    await expect(page.getByLabel('All-day appointments count')).not.toBeChecked()
    await expect(region(page, 'Microsoft Teams').getByRole('radio', { name: /^Telephony From Teams/ })).toBeChecked()
    await expect(mic.getByLabel('Process: Slack')).toHaveCount(0)
    await expect(mic.getByLabel('Alias: Video')).toHaveValue('Video')
    await expect(save).toHaveAccessibleDescription('Look first at what somebody else has changed.')
    await save.press('Enter')
    await expect(page.getByText('All changes are saved')).toHaveCount(0)

    // What I change now stays, too.
    await page.getByRole('switch', { name: 'People may make their own profiles' }).click()
    await theirs.getByRole('button', { name: 'I have looked at it' }).click()
    await expect(theirs).toHaveCount(0)
    await changes(page).getByRole('button', { name: '3 unsaved changes' }).click()
    await expect(changes(page).getByRole('list', { name: 'Calendar' }).getByRole('listitem')).toHaveText([
      /Days ahead.*14.*60/,
    ])
    await save.click()
    await expect(page.getByText('All changes are saved')).toBeVisible()
    const now = readScope(await page.evaluate(() => fetch('/api/v1/scopes/berlin/settings').then((r) => r.json())))
    expect(now.calendar.value).toMatchObject({ days_ahead: 60, all_day: false })
    expect(now.teams.value.sync).toBe('telephony')
    const row = (process: string) => now.microphone.value.programs.find((p) => p.process === process)
    expect([row('Slack'), row('Zoom')?.alias]).toEqual([undefined, 'Video'])
  })

  test('somebody else has said the same, which the preview finds out', async ({ page }) => {
    await open(page, '/admin/scopes/berlin')
    await elsewhere(page, () => ({ feature: { enabled: false } }))
    await page.getByRole('switch', { name: 'People here use presence management' }).click()
    await expect(changes(page)).toContainText('Your own changes said the same.')
    await expect(changes(page).getByRole('button', { name: 'Save all' })).toHaveCount(0)
    await changes(page).getByRole('button', { name: 'I have looked at it' }).click()
    await expect(changes(page)).toHaveCount(0)
    await expect(page.getByRole('switch', { name: 'People here use presence management' })).not.toBeChecked()
  })

  test('reset counts first', async ({ page }) => {
    await open(page, '/admin/scopes/berlin')
    await page.getByRole('button', { name: 'Reset…' }).click()
    const ask = page.getByRole('alertdialog', { name: 'Reset presence management settings of Berlin?' })
    await expect(ask.getByText('The own settings of 3 people return to the central values.')).toBeVisible()
    await ask.getByRole('button', { name: 'Reset' }).click()
    await expect(page.getByText('Done: the settings of 3 people are back to the central values.')).toBeVisible()
    await page.getByRole('button', { name: 'Reset…' }).click()
    await expect(ask.getByText('Nobody here has settings of their own')).toBeVisible()
    await expect(ask.getByRole('button', { name: 'Reset' })).toBeDisabled()
    await ask.getByLabel('Keep own profiles').uncheck()
    await expect(ask.getByText('The own settings of 2 people return to the central values.')).toBeVisible()
  })

  test('one that is not there', async ({ page }) => {
    await open(page, '/admin/scopes/nowhere')
    await expect(page.getByText('That does not exist, or you may not see it.')).toBeVisible()
  })
})

test.describe('people', () => {
  test('search, add, change and delete', async ({ page }) => {
    await open(page, '/admin/people')
    const rows = page.getByRole('table', { name: 'People' }).locator('tbody').getByRole('row')
    await page.getByRole('region', { name: 'People' }).getByLabel('Search by name, login or number').fill('wanda')
    await expect(rows).toHaveCount(1)
    await expect(page).toHaveURL(/q=wanda/)
    await page.getByRole('button', { name: 'Add person' }).click()
    const form = page.getByRole('dialog', { name: 'New person' })
    await form.getByRole('button', { name: 'Save' }).click()
    await expect(form.getByText('A name is needed.')).toBeVisible()
    await form.getByRole('textbox', { name: 'Name' }).fill('Wanda Zweig')
    await form.getByLabel('Email', { exact: true }).fill('wanda')
    await form.getByRole('button', { name: 'Save' }).click()
    await expect(form.getByText('"wanda" is no address', { exact: true })).toBeVisible()
    await form.getByLabel('Email', { exact: true }).fill('wanda@example.com')
    await form.getByLabel('Password').fill('short')
    await form.getByRole('button', { name: 'Save' }).click()
    await expect(form.getByText('has 5 characters; at least 10 are needed', { exact: true })).toBeVisible()
    await form.getByLabel('Password').fill('a long enough one')
    await form.getByLabel('Configuration group').selectOption({ label: 'Sales' })
    await form.getByLabel('Voicemail number').fill('+49 30 555 0999')
    await form.getByRole('button', { name: 'Save' }).click()
    await expect(page.getByText('Wanda Zweig is saved')).toBeVisible()
    await expect(rows.filter({ hasText: 'Wanda Zweig' })).toContainText('Sales')

    await page.getByRole('button', { name: 'Edit “Wanda Zweig”' }).click()
    const record = page.getByRole('dialog', { name: 'Wanda Zweig' })
    await expect(record.getByLabel('Voicemail number')).toHaveValue('+49 30 555 0999')
    await expect(record.getByLabel('Configuration group')).toHaveValue('sales')
    await record.getByLabel('Location').selectOption({ label: 'Hamburg' })
    await expect(record.getByLabel('Configuration group')).toHaveValue('')
    await record.getByLabel(/^VIP/).check()
    await record.getByRole('button', { name: 'Save' }).click()
    await expect(record).toHaveCount(0)

    await page.getByRole('button', { name: 'Edit “Wanda Zweig”' }).click()
    await expect(record.getByLabel(/^VIP/)).toBeChecked()
    await record.getByRole('button', { name: 'Delete…' }).click()
    const ask = page.getByRole('alertdialog', { name: 'Delete Wanda Zweig?' })
    await expect(ask.getByRole('button', { name: 'Delete for good' })).toBeDisabled()
    await ask.getByLabel('Type “Wanda Zweig” to confirm').fill('Wanda Zweig')
    await ask.getByRole('button', { name: 'Delete for good' }).click()
    await expect(page.getByText('Wanda Zweig is deleted')).toBeVisible()
    await expect(rows.filter({ hasText: 'Wanda Zweig' })).toHaveCount(0)
  })

  test('filters live in the address, and are cleared', async ({ page }) => {
    await open(page, '/admin/people?location=hamburg')
    const rows = page.getByRole('table', { name: 'People' }).locator('tbody').getByRole('row')
    const filters = page.getByRole('search', { name: 'Filters' })
    await expect(filters.getByLabel('Location')).toHaveValue('hamburg')
    await expect(rows.filter({ hasText: 'Berlin' })).toHaveCount(0)
    await expect(filters.getByLabel('Configuration group').getByRole('option')).toHaveText(['All'])
    await filters.getByRole('button', { name: 'Clear filters' }).click()
    await expect(page).not.toHaveURL(/location/)
    await filters.getByLabel('Configuration group').selectOption({ label: 'Sales (Berlin)' })
    await expect(page.getByText('8 people found')).toBeVisible()
    await expect(rows.first()).toContainText('Head office')
    await filters.getByLabel('Configuration group').selectOption({ label: 'All' })
    await filters.getByLabel('Role').selectOption({ label: 'System administrator' })
    await expect(page.getByText('1 person found')).toBeVisible()
    await expect(rows).toContainText(['Anna Berger'])
    await filters.getByLabel('Role').selectOption({ label: 'All' })
    await filters.getByLabel('Blocked').selectOption({ label: 'Only blocked' })
    await expect(page).toHaveURL(/blocked=yes/)
    await expect(rows).toHaveCount(1)
    await expect(rows).toContainText('Zoë Lambert')
    await expect(page.getByRole('button', { name: 'Make a link for Zoë Lambert' })).toHaveAccessibleDescription(
      'The person is blocked.',
    )
    await page.goBack()
    await page.goto('/admin/people?q=nobodyatall')
    await expect(page.getByText('Nobody matches this')).toBeVisible()
  })

  test('a link is shown once, with a button that copies it', async ({ page, context }) => {
    await context.grantPermissions(['clipboard-read', 'clipboard-write'])
    await open(page, '/admin/people?q=jonas')
    await page.getByRole('button', { name: 'Make a link for Jonas Keller' }).click()
    const form = page.getByRole('dialog', { name: 'A link for Jonas Keller' })
    await form.getByRole('radio', { name: /^Reset/ }).check()
    await form.getByRole('button', { name: 'Make a link' }).click()
    const made = page.getByRole('alertdialog', { name: 'A link for Jonas Keller' })
    await expect(made.getByText(/It holds until 25 Nov/)).toBeVisible()
    await made.getByRole('button', { name: 'Copy' }).click()
    await expect(made.getByText('Copied')).toBeVisible()
    expect(await page.evaluate(() => navigator.clipboard.readText())).toMatch(/^http:.*\/password#dll_good$/)
    await page.keyboard.press('Escape')
    await expect(made).toBeVisible()
    await made.getByRole('button', { name: 'Close' }).click()
    await expect(page.getByText('dll_good')).toHaveCount(0)
  })

  test('one person’s settings are reset after counting', async ({ page }) => {
    await open(page, '/admin/people?edit=jonas')
    const record = page.getByRole('dialog', { name: 'Jonas Keller' })
    await record.getByRole('button', { name: 'Reset settings…' }).click()
    const ask = page.getByRole('alertdialog', { name: 'Reset presence management settings of Jonas Keller?' })
    await expect(ask.getByText('The own settings of 1 person return to the central values.')).toBeVisible()
    await ask.getByRole('button', { name: 'Reset' }).click()
    await expect(record.getByText('The settings are back to the central values.')).toBeVisible()
  })

  test('nobody takes the administration away from themselves', async ({ page }) => {
    await open(page, '/admin/people?edit=anna')
    const record = page.getByRole('dialog', { name: 'Anna Berger' })
    await expect(record.getByLabel('Role')).toBeDisabled()
    await expect(record.getByText('You cannot take the administration away from yourself.').first()).toBeVisible()
    await expect(record.getByRole('button', { name: 'Delete…' })).toHaveAccessibleDescription(
      'You cannot delete yourself.',
    )
  })

  test('a long list comes by pages', async ({ page }) => {
    await open(page, '/admin/people', { many: 60 })
    const rows = page.getByRole('table', { name: 'People' }).locator('tbody').getByRole('row')
    await expect(rows).toHaveCount(50)
    await page.getByRole('button', { name: 'Show more' }).click()
    await expect(rows).toHaveCount(92)
    await expect(page.getByRole('button', { name: 'Show more' })).toHaveCount(0)
  })
})

test.describe('a list of people', () => {
  const csv = [
    'login;name;vip',
    'anna;Anna Berger-Bauer;no',
    'new1;Nele Neu;yes',
    '"new2";"Nils; Neu";no',
    '',
    ';Nobody;no',
    'new3;Nora Neu;perhaps',
  ].join('\r\n')
  const file = (text: string) => ({ name: 'people.csv', mimeType: 'text/csv', buffer: Buffer.from(text) })

  test('is tried out, told about line by line, and entered', async ({ page, context }) => {
    await context.grantPermissions(['clipboard-read', 'clipboard-write'])
    await open(page, '/admin/people')
    await page.getByRole('link', { name: 'Import a list' }).click()
    await expect(page.getByRole('heading', { level: 1, name: 'Import a list of people' })).toBeFocused()
    const enter = page.getByRole('button', { name: 'Enter now' })
    await expect(enter).toHaveAccessibleDescription('Choose a file first.')
    await page.getByLabel('File (CSV)').setInputFiles(file(csv))
    await expect(page.getByText('people.csv: 5 rows. Columns: login, name, vip.')).toBeVisible()
    await expect(enter).toHaveAccessibleDescription('Try it out first.')
    await page.getByLabel('Location of new people whose row says none').selectOption('Hamburg')
    await page.getByRole('button', { name: 'Try it out' }).click()
    await expect(page.getByRole('progressbar', { name: 'The list is tried out' })).toBeVisible()
    const report = region(page, 'What would happen')
    await expect(report.getByText('Nothing has been changed yet.')).toBeVisible()
    await expect(page.getByText('What would happen: Added 2, Changed 1,')).toBeAttached() // for who does not see the bar
    for (const [word, n] of [
      ['Added', 2],
      ['Changed', 1],
      ['Unchanged', 0],
      ['Refused', 2],
    ] as const)
      await expect(report.getByText(word, { exact: true }).locator('..')).toHaveText(`${word}${n}`)
    const refused = report.getByRole('table', { name: 'Refused rows' }).locator('tbody').getByRole('row')
    await expect(refused).toHaveText([/6.*login.*must not be empty/, /7.*new3.*vip.*"perhaps" is neither yes nor no/])
    await report.getByRole('button', { name: 'Copy the refused rows' }).click()
    await expect(report.getByText('Copied')).toBeVisible()
    expect(await page.evaluate(() => navigator.clipboard.readText())).toContain('7\tnew3\tvip')
    const loaded = page.waitForEvent('download')
    await report.getByRole('button', { name: 'Download the refused rows (CSV)' }).click()
    expect((await loaded).suggestedFilename()).toBe('refused.csv')

    // Another place is another list: it has not been tried out.
    await page.getByLabel('Location of new people whose row says none').selectOption('Berlin')
    await expect(enter).toHaveAccessibleDescription('Try it out first.')
    await page.getByRole('button', { name: 'Try it out' }).click()
    await expect(report).toBeVisible()
    await enter.click()
    await expect(region(page, 'What has happened')).toBeVisible()
    await expect(enter).toHaveAccessibleDescription('This list is entered.')
    await page.goto('/admin/people/import') // a fresh office: nothing is left of the job
    await expect(region(page, 'What has happened')).toHaveCount(0)
  })

  test('what is wrong with the whole is told, and a job that is gone too', async ({ page }) => {
    await open(page, '/admin/people/import')
    await page.getByLabel('File (CSV)').setInputFiles(file('login,colour\nanna,red\n'))
    await page.getByRole('button', { name: 'Try it out' }).click()
    await expect(page.getByText(/there is no column "colour"/)).toBeVisible()
    await page.goto('/admin/people/import?job=gone&dry=yes')
    await expect(page.getByText('The server does not know of this any more.')).toBeVisible()
  })

  test('ten thousand rows', async ({ page }) => {
    await open(page, '/admin/people/import')
    const many = Array.from({ length: 10_000 }, (_, i) => `p${i},Person ${i},${i % 5 ? 'Berlin' : 'Atlantis'}`)
    await page.getByLabel('File (CSV)').setInputFiles(file(['login,name,location', ...many].join('\n')))
    await expect(page.getByText('people.csv: 10,000 rows.')).toBeVisible()
    await page.getByRole('button', { name: 'Try it out' }).click()
    await expect(page.getByText(/2,500 of 10,000|5,000 of 10,000|7,500 of 10,000/)).toBeVisible()
    await expect(region(page, 'What would happen').getByText('8,000')).toBeVisible()
  })
})

test.describe('groups', () => {
  test('a work group with members by search, by keyboard', async ({ page }) => {
    await open(page, '/admin/groups')
    await page.getByRole('button', { name: 'Add work group' }).click()
    const form = page.getByRole('dialog', { name: 'New work group' })
    await expect(form.getByRole('button', { name: 'Save' })).toHaveAccessibleDescription('A name is needed.')
    await form.getByLabel('Name').fill('Reception')
    await form.getByLabel('What each member is to the others').selectOption({ label: 'Assistant' })
    await expect(form.getByText('Sees also subjects, and may choose the presence of the other.')).toBeVisible()
    for (const [typed, name] of [
      ['wan', 'Wanda Kowalska'],
      ['yus', 'Yusuf Demir'],
    ] as const) {
      await form.getByRole('combobox', { name: /^Members/ }).fill(typed)
      await expect(form.getByRole('menuitemcheckbox', { name })).toBeVisible()
      await page.keyboard.press('Enter') // it is for the list, and must not send the form
      await page.keyboard.press('ArrowDown')
      await page.keyboard.press('Enter')
      await expect(form.getByRole('list', { name: 'Members' }).getByText(name)).toBeVisible()
    }
    await form.getByRole('button', { name: 'Take out Yusuf Demir' }).click()
    await form.getByRole('button', { name: 'Save' }).click()
    const list = page.getByRole('list', { name: 'Work groups' })
    const group = list.getByRole('listitem').filter({ hasText: 'Reception' })
    await expect(group).toContainText('To one another: Assistant')
    await expect(group).toContainText('Members: Wanda Kowalska')
    await page.getByRole('button', { name: 'Remove “Reception”' }).click()
    await page.getByRole('alertdialog').getByRole('button', { name: 'Remove' }).click()
    await expect(group).toHaveCount(0)
  })

  test('a monitoring group has a level each way', async ({ page }) => {
    await open(page, '/admin/groups')
    const group = page.getByRole('list', { name: 'Monitoring groups' }).getByRole('listitem')
    await expect(group).toContainText('Observers to members: Assistant · Members to observers: Employee')
    await page.getByRole('button', { name: 'Edit “Board office”' }).click()
    const form = page.getByRole('dialog', { name: 'Edit monitoring group' })
    await form.getByLabel('What members are to the observers').selectOption({ label: 'External' })
    await form.getByRole('button', { name: 'Take out Inês Carvalho' }).click()
    await form.getByRole('button', { name: 'Save' }).click()
    await expect(group).toContainText('Members to observers: External')
    await expect(group).toContainText('Observers: Anna Berger')
    await expect(group).not.toContainText('Inês')
  })
})

test.describe('directories', () => {
  const state = (page: Page) => region(page, 'State')

  test('how they are doing, in words', async ({ page }) => {
    await open(page, '/admin/system/directories')
    const rows = page.getByRole('list', { name: 'Directories' }).getByRole('listitem')
    await expect(rows).toHaveText([/Harbour.*|Head office.*/, /.*/])
    const good = rows.filter({ hasText: 'Head office' })
    await expect(good).toContainText('Works')
    await expect(good).toContainText('Last success: 24 Nov, 10:28')
    const bad = rows.filter({ hasText: 'Harbour' })
    await expect(bad).toContainText('Does not work')
    await expect(bad).toContainText('Last error (24 Nov, 10:37): the directory cannot be reached')
  })

  test('a check shows each step and what to do', async ({ page }) => {
    await open(page, '/admin/system/directories')
    await page.getByRole('link', { name: 'Open “Head office”' }).click()
    await expect(page.getByRole('heading', { level: 1, name: 'Head office' })).toBeFocused()
    await state(page).getByRole('button', { name: 'Check' }).click()
    const steps = page.getByRole('list', { name: 'What the check found' }).getByRole('listitem')
    await expect(steps).toHaveCount(7)
    await expect(steps.nth(1)).toContainText('Connection works · ldaps://dc1.example.com')
    await expect(steps.nth(6)).toContainText('Attributes does not work')
    await expect(steps.nth(6)).toContainText('What to do: Nobody has: ipPhone.')
    await expect(page.getByText('1 step does not work.')).toBeVisible()
  })

  test('a dry run, then a synchronisation, each with progress and report', async ({ page }) => {
    await open(page, '/admin/system/directories/d1')
    await state(page).getByRole('button', { name: 'Dry run' }).click()
    await expect(page.getByRole('progressbar', { name: 'A synchronisation is tried out' })).toBeVisible()
    await expect(state(page).getByRole('button', { name: 'Synchronise now' })).toHaveAccessibleDescription(
      'A synchronisation is under way.',
    )
    const dry = region(page, 'What would happen')
    await expect(dry.getByText('Nothing has been changed yet.')).toBeVisible()
    await expect(dry.getByRole('table', { name: 'Refused people' })).toContainText('cn=Scanner')
    await dry.getByRole('button', { name: 'Synchronise now' }).click()
    await expect(region(page, 'What has happened').getByText('Added', { exact: true }).locator('..')).toHaveText(
      'Added1',
    )
    await expect(page).toHaveURL(/job=j-/)
  })

  test('who would block unusually many is asked whether that is right', async ({ page }) => {
    await open(page, '/admin/system/directories/d2')
    await state(page).getByRole('button', { name: 'Synchronise now' }).click()
    await expect(
      region(page, 'Nothing was changed').getByText('14 of 25 people of the directory would be blocked'),
    ).toBeVisible()
    await expect(page.getByText('Blocked', { exact: true })).toHaveCount(0)
    await expect(page.getByText('14 people would be blocked. If the directory was read wrongly')).toBeVisible()
    await page.getByRole('button', { name: 'Synchronise anyway…' }).click()
    const ask = page.getByRole('alertdialog', { name: 'Is it right that so many are not there any more?' })
    await ask.getByRole('button', { name: 'Synchronise anyway' }).click()
    const done = region(page, 'What has happened')
    await expect(done.getByText('Blocked', { exact: true }).locator('..')).toHaveText('Blocked14')
    await expect(state(page).getByText('Works')).toBeVisible()
  })

  test('one is added, with what the server finds wrong at its fields', async ({ page }) => {
    await open(page, '/admin/system/directories')
    await page.getByRole('link', { name: 'Add directory' }).click()
    await page.getByRole('button', { name: 'Save' }).click()
    for (const words of ['A name is needed.', 'At least one address is needed.', 'A base is needed.'])
      await expect(page.getByText(words, { exact: true }).first()).toBeVisible()
    await page.getByRole('textbox', { name: 'Name', exact: true }).first().fill('Branch')
    await page.getByLabel('Addresses').fill('ldaps://a.example\nhttp://b.example')
    await page.getByRole('textbox', { name: 'Base', exact: true }).fill('dc=example')
    await page.getByRole('button', { name: 'Save' }).click()
    await expect(page.getByText('must begin with ldap:// or ldaps://', { exact: true })).toBeVisible()
    await page.getByLabel('Addresses').fill('ldaps://a.example')
    await page.getByRole('textbox', { name: 'Password of the account' }).fill('s3cret')
    await page.getByRole('button', { name: 'Add place' }).click()
    const second = page.getByRole('group', { name: 'Place 2' })
    await expect(second.getByText('Everybody fits place 1 already')).toBeVisible()
    await page.getByRole('group', { name: 'Place 1' }).getByLabel('Members of the group (DN)').fill('cn=sales')
    await expect(second.getByText('Everybody fits place 1 already')).toHaveCount(0)
    await second.getByLabel('Location').selectOption('Hamburg')
    await page.getByRole('button', { name: 'Save' }).click()
    await expect(page.getByText('“Branch” is saved')).toBeVisible()
    await expect(page.getByRole('heading', { level: 1, name: 'Branch' })).toBeVisible()
    await expect(page.getByText('As before. Enter one to replace it.')).toBeVisible()
    await expect(page.getByRole('textbox', { name: 'Password of the account' })).toHaveValue('')
    await expect(state(page).getByText('Never used yet')).toBeVisible()
  })

  test('other servers need the password again; a check waits for what is not saved', async ({ page }) => {
    await open(page, '/admin/system/directories/d1')
    await page.getByLabel('Addresses').fill('ldaps://other.example.com')
    await expect(state(page).getByRole('button', { name: 'Check' })).toHaveAccessibleDescription(
      'Save your changes first: this uses what is saved.',
    )
    const bar = changes(page)
    await bar.getByRole('button', { name: 'Save' }).click()
    await expect(
      page.getByText('must be given again for other servers, or another way to them', { exact: true }),
    ).toBeVisible()
    await page.getByRole('link', { name: 'All directories' }).click()
    await page.getByRole('alertdialog').getByRole('button', { name: 'Stay here' }).click()
    await bar.getByRole('button', { name: 'Discard' }).click()
    await expect(bar).toHaveCount(0)
  })

  test('deleting one says that its people stay', async ({ page }) => {
    await open(page, '/admin/system/directories/d1')
    await state(page).getByRole('button', { name: 'Delete…' }).click()
    const ask = page.getByRole('alertdialog', { name: 'Delete “Head office”?' })
    await expect(ask).toContainText('Its people stay')
    await ask.getByRole('button', { name: 'Delete', exact: true }).click()
    await expect(page.getByRole('heading', { level: 1, name: 'Directories' })).toBeVisible()
    await expect(page.getByRole('list', { name: 'Directories' }).getByText('Head office')).toHaveCount(0)
  })
})

test('tokens: made with what they need, shown once, revoked', async ({ page, context }) => {
  await context.grantPermissions(['clipboard-read', 'clipboard-write'])
  await open(page, '/admin/system/tokens')
  const list = page.getByRole('list', { name: 'Tokens' })
  await expect(list.getByRole('listitem').filter({ hasText: 'Wallboard' })).toContainText('Acts as Anna Berger')
  await page.getByRole('button', { name: 'Make token' }).click()
  const form = page.getByRole('dialog', { name: 'New token' })
  await form.getByLabel(/^See what a person sees/).check()
  await form.getByRole('button', { name: 'Make' }).click()
  for (const words of ['A name is needed.', 'Is needed for reports.', 'Is needed to see anything.'])
    await expect(form.getByText(words)).toBeVisible()
  await form.getByRole('textbox', { name: 'Name' }).fill('Gate')
  await form.getByRole('textbox', { name: 'Origin' }).fill('Main Gate')
  await expect(form.getByText('Small letters, digits and hyphens only.')).toBeVisible()
  await form.getByRole('textbox', { name: 'Origin' }).fill('main-gate')
  await form.getByRole('combobox', { name: 'Person' }).fill('tom')
  await form.getByRole('option', { name: /Tom Albrecht/ }).click()
  await form.getByLabel('Expires at').fill('2026-11-24T09:00')
  await expect(form.getByText('This time is past.')).toBeVisible()
  await form.getByLabel('Expires at').fill('2026-12-24T09:00')
  await form.getByRole('button', { name: 'Make' }).click()
  const made = page.getByRole('alertdialog', { name: '“Gate” is made' })
  await made.getByRole('button', { name: 'Copy' }).click()
  await expect(made.getByText('Copied')).toBeVisible()
  expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(await made.getByLabel('Secret').inputValue())
  await page.keyboard.press('Escape')
  await expect(made).toBeVisible()
  await made.getByRole('button', { name: 'Close' }).click()
  const row = list.getByRole('listitem').filter({ hasText: 'Gate' })
  await expect(row).toContainText('Origin: main-gate · Acts as Tom Albrecht · expires 24 Dec, 09:00')
  await page.getByRole('button', { name: 'Revoke “Gate”' }).click()
  await page.getByRole('alertdialog').getByRole('button', { name: 'Revoke' }).click()
  await expect(row).toHaveCount(0)
})

test('the audit log in words, by person and by pages', async ({ page }) => {
  await open(page, '/admin/audit')
  const list = page.getByRole('list', { name: 'Entries' })
  const first = list.getByRole('listitem').first()
  await expect(first).toContainText('Changed central settings')
  await expect(first).toContainText('Scope: Berlin · Section: Automatic activation')
  await expect(first).toContainText('No activity › Minutes: 5 → after 10')
  await expect(page.getByText('Token Access control · concerns Paul Brandt')).toBeVisible()
  await expect(page.getByText('somebody who is not here any more (somebody-gone)')).toBeVisible()
  await page.getByRole('button', { name: 'Show older' }).click()
  await expect(page.getByRole('button', { name: 'Show older' })).toHaveCount(0)
  await page.getByRole('combobox', { name: 'Concerning' }).fill('zo')
  await page.getByRole('option', { name: /Zoë Lambert/ }).click()
  await expect(page).toHaveURL(/person=zoe/)
  await expect(list.getByText('Blocked: no → after yes')).toBeVisible()
  await page.getByRole('button', { name: 'Take out Zoë Lambert' }).click()
  await expect(page).not.toHaveURL(/person/)
})

test('the audit log by who, what, when and words; the table is of the same', async ({ page }) => {
  await open(page, '/admin/audit')
  const filters = region(page, 'Filters')
  const entries = page.getByRole('list', { name: 'Entries' }).locator('> li')
  const table = page.getByRole('link', { name: 'Table (CSV)' })
  await filters.getByLabel('Action').selectOption({ label: 'Changed a person’s record' })
  await expect(entries).toHaveCount(1)
  await expect(page).toHaveURL(/action=person.put/)
  await expect(table).toHaveAttribute('href', '/api/v1/audit.csv?action=person.put')
  await filters.getByLabel('Action').selectOption({ label: 'Any action' })
  await filters.getByRole('combobox', { name: 'By whom' }).fill('mira')
  await filters.getByRole('option', { name: /Mira/ }).click()
  await expect(page).toHaveURL(/actor=mira/)
  await expect(entries).toHaveCount(1)
  await filters.getByRole('button', { name: /^Take out Mira/ }).click()
  await filters.getByLabel('By which token').selectOption({ label: 'Access control' })
  await expect(entries).toHaveCount(1)
  await expect(entries).toContainText('concerns Paul Brandt')
  await filters.getByRole('button', { name: 'Clear filters' }).click()
  await filters.getByLabel('From', { exact: true }).fill('2026-11-24')
  await filters.getByLabel('Until (including)').fill('2026-11-23')
  await expect(filters.getByText('Lies before the beginning.')).toBeVisible()
  await expect(page.getByText('No entries')).toBeVisible()
  await filters.getByLabel('Until (including)').fill('2026-11-24')
  await expect(entries.first()).toContainText('24 Nov')
  await expect(table).toHaveAttribute('href', /since=2026-11-23T23%3A00%3A00.000Z&until=2026-11-24T23%3A00%3A00.000Z/)
  await filters.getByRole('button', { name: 'Clear filters' }).click()
  await filters.getByRole('searchbox', { name: 'Words in the entry' }).fill('access-control')
  await expect(entries).toHaveCount(1)
  await page.reload()
  await expect(filters.getByRole('searchbox', { name: 'Words in the entry' })).toHaveValue('access-control')
  await expect(entries).toHaveCount(1)
  await filters.getByRole('button', { name: 'Clear filters' }).click()
  await expect(filters.getByRole('searchbox', { name: 'Words in the entry' })).toHaveValue('')
  await expect(page).not.toHaveURL(/text=/)
})

test('in German', async ({ page }) => {
  await open(page, '/admin/scopes/berlin', { language: 'de' })
  await expect(page.getByRole('heading', { level: 1, name: 'Präsenzmanagement: Berlin' })).toBeVisible()
  await page.getByRole('button', { name: '„Pause“ löschen' }).click()
  await page.getByRole('button', { name: 'Alle speichern' }).click()
  await expect(page.getByText('Es geht um: Profilvorlagen.')).toBeVisible()
  await expect(page.getByText('Benutzt von: eigene Einstellungen von Personen.')).toBeVisible()
  await page.getByRole('button', { name: 'Verwerfen' }).click()
  await page.getByRole('alertdialog').getByRole('button', { name: 'Verwerfen' }).click()
  await page.getByRole('link', { name: 'Standorte', exact: true }).click()
  await page.getByRole('button', { name: '„Berlin“ entfernen' }).click()
  await page.getByRole('alertdialog').getByRole('button', { name: 'Entfernen' }).click()
  await expect(page.getByText('Noch 25 Personen gehören zu dem Standort')).toBeVisible() // the server says it in English
  await page.getByRole('link', { name: 'Protokoll' }).click()
  await expect(page.getByRole('list', { name: 'Einträge' }).getByText('Zentrale Einstellungen geändert')).toBeVisible()
})

test.describe('on a phone', () => {
  test.use({ viewport: { width: 360, height: 780 }, hasTouch: true })

  test('everything is in reach, and nothing runs off the side', async ({ page }) => {
    await open(page)
    await page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name: 'Administration' }).click()
    for (const name of ['People', 'Groups', 'System settings', 'Audit log', 'Locations']) {
      await page.getByRole('navigation', { name: 'Administration' }).getByRole('link', { name, exact: true }).click()
      const heading = name === 'System settings' ? 'Directories' : name
      await expect(page.getByRole('heading', { level: 1, name: heading, exact: true })).toBeVisible()
      await expect(page.getByRole('main').locator('.rows, .table').first()).toBeVisible()
      await fits(page, name)
    }
    for (const path of ['people/import', 'system/directories/d1', 'system/directories/new', 'system/tokens']) {
      await page.goto(`/admin/${path}`)
      await expect(page.getByRole('main').getByRole('heading', { level: 2 }).last()).toBeVisible()
      await fits(page, path)
    }
    await page.goto('/admin/locations')
    await page.getByRole('link', { name: 'Presence management of Berlin' }).click()
    await page.getByRole('button', { name: 'Delete “Off sick”' }).click()
    await changes(page).getByRole('button', { name: '1 unsaved change' }).click()
    await fits(page, 'presence management')
    await changes(page).getByRole('button', { name: 'Save all' }).click()
    await expect(page.getByText('All changes are saved')).toBeVisible()
  })

  test('nor do the longer words of German', async ({ page }) => {
    await open(page, '/admin/audit', { language: 'de' })
    for (const path of ['audit', 'people', 'people/import', 'system/directories', 'system/directories/d1']) {
      await page.goto(`/admin/${path}`)
      await expect(page.getByRole('main').getByRole('heading', { level: 2 }).last()).toBeVisible()
      await fits(page, path)
      // What is cut off inside a card is not seen by its page.
      const wide = await page.evaluate(() =>
        [...document.querySelectorAll('main .section *')]
          .filter((x) => !x.closest('.refusals-list, .hidden, .tabs') && x.getBoundingClientRect().right > 361)
          .map((x) => x.className),
      )
      expect(wide, path).toEqual([])
    }
  })

  async function fits(page: Page, name: string) {
    const [frame, main, tall] = await page.evaluate(() => [
      document.documentElement.scrollWidth,
      document.querySelector('main')?.scrollWidth ?? 0,
      document.documentElement.scrollHeight - innerHeight,
    ])
    expect(frame, name).toBeLessThanOrEqual(360)
    expect(main, name).toBeLessThanOrEqual(360)
    expect(tall, name).toBeLessThanOrEqual(0)
  }
})
