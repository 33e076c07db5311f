import { expect, open, test } from './office'

test('sign in, and out again', async ({ page }) => {
  await open(page, '/agenda', { signedIn: false })
  await expect(page.getByRole('heading', { name: 'Sign in' })).toBeVisible()
  await page.getByLabel('Login').fill('anna')
  await page.getByLabel('Password').fill('wrong')
  await page.getByRole('button', { name: 'Sign in' }).click()
  await expect(page.getByText('Login or password is wrong')).toBeVisible()
  await page.getByLabel('Password').fill('right horse')
  await page.getByRole('button', { name: 'Sign in' }).click()
  // Back to where one wanted to go.
  await expect(page.getByRole('heading', { name: 'Agenda', level: 1 })).toBeVisible()
  await page.getByRole('button', { name: 'Sign out' }).click()
  await expect(page.getByRole('heading', { name: 'Sign in' })).toBeVisible()
})

test('the first run makes an administrator', async ({ page }) => {
  await open(page, '/', { signedIn: false, setup: true })
  await expect(page.getByRole('heading', { name: 'Welcome to Doorlight' })).toBeVisible()
  await page.getByLabel('Set-up code').fill('1234')
  await page.getByLabel('Your name').fill('Anna Berger')
  await page.getByLabel('Login').fill('anna')
  await page.getByLabel('Password').fill('short')
  await page.getByLabel('First location').fill('Berlin')
  await page.getByRole('button', { name: 'Create administrator' }).click()
  await expect(page.getByText('has 5 characters; at least 10 are needed').first()).toBeVisible()
  await page.getByLabel('Password').fill('long enough now')
  await page.getByRole('button', { name: 'Create administrator' }).click()
  await expect(page.getByRole('heading', { name: 'Team', level: 1 })).toBeVisible()
})

test('choose a status with one click', async ({ page }) => {
  await open(page)
  await page.getByRole('group', { name: 'Change your status' }).getByRole('button', { name: 'Do not disturb' }).click()
  await expect(page.getByRole('button', { name: /^Your presence: Do not disturb/ })).toBeVisible()
  await expect(page.getByTestId('announcer')).toHaveText(/Your status is now Do not disturb/)
})

test('a click that does not work says so, and does not count later', async ({ page }) => {
  await open(page)
  await page.evaluate(() => {
    window.doorlightMock?.offline(true)
    window.dispatchEvent(new Event('offline'))
  })
  const quick = page.getByRole('group', { name: 'Change your status' })
  await quick.getByRole('button', { name: 'Do not disturb' }).click()
  await expect(page.getByText('The server cannot be reached at the moment.')).toBeVisible()
  await page.getByRole('alert').getByRole('button', { name: 'Close' }).click()
  await expect(page.getByText('The server cannot be reached at the moment.')).toBeHidden()
  await page.evaluate(() => {
    window.doorlightMock?.offline(false)
    window.dispatchEvent(new Event('online'))
  })
  // A click that waited would count by now.
  await page.waitForTimeout(1_000)
  await expect(page.getByRole('button', { name: /^Your presence: Do not disturb/ })).toHaveCount(0)
})

test('a duplicated tab is a client of its own', async ({ page }) => {
  await open(page)
  const id = () => sessionStorage.getItem('doorlight-client')
  await expect.poll(() => page.evaluate(id)).toMatch(/^web-/)
  const first = await page.evaluate(id)
  // A page that a page opens begins with a copy of its storage, as a duplicate does.
  const [second] = await Promise.all([page.waitForEvent('popup'), page.evaluate(() => void window.open('/'))])
  await expect.poll(() => second.evaluate(id)).not.toBe(first)
  await page.reload()
  await page.locator('h1').first().waitFor({ state: 'attached' })
  await page.waitForTimeout(400)
  expect(await page.evaluate(id)).toBe(first)
})

