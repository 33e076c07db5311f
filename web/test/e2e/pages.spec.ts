import { expect, open, test } from './office'

test('dismiss an appointment for presence, and bring it back', async ({ page }) => {
  await open(page, '/agenda')
  await page.getByRole('button', { name: /^Planning first quarter/ }).click()
  const entry = page.getByRole('dialog', { name: 'Details of the entry' })
  await entry.getByRole('button', { name: 'Dismiss for presence' }).click()
  await expect(page.getByRole('button', { name: /^Planning first quarter.*does not count/ })).toBeVisible()
  await expect(page.getByRole('button', { name: /^Your presence: Busy – Hiring update/ })).toBeVisible()
  await page.getByRole('button', { name: /^Planning first quarter/ }).click()
  await entry.getByRole('button', { name: 'Count again' }).click()
  await expect(page.getByRole('button', { name: /^Your presence: Busy – Planning first quarter/ })).toBeVisible()
})

test('give an appointment another profile, and open the original', async ({ page }) => {
  await open(page, '/agenda')
  await page.getByRole('button', { name: /^Planning first quarter/ }).click()
  const entry = page.getByRole('dialog', { name: 'Details of the entry' })
  await expect(entry.getByRole('link', { name: 'Open the original' })).toHaveAttribute(
    'href',
    'https://calendar.example.com/e/1',
  )
  // Where it comes from, and how fresh that is.
  await expect(entry).toContainText(/From\s*Work\s*Last seen there\s*10:37/)
  await entry.getByLabel('Give another profile').selectOption({ label: 'Workshop' })
  await expect(entry.getByText('Busy – Workshop')).toBeVisible()
})

test('the agenda by keyboard', async ({ page }) => {
  await open(page, '/agenda')
  await expect(page.getByText('23 – 29 November 2026')).toBeVisible()
  await page.keyboard.press('d')
  await expect(page.getByText(/Tuesday,? 24 November 2026/)).toBeVisible()
  await page.keyboard.press('ArrowRight')
  await expect(page.getByText(/Wednesday,? 25 November 2026/)).toBeVisible()
  await expect(page).toHaveURL(/day=2026-11-25/)
  await page.keyboard.press('t')
  await expect(page.getByText(/Tuesday,? 24 November 2026/)).toBeVisible()
})

test('a colleague’s agenda, without what is not for me', async ({ page }) => {
  await open(page, '/people/jonas/agenda')
  await expect(page.getByRole('heading', { name: 'Agenda of Jonas Keller' })).toBeVisible()
  await page
    .getByRole('button', { name: /^Appointment/ })
    .first()
    .click()
  await expect(page.getByRole('dialog').getByText('Only Jonas Keller and assistants may change this.')).toBeVisible()
  await open(page, '/people/ralf/agenda')
  await expect(page.getByText('Ralf Jansen does not show you appointments.')).toBeVisible()
})

test('make, reorder, change and delete profiles', async ({ page }) => {
  await open(page, '/profiles')
  const own = page.getByRole('list', { name: 'Own profiles' })
  await expect(own.getByRole('listitem')).toHaveCount(3)
  await page.getByRole('button', { name: 'Move “In the lab” up' }).click()
  await expect(own.getByRole('listitem').nth(1)).toContainText('In the lab')
  await expect(page.getByText('“In the lab” is now at place 2 of 3')).toBeAttached()
  await own.getByRole('listitem').nth(2).dragTo(own.getByRole('listitem').nth(0))
  await expect(own.getByRole('listitem').nth(0)).toContainText('Workshop')

  await page.getByRole('button', { name: 'Add profile' }).click()
  const form = page.getByRole('dialog', { name: 'New profile' })
  await form.getByRole('button', { name: 'Save' }).click()
  await expect(form.getByText('A name is needed.')).toBeVisible()
  await form.getByLabel('Name').fill('On the train')
  await form.getByRole('button', { name: 'Be right back' }).click()
  await form.getByLabel('Call forwarding').selectOption({ label: 'Forward calls to' })
  await form.getByLabel('Forward to').selectOption({ label: 'mobile number' })
  await form.getByRole('button', { name: 'Save' }).click()
  await expect(own.getByText('On the train')).toBeVisible()

  await page.getByRole('button', { name: 'Delete “On the train”' }).click()
  await page.getByRole('alertdialog').getByRole('button', { name: 'Delete' }).click()
  await expect(own.getByText('On the train')).toHaveCount(0)
})

