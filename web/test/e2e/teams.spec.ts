import type { Page } from '@playwright/test'
import { expect, open, test } from './office'

const region = (page: Page, name: string) => page.getByRole('region', { name, exact: true })
const changes = (page: Page) => region(page, 'Unsaved changes')
/** The value beside a name in a list of facts. */
const fact = (page: Page, name: string) =>
  page.locator('dl.facts > div').filter({ has: page.getByText(name, { exact: true }) })

test.describe('for a location', () => {
  test('the application, by whose permission, and how long an entry stays', async ({ page }) => {
    test.slow() // a story of many fields
    await open(page, '/admin/scopes/berlin')
    const teams = region(page, 'Microsoft Teams')
    await expect(teams.getByRole('radio', { name: /^Nothing/ })).toBeChecked()
    await expect(teams.getByRole('combobox', { name: 'Application' })).toHaveCount(0)
    await teams.getByRole('radio', { name: /^Telephony and status The same/ }).check()
    await changes(page)
      .getByRole('button', { name: /unsaved change/ })
      .click()
    await expect(changes(page)).toContainText('must be given: the application at Microsoft 365')
    await changes(page).getByRole('button', { name: 'Save all' }).click()
    await expect(changes(page)).toContainText('Nothing was saved')
    await expect(teams.getByText('must be given: the application at Microsoft 365')).toBeVisible()
    await teams.getByRole('combobox', { name: 'Application' }).selectOption('Microsoft 365')
    await expect(teams.getByRole('link', { name: 'Open “Microsoft 365” in the system settings' })).toBeVisible()

    await expect(teams.getByLabel('Users may have their sign-in remembered')).toHaveCount(0)
    await teams.getByRole('radio', { name: /^Each user signs in/ }).check()
    await teams.getByLabel('Users may have their sign-in remembered').check()
    const keep = teams.getByLabel('Minutes an entry stays after Teams was last heard')
    await expect(keep).toHaveValue('10')
    await keep.fill('721')
    await keep.press('Tab')
    await expect(teams.getByText('A whole number from 1 to 720.')).toBeVisible()
    await keep.fill('30')
    await keep.press('Tab')
    await expect(changes(page).getByRole('list', { name: 'Microsoft Teams' }).getByRole('listitem')).toHaveText([
      /What is synchronised.*Nothing.*Telephony and status/,
      /By whose permission.*The application’s.*Each user signs in/,
      /Users may have their sign-in remembered.*no.*yes/,
      /Minutes an entry stays.*10.*30/,
      /Application.*nothing.*Microsoft 365/,
    ])
    await changes(page).getByRole('button', { name: 'Save all' }).click()
    await expect(page.getByText('All changes are saved')).toBeVisible()

    // The people there are asked to sign in.
    await page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name: 'Team', exact: true }).click()
    await expect(page.getByText('Sign in for Microsoft Teams')).toBeVisible()
  })

  test('nobody wants anything of Teams: no application is named, and it can be deleted', async ({ page }) => {
    await open(page, '/admin/scopes/berlin', { teams: {} })
    const teams = region(page, 'Microsoft Teams')
    await teams.getByRole('radio', { name: /^Nothing/ }).check()
    await changes(page)
      .getByRole('button', { name: /unsaved change/ })
      .click()
    await expect(changes(page).getByRole('list', { name: 'Microsoft Teams' }).getByRole('listitem')).toHaveText([
      /What is synchronised.*Telephony and status.*Nothing/,
      /Application.*Microsoft 365.*nothing/,
    ])
    await expect(changes(page)).toContainText('What Teams was told ends there')
  })

  test('in German', async ({ page }) => {
    await open(page, '/admin/scopes/berlin', { language: 'de', teams: { access: 'delegated' } })
    const teams = region(page, 'Microsoft Teams')
    await expect(teams.getByRole('radio', { name: /^Telefonie und Status Dasselbe/ })).toBeChecked()
    await expect(teams.getByRole('radio', { name: /^Jede Person meldet sich an/ })).toBeChecked()
    await expect(teams.getByLabel('Personen dürfen ihre Anmeldung merken lassen')).not.toBeChecked()
    await expect(teams.getByRole('checkbox', { name: 'Zentrale Profilvorlage „MS Teams“ anbieten' })).toBeVisible()
  })
})

