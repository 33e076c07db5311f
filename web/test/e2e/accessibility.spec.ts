import AxeBuilder from '@axe-core/playwright'
import type { Page } from '@playwright/test'
import type { Options } from '../../mock-api/server'
import { expect, open, test } from './office'

const LINES = { connector: 't1', forwarding: 't1' }
const CODES = [{ code: '*81', profile: 't-break' }]

const pages: [name: string, path: string, heading: RegExp, options?: Options][] = [
  ['team', '/', /^Team$/],
  ['asked for an account', '/', /^Team$/, { calendar: { accounts: 'g1' } }],
  ['card', '/people/ines', /^Team$/],
  ['why', '/?why=me', /^Team$/],
  ['agenda', '/agenda', /^Agenda$/],
  ['profiles', '/profiles', /^Profiles$/],
  ['relationships', '/relationships', /^Relationships$/],
  ['who sees what', '/relationships/seen', /^Who sees what$/],
  ['settings', '/settings', /^Settings$/],
  ['activation', '/settings/activation', /^Settings$/],
  ['calendars', '/settings/calendars', /^Settings$/],
  ['a calendar that is set', '/settings/calendars', /^Settings$/, { calendar: { method: 'central', connector: 'x1' } }],
  [
    'an account to be connected',
    '/settings/calendars?refused=denied&connector=g1',
    /^Settings$/,
    { calendar: { accounts: 'g1' } },
  ],
  ['Microsoft Teams', '/settings/teams', /^Settings$/, { teams: { call: true, person: { written: ['call'] } } }],
  [
    'a choice in Teams that hides a call',
    '/settings/teams',
    /^Settings$/,
    { teams: { user_may_change: true, person: { availability: 'Away', hidden: { what: 'call', by: 'Away' } } } },
  ],
  [
    'a sign-in for Teams',
    '/settings/teams?refused=denied&connector=g1',
    /^Settings$/,
    { teams: { access: 'delegated', remember: true } },
  ],
  ['asked to sign in for Teams', '/', /^Team$/, { teams: { access: 'delegated', remember: true } }],
  [
    'why, where Teams hides a call',
    '/?why=me',
    /^Team$/,
    { teams: { person: { hidden: { what: 'call', by: 'Away' } } } },
  ],
  ['a call in Teams', '/agenda', /^Agenda$/, { teams: { call: true } }],
  ['a telephone line', '/settings/telephone', /^Settings$/, { telephone: { ...LINES, line: { refusal: 'No.' } } }],
  ['call forwarding of a colleague', '/people/mira', /^Team$/, { telephone: LINES }],
  ['clients', '/settings/clients', /^Settings$/],
  ['sign-ins', '/settings/sign-in', /^Settings$/],
  ['a program to let in', '/device?code=BCDF-GHJL', /^Let a program in$/],
  ['a code that is no good', '/device?code=X', /^Let a program in$/],
  ['a link for a password', '/password#dll_good', /^Choose a password$/],
  ['locations', '/admin/locations', /^Locations$/],
  ['presence management of a location', '/admin/scopes/berlin', /^Presence management: Berlin$/],
  ['presence management of a group', '/admin/scopes/sales', /^Presence management: Sales$/],
  ['calendars from an account', '/admin/scopes/berlin', /Berlin$/, { calendar: { accounts: 'g2' } }],
  [
    'Teams and telephony for a location',
    '/admin/scopes/berlin',
    /Berlin$/,
    { teams: { access: 'delegated' }, telephone: { ...LINES, codes: CODES } },
  ],
  ['people', '/admin/people', /^People$/],
  ['a record', '/admin/people?edit=jonas', /^People$/],
  ['groups', '/admin/groups', /^Groups$/],
  ['a list of people', '/admin/people/import', /^Import a list of people$/],
  ['directories', '/admin/system/directories', /^Directories$/],
  ['a directory', '/admin/system/directories/d1', /^Head office$/],
  ['sign-in providers', '/admin/system/providers', /^Sign-in providers$/],
  ['a sign-in provider', '/admin/system/providers/o2', /^Partners$/],
  ['a new sign-in provider', '/admin/system/providers/new', /^New sign-in provider$/],
  ['provisioning', '/admin/system/provisioning/s1', /^Entra ID$/],
  ['a new provisioning', '/admin/system/provisioning/new', /^New provisioning$/],
  ['Exchange', '/admin/system/exchange/x1', /^Exchange Berlin$/],
  ['a new Exchange', '/admin/system/exchange/new', /^New Exchange$/],
  ['HCL Domino', '/admin/system/domino/n1', /^Domino Kiel$/],
  ['a new Domino', '/admin/system/domino/new', /^New Domino$/],
  ['Graph API', '/admin/system/graph', /^Graph API/],
  ['an application', '/admin/system/graph/g1', /^Microsoft 365$/],
  ['an application that reaches Teams', '/admin/system/graph/g1', /^Microsoft 365$/, { teams: {} }],
  ['an application with a certificate', '/admin/system/graph/g2', /^Subsidiary$/],
  ['kinds of telephone systems', '/admin/system/telephony/new', /^New telephone system$/],
  ['an Asterisk', '/admin/system/telephony/t1', /^Asterisk Berlin$/, { telephone: LINES }],
  ['a CSTA system', '/admin/system/telephony/t2', /^OpenScape Hamburg$/],
  ['the SIP server', '/admin/system/telephony/t4', /^Doorlight for telephones$/],
  ['a webhook', '/admin/system/webhooks/w2', /^Door displays$/],
  ['a new webhook', '/admin/system/webhooks/new', /^New webhook$/],
  ['tokens', '/admin/system/tokens', /^Tokens$/],
  ['health', '/admin/system/health', /^Health$/],
  ['audit log', '/admin/audit', /^Audit log$/],
]

