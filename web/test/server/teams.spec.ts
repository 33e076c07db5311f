import { type Browser, expect, type Page, test } from '@playwright/test'
import { Office, password } from './office'
import { StandIns } from './standins'

const ANNA = 'anna@example.test'
const TOM = 'tom@example.test'
/** Teams is asked every few seconds, and what is written is there a moment later. */
const SOON = { timeout: 30_000 }

// The second story goes on where the first one ends.
test.describe.configure({ mode: 'serial' })

let office: Office
let microsoft: StandIns

test.beforeAll(async () => {
  ;[office, microsoft] = await Promise.all([Office.start(), StandIns.start(ANNA, TOM)])
  const anna = await office.add('Anna Berg', ANNA)
  await office.add('Emil Employee')
  const tom = await office.add('Tom Team', TOM)
  await office.call('POST', 'work-groups', { name: 'Sales', level: 'team_colleague', members: [anna, tom] })
})

test.afterAll(async () => {
  await microsoft?.stop()
  await office?.stop()
})

/** Signs somebody in, in a browser of their own. */
async function open(browser: Browser, login: string, locale = 'en-GB'): Promise<Page> {
  const page = await (await browser.newContext({ baseURL: office.url, locale })).newPage()
  await page.goto('/')
  await page.locator('input[name=username]').fill(login)
  await page.locator('input[name=password]').fill(password)
  await page.locator('button[type=submit]').click()
  await expect(page.locator('input[name=password]')).toHaveCount(0)
  await expect(page.getByRole('main')).toBeVisible()
  return page
}

async function location(): Promise<string> {
  const { locations } = (await office.call('GET', 'locations')) as { locations: [{ id: string }] }
  return locations[0].id
}

test('Teams is set up; a call there is seen here, as far as each may see it, until it ends', async ({ browser }) => {
  test.setTimeout(150_000) // a story of four people
  // The administrator enters the application, sees that it may do what it has to, and has Teams synchronised.
  const { graph } = microsoft.offer
  const { id } = (await office.call('POST', 'connectors', {
    kind: 'graph',
    name: 'Microsoft 365',
    enabled: true,
    secret: graph.secret,
    graph: {
      tenant: graph.tenant,
      client_id: graph.client_id,
      credential: 'secret',
      cloud: 'custom',
      login_url: graph.login_url,
      graph_url: graph.graph_url,
    },
  })) as { id: string }
  const admin = await open(browser, 'ada')
  await admin.goto(`/admin/system/graph/${id}`)
  await admin.getByLabel('Email address of somebody').fill(ANNA)
  await admin.getByRole('button', { name: 'Check Microsoft Teams' }).click()
  await expect(admin.getByText('Every step works.')).toBeVisible(SOON)
  await admin.goto(`/admin/scopes/${await location()}`)
  const section = admin.getByRole('region', { name: 'Microsoft Teams', exact: true })
  await section.getByRole('radio', { name: /^Telephony and status/ }).check()
  await expect(section.getByRole('combobox', { name: 'Application' })).toHaveValue(id)
  await section.getByRole('checkbox', { name: 'Offer a central profile template “MS Teams”' }).check()
  await admin.getByRole('button', { name: 'Save all' }).click()
  await expect(admin.getByText('All changes are saved')).toBeVisible()

  const anna = await open(browser, 'anna')
  await anna.goto('/settings/teams')
  await expect(anna.getByText(/^\d+ s ago$/)).toBeVisible(SOON)
  const [tom, emil] = [await open(browser, 'tom', 'de-DE'), await open(browser, 'emil')]
  await Promise.all([tom, emil].map((p) => p.goto(`/people/${office.people.anna}`)))
  const card = (p: Page) => p.getByRole('dialog', { name: 'Anna Berg' })
  const [toTom, toEmil] = [card(tom), card(emil)]
  await expect(toEmil).toContainText('Anna Berg')
  const sent: string[] = []
  emil.on('websocket', (ws) => ws.on('framereceived', (f) => sent.push(String(f.payload))))
  await emil.reload()
  await expect(toEmil).toContainText('Anna Berg')

  // Tom calls Anna. He sees what it is, and Emil that she is busy.
  microsoft.call(TOM, ANNA)
  await expect(toTom).toContainText('Am Telefon (MS Teams)', SOON)
  await expect(toEmil).toContainText('Busy', SOON)
  await expect(toEmil).not.toContainText('Teams')
  expect(sent.join('\n')).not.toMatch(/On the phone \(MS Teams\)|"MS Teams"/)
  await expect(anna.getByText('On the phone (MS Teams), until the call ends')).toBeVisible(SOON)
  await expect(anna.getByText('Busy – in a call')).toBeVisible()

  // Her agenda has it, since it began.
  await anna.goto('/agenda?view=day')
  const entry = anna.getByRole('button', { name: /^On the phone \(MS Teams\), since .*, running, MS Teams, Busy/ })
  await expect(entry).toBeVisible()
  await entry.click()
  await expect(anna.getByRole('dialog', { name: 'Details of the entry' })).toContainText('FromMS Teams')

  // Tom sees that it is there, and where it is from.
  await tom.goto(`/people/${office.people.anna}/agenda?view=day`)
  await expect(tom.getByRole('button', { name: /^MS Teams, seit .*, läuft, .*Beschäftigt/ })).toBeVisible()
  await tom.goto(`/people/${office.people.anna}`)
  await expect(toTom).toContainText('Am Telefon (MS Teams)')

  // It ends, here too.
  microsoft.end(TOM, ANNA)
  await expect(toTom).not.toContainText('MS Teams', SOON)
  await expect(toEmil).not.toContainText('Busy', SOON)
  await expect(entry).toHaveCount(0) // at once: the page is not loaded again

  // Do not disturb here is do not disturb there. A choice there is newer, and hides it: Anna is told.
  const chosen = await anna.request.put('/api/v1/people/me/choice', { data: { status: 'do_not_disturb' } })
  expect(chosen.ok()).toBeTruthy()
  await expect.poll(() => microsoft.shown(ANNA), SOON).toBe('DoNotDisturb DoNotDisturb')
  await anna.goto('/settings/teams')
  await expect(anna.locator('dl.facts')).toContainText(/Teams shows of you\s*Do not disturb/, SOON)
  microsoft.choose(ANNA, 'Available')
  await expect(anna.getByText(/^“Available” was chosen in Teams: your “Do not disturb” is not seen there/)).toBeVisible(
    SOON,
  )
})