test.describe('my own page', () => {
  test('says how it goes while it is open, and lets me choose', async ({ page }) => {
    test.slow() // it is asked every four seconds
    await open(page, '/settings/teams', {
      teams: { user_may_change: true, call: true, person: { written: ['do_not_disturb'] } },
    })
    await expect(page.getByRole('link', { name: 'Microsoft Teams' })).toHaveAttribute('aria-current', 'page')
    await expect(fact(page, 'Teams last heard')).toContainText('4 s ago')
    await expect(fact(page, 'Teams shows of you')).toContainText('Busy – in a call')
    await expect(fact(page, 'What comes of it here')).toContainText('On the phone (MS Teams), until the call ends')
    await expect(fact(page, 'What Teams is told from here')).toContainText('do not disturb')
    await expect(page.getByText('Connected by the application “Microsoft 365”.')).toBeVisible()
    // It is asked again and again.
    const asked: string[] = []
    await page.exposeFunction('heardOf', (url: string) => asked.push(url))
    await page.evaluate(() => {
      const real = window.fetch
      window.fetch = (input, init) => {
        const url = input instanceof Request ? input.url : String(input)
        if (url.endsWith('/people/me/teams')) void (window as never as { heardOf(u: string): void }).heardOf(url)
        return real(input, init)
      }
    })
    const own = region(page, 'What is synchronised with Teams')
    await expect(own.getByRole('radio', { name: /^Telephony and status/ })).toBeChecked()
    await expect(own.getByRole('radio', { name: /^Telephony and status/ })).toBeDisabled()
    await own.getByRole('switch', { name: 'Use an own setting' }).click()
    await own.getByRole('radio', { name: /^Nothing/ }).click()
    await expect(own.getByText('Saved')).toBeVisible()
    await expect(page.getByText('Teams last heard')).toHaveCount(0)
    await own.getByRole('switch', { name: 'Use an own setting' }).click()
    await expect(own.getByRole('radio', { name: /^Telephony and status/ })).toBeChecked()
    await expect(page.getByText('Teams last heard')).toBeVisible()
    // The first may still be the one after what I changed.
    const before = asked.length
    await expect.poll(() => asked.length, { timeout: 15_000 }).toBeGreaterThan(before + 1)
  })

  test('says what the administrator has set, and what is in the way', async ({ page }) => {
    const problem = 'Microsoft 365 knows nobody with the address anna@example.com, or they have no licence for Teams.'
    await open(page, '/settings/teams', {
      teams: { sync: 'telephony', person: { problem, availability: 'Away', hidden: { what: 'call', by: 'Away' } } },
    })
    const own = region(page, 'What is synchronised with Teams')
    await expect(own).toContainText('Set by your administrator')
    await expect(own).toContainText(/Telephony.*From Teams: who is in a call there/)
    await expect(own.getByRole('radio')).toHaveCount(0)
    await expect(page.getByText(problem)).toBeVisible()
    await expect(
      page.getByText('“Away” was chosen in Teams: your call is not seen there until you reset your status in Teams.'),
    ).toBeVisible()
  })

  test('in German, where Teams does not run', async ({ page }) => {
    const problem = 'Microsoft 365 knows nobody with the address anna@example.com, or they have no licence for Teams.'
    await open(page, '/settings/teams', { language: 'de', teams: { person: { problem, availability: 'Offline' } } })
    await expect(
      page.getByText('Teams läuft bei Ihnen nicht. Anrufe von hier sind dort trotzdem zu sehen'),
    ).toBeVisible()
    await expect(page.getByText('Microsoft 365 kennt niemanden mit der Adresse anna@example.com')).toBeVisible()
    await expect(fact(page, 'Von Teams zuletzt gehört')).toContainText('vor 4 s')
    await expect(fact(page, 'Teams zeigt von Ihnen')).toContainText('Offline')
  })

  test('where there is no application', async ({ page }) => {
    await open(page, '/settings/teams')
    await expect(page.getByText('Microsoft Teams is not connected')).toBeVisible()
    await expect(page.getByRole('radio')).toHaveCount(0)
  })
})

