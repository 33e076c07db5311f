import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from '@playwright/test'
import { Office, password } from './office'

let office: Office
let folder: string
let client: ChildProcess | undefined

test.beforeAll(async () => {
  office = await Office.start()
  await office.add('Anna Berg')
  await office.add('Emil Employee')
  folder = mkdtempSync(join(tmpdir(), 'doorlight-desk-'))
})

test.afterAll(async () => {
  if (client && client.exitCode === null) client.kill('SIGKILL')
  await office.stop()
  rmSync(folder, { recursive: true, force: true })
})

/** Starts the desktop client, and waits until it says what is looked for. */
function start(wanted: RegExp): Promise<RegExpMatchArray> {
  const child = spawn(
    '../bin/doorlight',
    ['agent', '--server', office.url, '--folder', folder, '--no-tray', '--no-browser', '--label', 'anna-desk'],
    // Nothing of this computer is to be measured.
    { env: { PATH: process.env.PATH, HOME: folder }, stdio: ['ignore', 'pipe', 'pipe'] },
  )
  client = child
  return new Promise((resolve, reject) => {
    let said = ''
    const hear = (chunk: Buffer) => {
      said += chunk
      const m = said.match(wanted)
      if (m) resolve(m)
    }
    child.stdout.on('data', hear)
    child.stderr.on('data', hear)
    child.on('exit', (code) => reject(new Error(`the client ended with ${code}: ${said}`)))
  })
}

test('a desktop client is let in by its owner, seen by a colleague, and signed out by its owner', async ({
  browser,
}) => {
  const open = async (login: string, to: string) => {
    const page = await (await browser.newContext({ locale: 'en-GB' })).newPage()
    await page.goto(to)
    await page.locator('input[name=username]').fill(login)
    await page.locator('input[name=password]').fill(password)
    await page.locator('button[type=submit]').click()
    await expect(page.locator('input[name=password]')).toHaveCount(0)
    return page
  }
  const emil = await open('emil', office.url)
  const seen = async () => {
    const card = await emil.request.get(`${office.url}/api/v1/people/${office.people.anna}`)
    return ((await card.json()) as { presence: { status: string } }).presence.status
  }
  expect(await seen()).toBe('logged_out')

  const [, page = ''] = await start(/(http\S+\/device\?code=\S+)/)
  const anna = await open('anna', page)
  await expect(anna.getByRole('heading', { name: '“anna-desk” wants to be signed in as you' })).toBeVisible()
  await anna.getByRole('button', { name: 'Allow' }).click()
  await expect(anna.getByRole('heading', { name: 'The program is signed in' })).toBeVisible()

  await anna.goto(`${office.url}/settings/clients`)
  const clients = anna.getByRole('list', { name: 'Connected clients' })
  await expect(clients.getByRole('listitem').filter({ hasText: 'anna-desk' })).toBeVisible({ timeout: 30_000 })
  expect(await seen()).toBe('available')

  await anna.goto(`${office.url}/settings/sign-in`)
  const ended = new Promise<number | null>((resolve) => client?.once('exit', resolve))
  const again = new Promise<void>((resolve) => {
    client?.stdout?.on('data', (chunk: Buffer) => String(chunk).includes('has ended the sign-in') && resolve())
  })
  await anna.getByRole('button', { name: 'End “anna-desk”' }).click()
  await again // it asks to be let in anew
  client?.kill('SIGTERM')
  expect(await ended).toBe(0)
})