test('choose a status with text and end', async ({ page }) => {
  await open(page)
  await page.getByRole('button', { name: /^Your presence/ }).click()
  const panel = page.getByRole('dialog', { name: 'Your presence' })
  await panel.getByLabel('Text').fill('Exam')
  await panel.getByRole('button', { name: '12:00' }).click()
  await panel.getByRole('group', { name: 'Status' }).getByRole('button', { name: 'Busy' }).click()
  await expect(panel).toBeHidden()
  await expect(page.getByRole('button', { name: 'Your presence: Busy – Exam, until 12:00' })).toBeVisible()

  await page.getByRole('button', { name: /^Your presence/ }).click()
  await expect(page.getByText('your choice · since 10:40 · until 12:00')).toBeVisible()
  await page.getByRole('button', { name: 'Focus time' }).click()
  await expect(page.getByRole('button', { name: /^Your presence: Do not disturb – Heads down/ })).toBeVisible()
})

test('a custom end must lie ahead', async ({ page }) => {
  await open(page)
  await page.getByRole('button', { name: /^Your presence/ }).click()
  await page.getByRole('button', { name: 'Custom…' }).click()
  await page.getByLabel('Ends at').fill('2026-11-24T09:00')
  await expect(page.getByText('This time is past.')).toBeVisible()
  await expect(page.getByRole('dialog').getByRole('button', { name: 'Available' }).first()).toBeDisabled()
})

test('changes of others appear by themselves', async ({ page }) => {
  await open(page)
  const tile = page.getByRole('region', { name: /^Product/ }).getByRole('link', { name: /Sofia Lindqvist/ })
  await expect(tile).toContainText('Available')
  await page.evaluate(() => window.doorlightMock?.set('sofia', { status: 'busy', text: 'Client demo' }))
  await expect(tile).toContainText('Busy · Client demo')
  await page.evaluate(() => window.doorlightMock?.set('sofia', { line: { state: 'on_the_phone' } }))
  await expect(tile).toContainText('On the phone')
  await expect(tile).toContainText('Busy')
})

test('a lost connection keeps the last state, says so quietly, and heals', async ({ page }) => {
  await open(page)
  await expect(page.getByRole('link', { name: /Sofia Lindqvist/ })).toBeVisible()
  await page.evaluate(() => {
    window.doorlightMock?.offline(true)
    window.doorlightMock?.drop(1006)
  })
  // The clock of the page stands still, so the banner waits its three seconds from now on.
  await expect(page.getByText('Reconnecting… last update 10:40')).toBeVisible()
  await expect(page.getByRole('link', { name: /Sofia Lindqvist/ })).toBeVisible()
  await page.evaluate(() => {
    window.doorlightMock?.offline(false)
    window.doorlightMock?.set('sofia', { status: 'do_not_disturb' })
    window.dispatchEvent(new Event('online'))
  })
  await expect(page.getByText('Reconnecting…')).toBeHidden()
  await expect(page.getByRole('link', { name: /Sofia Lindqvist/ })).toContainText('Do not disturb')
})

test('a session that ends elsewhere leads to the sign-in', async ({ page }) => {
  await open(page)
  await expect(page.getByRole('heading', { name: 'Team', level: 1 })).toBeVisible()
  await page.evaluate(() => window.doorlightMock?.drop(4401))
  await expect(page.getByRole('heading', { name: 'Sign in' })).toBeVisible()
})

test('search as you type, over everybody', async ({ page }) => {
  await open(page)
  await expect(page.getByRole('link', { name: /Lena Vogt/ })).toBeVisible()
  await page.keyboard.press('/')
  await page.keyboard.type('yus')
  await expect(page).toHaveURL(/\?q=yus/)
  await expect(page.getByRole('link', { name: /Yusuf Demir/ })).toBeVisible()
  await page.keyboard.press('ArrowDown')
  await page.keyboard.press('Enter')
  await expect(page.getByRole('dialog', { name: 'Yusuf Demir' })).toBeVisible()
  await page.keyboard.press('Escape')
  await page.getByLabel('Search people').fill('nobody at all')
  await expect(page.getByText('Nobody matches “nobody at all”')).toBeVisible()
})

test('filter by status, kept in the address', async ({ page }) => {
  await open(page)
  await page
    .getByRole('group', { name: 'Filter by status' })
    .getByRole('button', { name: /Do not disturb/ })
    .click()
  await expect(page).toHaveURL(/status=do_not_disturb/)
  await expect(page.getByRole('link', { name: /Tom Albrecht/ })).toBeVisible()
  await expect(page.getByRole('link', { name: /Lena Vogt/ })).toHaveCount(0)
})