test.describe('signing in for Teams', () => {
  test('the main page asks for it; it is remembered, and disconnected', async ({ page }) => {
    test.slow() // a story of many pages
    const teams = { access: 'delegated', remember: true } as const
    await open(page, '/', { teams })
    await expect(page.getByText('Your administrator has you kept in step with Teams.')).toBeVisible()
    const signIn = page.getByRole('link', { name: 'Sign in with Microsoft' })
    await expect(signIn).toHaveAttribute('href', '/accounts/g1/begin?for=teams&remember=false')
    await page.getByRole('checkbox', { name: 'Remember the sign-in' }).check()
    await signIn.click()
    await expect(page).toHaveURL(/settings\/teams$/)
    const account = region(page, 'Your sign-in with Microsoft')
    await expect(account).toContainText('Signed in as anna@example.com')
    await expect(account).toContainText('The sign-in is remembered until you disconnect it.')
    await expect(page.getByText('4 s ago')).toBeVisible()

    await account.getByRole('button', { name: 'Disconnect' }).click()
    await expect(page.getByRole('alertdialog')).toContainText('The sign-in is deleted here')
    await page.getByRole('alertdialog').getByRole('button', { name: 'Disconnect' }).click()
    await expect(account).toContainText('You are not signed in.')
    await expect(page.getByText('Nothing is synchronised until you sign in with Microsoft.')).toBeVisible()
    await expect(account.getByRole('link', { name: 'Sign in with Microsoft' })).toBeVisible()
    await expect(account.getByRole('button', { name: 'Disconnect' })).toHaveCount(0)

    // Whoever does not want to is not asked again in this window.
    await page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name: 'Team', exact: true }).click()
    await page.getByRole('button', { name: 'Not now' }).click()
    await expect(page.getByText('Sign in for Microsoft Teams')).toHaveCount(0)
    await open(page, '/', { teams })
    await expect(page.getByRole('heading', { name: 'Favourites' })).toBeVisible()
    await expect(page.getByText('Sign in for Microsoft Teams')).toHaveCount(0)
  })

  test('is over after a while, and may be refused', async ({ page }) => {
    await open(page, '/settings/teams', {
      teams: { access: 'delegated', person: { account: 'anna@example.com', sign_in_needed: true } },
    })
    const account = region(page, 'Your sign-in with Microsoft')
    await expect(page.getByText('Your sign-in with Microsoft is over.')).toBeVisible()
    await expect(account).toContainText('Last signed in as anna@example.com')
    // It may not be remembered, and so nobody is asked.
    await expect(account.getByRole('checkbox')).toHaveCount(0)
    await expect(account.getByRole('link', { name: 'Sign in with Microsoft' })).toBeVisible()
  })

  test('says why nothing came of it', async ({ page }) => {
    await open(page, '/accounts/g2/begin?for=teams&remember=false')
    await expect(page).toHaveURL(/settings\/teams\?refused=denied&connector=g2/)
    await expect(page.getByText('The account was not connected with Subsidiary')).toBeVisible()
    await expect(page.getByText('ask your administrator to agree for everybody')).toBeVisible()
  })
})

test('why I am what I am names what Teams hides, and leads to where more is said', async ({ page }) => {
  await open(page, '/?why=me', { teams: { person: { availability: 'Away', hidden: { what: 'call', by: 'Away' } } } })
  const why = page.getByRole('dialog')
  await expect(why).toContainText('“Away” was chosen in Teams: your call is not seen there')
  await why.getByRole('link', { name: 'Teams settings' }).click()
  await expect(page).toHaveURL(/settings\/teams$/)
  await expect(page.getByRole('dialog')).toHaveCount(0)
  await open(page, '/?why=jonas', { teams: { person: { hidden: { what: 'call', by: 'Away' } } } })
  await expect(why).toContainText('An appointment runs until')
  await expect(why.getByRole('link', { name: 'Teams settings' })).toHaveCount(0)
})

test.describe('a call in Teams', () => {
  test('stands in the agenda since it began, without an end', async ({ page }) => {
    await open(page, '/agenda?view=day', { teams: { call: true } })
    const entry = page.getByRole('button', {
      name: /^On the phone \(MS Teams\), since 10:28, running, Appointment, Busy/,
    })
    await expect(entry).toBeVisible()
    await entry.click()
    const details = page.getByRole('dialog', { name: 'Details of the entry' })
    await expect(details).toContainText(/Whensince 10:28 \(12 mins\)/)
    await expect(details).toContainText(/FromMS Teams/)
    await expect(details).not.toContainText('Show as')
  })

  test('in German', async ({ page }) => {
    await open(page, '/agenda?view=day', { language: 'de', teams: { call: true } })
    await expect(
      page.getByRole('button', { name: /^Am Telefon \(MS Teams\), seit 10:28, läuft, Termin/ }),
    ).toBeVisible()
  })
})

