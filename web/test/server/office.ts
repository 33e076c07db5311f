import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type APIRequestContext, request } from '@playwright/test'

export const password = 'a long enough one'

/** A server of its own with an administrator and a few people. */
export class Office {
  readonly people: Record<string, string> = {}

  private constructor(
    readonly url: string,
    readonly admin: APIRequestContext,
    private readonly process: ChildProcess,
    private readonly folder: string,
  ) {}

  /** With setUp false the first administrator is yet to be made. */
  static async start({ setUp = true } = {}): Promise<Office> {
    const folder = mkdtempSync(join(tmpdir(), 'doorlight-'))
    const port = await freePort()
    const child = spawn('../bin/doorlight', ['serve', '--data', folder, '--listen', `127.0.0.1:${port}`], {
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const url = `http://127.0.0.1:${port}`
    await new Promise<void>((resolve, reject) => {
      let said = ''
      const hear = (chunk: Buffer) => {
        said += chunk
        if (said.includes('is ready at')) resolve()
      }
      child.stdout.on('data', hear)
      child.stderr.on('data', hear)
      child.on('exit', (code) => reject(new Error(`the server ended with ${code}: ${said}`)))
    })
    const admin = await request.newContext({ baseURL: `${url}/api/v1/` })
    const office = new Office(url, admin, child, folder)
    if (!setUp) return office
    const made = await admin.post('setup', {
      data: { name: 'Ada Admin', login: 'ada', password, location: 'Berlin', time_zone: 'Europe/Berlin' },
    })
    if (!made.ok()) throw new Error(await made.text())
    return office
  }

  async call(method: string, path: string, data?: unknown): Promise<unknown> {
    const answer = await this.admin.fetch(path, { method, data })
    const text = await answer.text()
    if (!answer.ok()) throw new Error(`${method} ${path}: ${answer.status()} ${text}`)
    return text === '' ? undefined : JSON.parse(text)
  }

  /** Adds somebody who signs in with the first name. */
  async add(name: string, email?: string): Promise<string> {
    const { locations } = (await this.call('GET', 'locations')) as { locations: [{ id: string }] }
    const login = name.replace(/ .*/, '').toLowerCase()
    const made = (await this.call('POST', 'people', {
      name,
      login,
      password,
      location: locations[0].id,
      email,
      work_number: '+49 30 23125 100',
    })) as { id: string }
    this.people[login] = made.id
    return made.id
  }

  async stop(): Promise<void> {
    await this.admin.dispose()
    if (this.process.exitCode === null) {
      const ended = new Promise((resolve) => this.process.on('exit', resolve))
      this.process.kill('SIGTERM')
      await ended
    }
    rmSync(this.folder, { recursive: true, force: true })
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer()
    probe.on('error', reject)
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as { port: number }
      probe.close(() => resolve(port))
    })
  })
}