test('favourites by star', async ({ page }) => {
  await open(page)
  await page.getByRole('button', { name: 'Favourite: Lena Vogt' }).click()
  await expect(page.getByRole('region', { name: /^Favourites/ }).getByRole('link', { name: /Lena Vogt/ })).toBeVisible()
})

test('a colleague’s card shows what the relationship allows', async ({ page }) => {
  await open(page, '/people/ralf')
  const external = page.getByRole('dialog', { name: 'Ralf Jansen' })
  await expect(external.getByText('To Ralf Jansen you are external.')).toBeVisible()
  await expect(external.getByRole('link', { name: '+49 30 555 0125' })).toHaveAttribute('href', 'tel:+49305550125')
  await expect(external.getByText('Mobile')).toHaveCount(0)
  await external.getByRole('button', { name: 'Why?' }).focus()
  await expect(page.getByRole('tooltip')).toHaveText(/lets only team colleagues and assistants ask why/)

  await open(page, '/people/ines')
  const assistant = page.getByRole('dialog', { name: 'Inês Carvalho' })
  await expect(assistant.getByText('Interview').first()).toBeVisible()
  await assistant.getByRole('button', { name: 'Do not disturb' }).click()
  await assistant.getByLabel('Text').fill('Deep work')
  await assistant.getByRole('button', { name: 'Set “Do not disturb”' }).click()
  await expect(assistant.getByText('Do not disturb – Deep work')).toBeVisible()
})

test('why?', async ({ page }) => {
  await open(page)
  await page.getByRole('button', { name: /^Your presence/ }).click()
  await page.getByRole('button', { name: 'Why?' }).click()
  const why = page.getByRole('dialog', { name: 'Why am I shown as “Busy”?' })
  await expect(
    why.getByText('An appointment runs until 11:00: “Busy – Appointment, Planning first quarter”.'),
  ).toBeVisible()
  await expect(why.getByText('“Appointment: Planning first quarter” is shown as busier in the calendar.')).toBeVisible()
  await expect(why.getByText('11:30: Appointment: Hiring update ends → Available')).toBeVisible()
  await why.getByRole('button', { name: 'Close' }).click()
  await expect(page).not.toHaveURL(/why/)
})

test('a thousand people stay quick', async ({ page }) => {
  await open(page, '/', { many: 1000 })
  const list = page.getByRole('list', { name: 'Support' })
  await expect(list.getByRole('listitem').first()).toBeVisible()
  expect(await list.getByRole('listitem').count()).toBeLessThan(150)
  await expect(list.getByRole('listitem').first()).toHaveAttribute('aria-setsize', '1007')
})

test('a team by keyboard alone', async ({ page }) => {
  await open(page)
  await expect(page.getByRole('link', { name: /Mira Yıldız/ }).first()).toBeVisible()
  await page.keyboard.press('Tab')
  await expect(page.getByRole('link', { name: 'Skip to content' })).toBeFocused()
  await page.keyboard.press('/')
  await page.keyboard.press('ArrowDown')
  await expect(page.getByRole('link', { name: /Mira Yıldız/ }).first()).toBeFocused()
  await page.keyboard.press('ArrowRight')
  await page.keyboard.press('Enter')
  const card = page.getByRole('dialog', { name: 'Jonas Keller' })
  await expect(card).toBeVisible()
  await page.keyboard.press('Escape')
  await expect(card).toBeHidden()
})

test('pages open while the server is away, and fill when it is back', async ({ page }) => {
  await open(page)
  await expect(page.getByRole('heading', { name: 'Favourites' })).toBeVisible()
  await page.evaluate(() => {
    window.doorlightMock?.offline(true)
    window.doorlightMock?.drop(1006)
  })
  await page.getByRole('link', { name: 'Relationships' }).click()
  const trouble = page.getByText('The server cannot be reached at the moment.')
  await expect(trouble).toBeVisible({ timeout: 10_000 })
  await page.evaluate(() => {
    window.doorlightMock?.offline(false)
    window.dispatchEvent(new Event('online'))
  })
  await expect(trouble).toBeHidden({ timeout: 10_000 })
  await expect(page.getByText('Everybody else: Employee')).toBeVisible()
})