test('settings: central, own, and set by the administrator', async ({ page }) => {
  await open(page, '/settings/activation')
  const end = page.getByRole('region', { name: 'When the last client ends' })
  await expect(end.getByText('Set by your administrator')).toBeVisible()
  await expect(end.getByRole('switch')).toHaveCount(0)
  const lock = page.getByRole('region', { name: 'When the screen is locked' })
  await lock.getByRole('switch', { name: /Use an own setting/ }).click()
  await lock.getByLabel('Profile', { exact: true }).selectOption({ label: 'In the lab' })
  await expect(page.getByText('Saved')).toBeVisible()
  await expect(lock.getByLabel('Profile', { exact: true })).toHaveValue('p-lab')
})

test('calendars: health in words, add, read, remove', async ({ page }) => {
  await open(page, '/settings/calendars')
  await expect(page.getByText('Read at 10:37: 17 appointments ahead')).toBeVisible()
  await expect(
    page.getByText('The server refuses the user name or password (401). Enter the password again.'),
  ).toBeVisible()
  await page.getByRole('button', { name: 'Add calendar' }).click()
  const form = page.getByRole('dialog', { name: 'Add calendar' })
  await form.getByLabel('Name').fill('Club')
  await form.getByRole('textbox', { name: 'Address' }).fill('webcal:club')
  await form.getByRole('button', { name: 'Save' }).click()
  await expect(form.getByText('must be an http or https address', { exact: true })).toBeVisible()
  await form.getByRole('textbox', { name: 'Address' }).fill('https://club.example.com/c.ics')
  await form.getByRole('button', { name: 'Save' }).click()
  await expect(page.getByText('https://club.example.com/c.ics')).toBeVisible()
  await page.getByRole('button', { name: 'Remove “Club”' }).click()
  await page.getByRole('alertdialog').getByRole('button', { name: 'Remove' }).click()
  await expect(page.getByText('https://club.example.com/c.ics')).toHaveCount(0)
})

test('relationships: search, change, return to the default', async ({ page }) => {
  await open(page, '/relationships')
  await page.getByLabel('Search by name').fill('wanda')
  const level = page.getByLabel('Relationship to Wanda Kowalska')
  await expect(level).toHaveValue('default')
  await level.selectOption({ label: 'Assistant' })
  await expect(page.getByText('own choice')).toBeVisible()
  await level.selectOption({ label: 'Default: Employee' })
  await expect(page.getByText('by group or default')).toBeVisible()
  await page.getByRole('link', { name: 'Who sees what' }).click()
  const external = page.getByRole('listitem', { name: 'External' })
  await expect(external.getByText('Yusuf Demir')).toBeVisible()
  await expect(external).not.toContainText('Planning')
  await expect(page.getByRole('listitem', { name: 'Blocked' })).toContainText('to them you do not exist')
})

test('connected clients can be ended', async ({ page }) => {
  await open(page, '/settings/clients')
  const list = page.getByRole('list', { name: 'Connected clients' })
  await expect(list.getByText('this window')).toBeVisible()
  await page.getByRole('button', { name: 'End “Safari on iPhone”' }).click()
  await expect(list.getByText('Safari on iPhone')).toHaveCount(0)
})

test('export, and reset with a count first', async ({ page }) => {
  await open(page, '/settings/data')
  const download = page.waitForEvent('download')
  await page.getByRole('button', { name: 'Download' }).click()
  expect((await download).suggestedFilename()).toBe('doorlight-anna-2026-11-24.json')
  await page.getByRole('button', { name: 'Reset…' }).click()
  const ask = page.getByRole('alertdialog', { name: 'Reset presence settings?' })
  await expect(ask.getByText('Your own settings return to the central values.')).toBeVisible()
  await ask.getByRole('button', { name: 'Reset' }).click()
  await expect(page.getByText('Your settings are back to the central values.')).toBeVisible()
})

