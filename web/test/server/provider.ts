import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface, type Interface } from 'node:readline'

/** A client of the provider, in the words of OpenID Connect Dynamic Client Registration 1.0 §2. */
export type Client = {
  client_id: string
  client_secret: string
  redirect_uris: string[]
  backchannel_logout_uri?: string
  backchannel_logout_session_required?: boolean
}

const FOLDER = '../internal/openid/providertest'

/** The OpenID provider that the server's own tests use. It ends with its standard input, so it outlives nobody. */
export class Provider {
  private constructor(
    readonly issuer: string,
    private readonly child: ChildProcess,
    private readonly lines: AsyncIterator<string>,
    private readonly reader: Interface,
  ) {}

  static async start(): Promise<Provider> {
    const child = spawn('node', ['provider.mjs'], { cwd: FOLDER, stdio: ['pipe', 'pipe', 'ignore'] })
    const reader = createInterface({ input: child.stdout })
    const lines = reader[Symbol.asyncIterator]()
    const { value: issuer } = await soon(lines.next())
    if (!issuer) throw new Error('the OpenID provider did not start: make tools installs what it needs')
    return new Provider(issuer, child, lines, reader)
  }

  /** Tells it who its people and clients are, once. Any password is good. */
  async serve(people: Record<string, Record<string, unknown>>, clients: Client[]): Promise<void> {
    this.child.stdin?.write(`${JSON.stringify({ people, clients, claimsInToken: false })}\n`)
    const { value } = await soon(this.lines.next())
    if (value !== 'ready') throw new Error(`the OpenID provider said ${value}`)
  }

  async stop(): Promise<void> {
    this.reader.close()
    if (this.child.exitCode !== null) return
    const ended = new Promise((resolve) => this.child.on('exit', resolve))
    const kill = setTimeout(() => this.child.kill('SIGKILL'), 5_000)
    this.child.stdin?.end()
    await ended
    clearTimeout(kill)
  }
}

/** Waits for 20 seconds at most. */
function soon<T>(what: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout>
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error('the OpenID provider does not answer')), 20_000)
  })
  return Promise.race([what, late]).finally(() => clearTimeout(timer))
}