test.describe('no serious barriers', () => {
  test.describe.configure({ timeout: 45_000 }) // scans take a while where the machine is busy

  for (const [name, path, heading, options] of pages) {
    test(name, async ({ page }) => {
      await open(page, path, options)
      await expect(page.locator('h1', { hasText: heading })).toBeAttached()
      if (path.startsWith('/people') || /why|edit/.test(path)) await expect(page.getByRole('dialog')).toBeVisible()
      await scan(page)
    })
  }

  test('own presence', async ({ page }) => {
    await open(page, '/')
    await page.getByRole('button', { name: /^Your presence/ }).click()
    await expect(page.getByRole('dialog', { name: 'Your presence' })).toBeVisible()
    await scan(page)
  })

  test('unsaved changes', async ({ page }) => {
    await open(page, '/admin/scopes/berlin')
    await page.getByRole('switch', { name: 'People here use presence management' }).click()
    await page.getByRole('button', { name: 'Delete “Break”' }).click()
    await page.getByLabel('Without input: Users').selectOption({ label: 'User cannot change' })
    await page.getByRole('button', { name: 'Save all' }).click()
    await page.getByRole('button', { name: /unsaved changes/ }).click()
    await expect(page.getByText('Nothing was saved')).toBeVisible()
    await scan(page)
  })

  test('programs that are wrong', async ({ page }) => {
    await open(page, '/admin/scopes/berlin')
    await page.getByLabel('Process: Zoom').fill('bin/zoom')
    await page.getByLabel('Process: Zoom').press('Enter')
    await page.getByLabel('Active: Slack').uncheck()
    await page.getByRole('button', { name: /unsaved changes/ }).click()
    await expect(page.getByText('Without folder and .exe,')).toBeVisible()
    await scan(page)
  })

  test('what somebody else has saved meanwhile', async ({ page }) => {
    await page.setViewportSize({ width: 360, height: 780 })
    await open(page, '/admin/scopes/berlin')
    await page.evaluate(() =>
      fetch('/api/v1/scopes/berlin/settings', {
        method: 'PUT',
        body: '{"own_profiles":{"allowed":true,"permitted":["busy"]}}',
      }),
    )
    await page.getByLabel('Days ahead').fill('60')
    await page.getByLabel('Days ahead').press('Tab')
    await page.getByRole('switch', { name: 'People may make their own profiles' }).click()
    await expect(page.getByRole('region', { name: 'Saved by somebody else' })).toBeVisible()
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(360)
    await scan(page)
  })

  test('what a check and a synchronisation found', async ({ page }) => {
    test.slow() // three scans
    await open(page, '/admin/system/directories/d2')
    await page.getByRole('button', { name: 'Check' }).click()
    await expect(page.getByText('1 step does not work.')).toBeVisible()
    await scan(page)
    await page.getByRole('button', { name: 'Synchronise now' }).click()
    await expect(page.getByRole('progressbar')).toBeVisible()
    await scan(page)
    await expect(page.getByRole('button', { name: 'Synchronise anyway…' })).toBeVisible()
    await scan(page)
  })

  test('what was refused of a list', async ({ page }) => {
    await open(page, '/admin/people/import')
    const buffer = Buffer.from('login,name\nnew,N\n')
    await page.getByLabel('File (CSV)').setInputFiles({ name: 'people.csv', mimeType: 'text/csv', buffer })
    await page.getByRole('button', { name: 'Try it out' }).click()
    await expect(page.getByRole('table', { name: 'Refused rows' })).toBeVisible()
    await scan(page)
  })

  for (const [name, path, button] of [
    ['a location', '/admin/locations', 'Add location'],
    ['a template', '/admin/scopes/berlin', 'Edit “Break”'],
    ['a work group', '/admin/groups', 'Edit “Product”'],
    ['a monitoring group', '/admin/groups', 'Edit “Board office”'],
    ['a token', '/admin/system/tokens', 'Make token'],
    ['a link', '/admin/people?q=jonas', 'Make a link for Jonas Keller'],
  ] as const) {
    test(`the form of ${name}`, async ({ page }) => {
      await open(page, path)
      await page.getByRole('button', { name: button }).click()
      await expect(page.getByRole('dialog')).toBeVisible()
      await scan(page)
    })
  }

  test('sign-in', async ({ page }) => {
    await open(page, '/sign-in', { signedIn: false })
    await expect(page.getByRole('heading', { name: 'Sign in' })).toBeVisible()
    await expect(page.getByRole('link', { name: 'Sign in with Partners' })).toBeVisible()
    await scan(page)
  })

  test('a sign-in that was refused', async ({ page }) => {
    await open(page, '/sign-in?refused=admin&provider=o1', { signedIn: false })
    await expect(page.getByText('Company account did not sign you in')).toBeVisible()
    await scan(page)
  })

  test('an account that was not connected', async ({ page }) => {
    await open(page, '/settings/sign-in?refused=other&provider=o2')
    await expect(page.getByText('The account of Partners was not connected')).toBeVisible()
    await scan(page)
  })

  test('a token that is shown once', async ({ page }) => {
    await open(page, '/admin/system/provisioning/s1')
    await page.getByRole('button', { name: 'Make a new token…' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Make' }).click()
    await expect(page.getByLabel('Token', { exact: true })).toBeVisible()
    await scan(page)
  })
})

/** Scans the page as it is, and then its colours in the dark theme: nothing else differs there. */
async function scan(page: Page) {
  const found = async (builder: AxeBuilder) => {
    // Fluent keeps the focus inside dialogs and popovers with sentinels that hand it on at once: nobody stays on them.
    const { violations } = await builder.exclude('[data-tabster-dummy]').analyze()
    const serious = violations.filter((v) => v.impact === 'serious' || v.impact === 'critical')
    return serious.map((v) => `${v.id}: ${v.nodes.map((n) => n.target.join(' ')).join(' | ')}`)
  }
  await settled(page)
  const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa']
  expect(await found(new AxeBuilder({ page }).withTags(tags))).toEqual([])
  await page.emulateMedia({ colorScheme: 'dark' })
  await settled(page)
  expect(await page.evaluate(() => getComputedStyle(document.documentElement).colorScheme)).toBe('dark')
  expect(await found(new AxeBuilder({ page }).withRules('color-contrast')), 'in the dark').toEqual([])
  await page.emulateMedia({ colorScheme: 'light' })
}

/** Colours of what fades in are measured when it is there. */
async function settled(page: Page) {
  await expect(page.locator('.waiting')).toHaveCount(0)
  await page.waitForTimeout(200)
  await page.evaluate(async () => {
    const ending = document
      .getAnimations()
      .filter((a) => a.effect?.getComputedTiming().iterations !== Number.POSITIVE_INFINITY)
    await Promise.allSettled(ending.map((a) => a.finished))
  })
}