test('German, with its own times', async ({ page }) => {
  await open(page, '/settings')
  await page.getByLabel('Language', { exact: true }).selectOption({ label: 'Deutsch' })
  await expect(page.getByRole('heading', { name: 'Einstellungen', level: 1 })).toBeVisible()
  await expect(page.locator('html')).toHaveAttribute('lang', 'de')
  await page.getByRole('link', { name: 'Team', exact: true }).click()
  await expect(page.getByRole('link', { name: /Paul Brandt/ })).toContainText('Bin gleich zurück')
  await page.getByRole('group', { name: 'Status ändern' }).getByRole('button', { name: 'Nicht stören' }).click()
  await expect(page.getByRole('button', { name: /^Ihre Präsenz: Nicht stören/ })).toBeVisible()
})

test('dark, by choice, and kept', async ({ page }) => {
  await open(page, '/settings')
  await page.getByRole('radio', { name: 'Dark' }).check()
  await expect(page.locator('html')).toHaveAttribute('data-theme', 'dark')
  await page.reload()
  await expect(page.locator('html')).toHaveAttribute('data-theme', 'dark')
})

test.describe('on a phone', () => {
  test.use({ viewport: { width: 360, height: 740 }, hasTouch: true })

  test('everything is in reach, and nothing runs off the side', async ({ page }) => {
    await open(page)
    for (const name of ['Agenda', 'Profiles', 'Relationships', 'Settings', 'Team']) {
      await page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name, exact: true }).click()
      await expect(
        page
          .getByRole('heading', { level: 1, name })
          .or(page.getByRole('region', { name: /^Favourites/ }))
          .first(),
      ).toBeVisible()
      expect(await page.evaluate(() => document.documentElement.scrollWidth), name).toBeLessThanOrEqual(360)
      expect(await page.evaluate(() => document.querySelector('main')?.scrollWidth ?? 0), name).toBeLessThanOrEqual(360)
    }
    await page.getByRole('button', { name: /^Your presence/ }).click()
    await page.getByRole('dialog', { name: 'Your presence' }).getByRole('button', { name: 'Break' }).click()
    await expect(page.getByRole('button', { name: /^Your presence: Be right back – Break/ })).toBeVisible()
  })
})

test('a number that makes no sense is not saved and says why', async ({ page }) => {
  await open(page, '/settings/calendars')
  const own = page.getByRole('switch', { name: 'Use an own setting' })
  if (!(await own.isChecked())) await own.click()
  const days = page.getByLabel('Days ahead')
  await days.fill('4000')
  await days.press('Tab')
  await expect(page.getByText('A whole number from 1 to 365.')).toBeVisible()
  await days.fill('14')
  await days.press('Tab')
  await expect(page.getByText('A whole number from 1 to 365.')).toBeHidden()
  // The next change builds on this one without waiting for the server.
  await page.getByLabel('Tentative').click()
  await page.getByLabel('All-day appointments count').click()
  await expect(days).toHaveValue('14')
  await expect(page.getByLabel('Tentative')).not.toBeChecked()
  await expect(page.getByLabel('All-day appointments count')).not.toBeChecked()
})

test('somebody who does not exist', async ({ page }) => {
  await open(page)
  await page.evaluate(() => {
    history.pushState(null, '', '/people/nobody')
    dispatchEvent(new PopStateEvent('popstate'))
  })
  await expect(page.getByText('There is no such person, or you may not see them.')).toBeVisible()
  await page.getByRole('button', { name: 'Close' }).click()
  await expect(page.getByRole('dialog')).toBeHidden()
})

test('a group that is filtered says how many it shows', async ({ page }) => {
  await open(page, '/?status=busy')
  await expect(page.getByRole('heading', { level: 2 }).first()).toHaveText(/\d+ of \d+$/)
})

test('on a phone the chosen section of the settings is in sight', async ({ page }) => {
  await page.setViewportSize({ width: 390, height: 844 })
  await open(page, '/settings/data')
  await expect(page.getByRole('link', { name: 'Data and reset' })).toBeInViewport({ ratio: 0.9 })
})