test('where each user signs in, the main page asks for it; signed in, a call is seen, until they disconnect', async ({
  browser,
}) => {
  test.setTimeout(150_000)
  const place = await location()
  const { sections } = (await office.call('GET', `scopes/${place}/settings`)) as {
    sections: { name: string; teams?: { connector: string } }[]
  }
  const teams = sections.find((s) => s.teams)?.teams
  await office.call('PUT', `scopes/${place}/settings`, { teams: { ...teams, access: 'delegated', remember: true } })
  microsoft.redirect(`${office.url}/accounts/${teams?.connector}/callback`)

  const tom = await open(browser, 'tom')
  await expect(tom.getByText('Sign in for Microsoft Teams')).toBeVisible()
  await tom.getByRole('checkbox', { name: 'Remember the sign-in' }).check()
  await tom.getByRole('link', { name: 'Sign in with Microsoft' }).click()
  const signIn = async (answer: 'Cancel' | 'Accept') => {
    await expect(tom.getByLabel('Email address')).toHaveValue(TOM)
    await tom.locator('input[name=password]').fill(microsoft.offer.password)
    await tom.getByRole('button', { name: 'Sign in' }).click()
    await tom.getByRole('button', { name: answer }).click()
  }
  // Whoever does not agree comes back, and is told.
  await signIn('Cancel')
  await expect(tom).toHaveURL(/\/settings\/teams\?/)
  await expect(tom.getByText('The account was not connected with Microsoft 365')).toBeVisible()
  await tom.getByRole('checkbox', { name: 'Remember the sign-in' }).check()
  await tom.getByRole('link', { name: 'Sign in with Microsoft' }).click()
  await signIn('Accept')
  await expect(tom).toHaveURL(`${office.url}/settings/teams`)
  const account = tom.getByRole('region', { name: 'Your sign-in with Microsoft' })
  await expect(account).toContainText(`Signed in as ${TOM} The sign-in is remembered until you disconnect it.`)
  await expect(tom.getByText(/^\d+ s ago$/)).toBeVisible(SOON)

  microsoft.call(TOM, '+49 30 23125 200')
  await expect(tom.getByText('On the phone (MS Teams), until the call ends')).toBeVisible(SOON)
  await account.getByRole('button', { name: 'Disconnect' }).click()
  await tom.getByRole('alertdialog').getByRole('button', { name: 'Disconnect' }).click()
  await expect(account).toContainText('You are not signed in.')
  await expect(tom.getByText('Nothing is synchronised until you sign in with Microsoft.')).toBeVisible()
})