test.describe('for administrators of the system', () => {
  test('an application: whom it keeps in step, a check, and the script for its permissions', async ({ page }) => {
    test.slow() // three parts of a page
    await open(page, '/admin/system/graph/g1', { teams: {} })
    const teams = region(page, 'Microsoft Teams')
    await expect(teams).toContainText(/To be kept in step\d+Found in Teams\d+/)
    await expect(teams).toContainText('Heard longest ago4 s ago')
    await expect(teams.getByRole('list', { name: 'Not found in Teams' }).getByRole('listitem')).toHaveText(
      /Anna Berger.*anna\.berger@example\.com/,
    )
    await expect(teams.getByRole('list', { name: 'Where something does not work' })).toContainText(
      /Jonas Keller.*The sign-in has expired\./,
    )

    await page.getByRole('button', { name: 'Check Microsoft Teams' }).click()
    const steps = page.getByRole('list', { name: 'What the check of Microsoft Teams found' }).getByRole('listitem')
    await expect(steps).toHaveCount(4)
    await expect(steps.last()).toContainText(
      /^Permission to set presence.*does not work.*choose Presence.ReadWrite.All/,
    )
    await page.getByLabel('Email address of somebody').fill('tom@example.com')
    await page.getByRole('button', { name: 'Check Microsoft Teams' }).click()
    await expect(steps.last()).toContainText(/Reading the presence.*no presence in Teams.*What to do: Give the user/)
    await page.getByRole('button', { name: 'Check calendars' }).click()
    await expect(page.getByRole('list', { name: 'What the check of calendars found' })).toBeVisible()

    const script = page
      .getByRole('list', { name: 'Scripts for its set-up' })
      .getByRole('listitem')
      .filter({ hasText: 'presence in Teams' })
    await script.getByText('Let it read and set presence in Teams').first().click()
    await expect(script).toContainText('Presence.ReadWrite.All')
  })

  test('in German, with what the server says', async ({ page }) => {
    await open(page, '/admin/system/graph/g1', { language: 'de', teams: {} })
    await expect(region(page, 'Microsoft Teams')).toContainText('Die Anmeldung ist abgelaufen.')
    await page.getByLabel('E-Mail-Adresse einer Person').fill('tom@example.com')
    await page.getByRole('button', { name: 'Microsoft Teams prüfen' }).click()
    const steps = page
      .getByRole('list', { name: 'Was die Prüfung von Microsoft Teams ergeben hat' })
      .getByRole('listitem')
    await expect(steps).toHaveText([
      /^Microsoft Graph.*verschlüsselt erreichbar/,
      /^Anmeldung.*hat sich angemeldet/,
      /^Berechtigung, die Präsenz zu lesen.*darf die Präsenz aller in Teams lesen \(Presence\.Read\.All\)/,
      /^Berechtigung, die Präsenz zu setzen.*darf die Präsenz in Teams nicht setzen.*wählen Sie Presence\.ReadWrite\.All/,
      /^Person.*Die Person ist da/,
      /^Lesen der Präsenz.*hat keine Präsenz in Teams.*Geben Sie der Person eine Lizenz/,
    ])
  })

  test('one that nobody uses says where it is chosen; one that is used is not deleted', async ({ page }) => {
    await open(page, '/admin/system/graph/g2', { teams: {} })
    await expect(region(page, 'Microsoft Teams')).toContainText('Nobody is kept in step with Teams by it.')
    await open(page, '/admin/system/graph/g1', { teams: {} })
    await page.getByRole('button', { name: 'Delete…' }).click()
    await page.getByRole('alertdialog').getByRole('button', { name: 'Delete' }).click()
    await expect(
      page.getByText('the settings of location "Berlin" name it; choose something else there first'),
    ).toBeVisible()
  })

  test('is a part of health', async ({ page }) => {
    await open(page, '/admin/system/health', { teams: {} })
    const row = page.getByRole('row').filter({ hasText: 'people are kept in step with Teams' })
    await expect(row).toContainText(/Microsoft 365.*Microsoft Teams.*Works.*4 seconds behind/)
    await row.getByRole('link', { name: 'Microsoft 365' }).click()
    await expect(page).toHaveURL(/system\/graph\/g1/)
  })
})

test('no page about Teams is wider than a phone', async ({ page }) => {
  test.slow() // many pages
  await page.setViewportSize({ width: 360, height: 740 })
  const hidden = { what: 'call', by: 'Away' } as const
  const teams = {
    access: 'delegated',
    remember: true,
    user_may_change: true,
    call: true,
    person: { account: 'anna.with.a.long.name@subsidiary.example.com', sign_in_needed: true, hidden },
  } as const
  for (const language of ['en', 'de'] as const) {
    for (const path of ['/', '/settings/teams', '/agenda', '/admin/scopes/berlin', '/admin/system/graph/g1']) {
      await open(page, path, { language, teams })
      await expect(page.locator('main').getByText('Teams').first()).toBeAttached()
      const wide = await page.evaluate(() => {
        const main = document.querySelector('main')
        return document.documentElement.scrollWidth > innerWidth || (main?.scrollWidth ?? 0) > (main?.clientWidth ?? 0)
      })
      expect(wide, `${path} in ${language}`).toBe(false)
    }
  }
})
