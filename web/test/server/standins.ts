import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface, type Interface } from 'node:readline'

/** What to enter, as cmd/standins prints it. */
type Offer = {
  exchange: { url: string; account: string; password: string }
  graph: { tenant: string; client_id: string; secret: string; login_url: string; graph_url: string }
  password: string
}

/** Exchange and Microsoft 365, as far as they stand in (see cmd/standins). */
export class StandIns {
  private constructor(
    readonly offer: Offer,
    private readonly child: ChildProcess,
    private readonly reader: Interface,
  ) {}

  /** With mailboxes of these addresses. */
  static async start(...people: string[]): Promise<StandIns> {
    const child = spawn('../bin/standins', ['-people', people.join(',')], { stdio: ['pipe', 'pipe', 'inherit'] })
    const reader = createInterface({ input: child.stdout })
    const line = await new Promise<string>((resolve, reject) => {
      reader.once('line', resolve)
      child.once('exit', (code) => reject(new Error(`the stand-ins ended with ${code}`)))
      child.once('error', reject)
    })
    return new StandIns(JSON.parse(line), child, reader)
  }

  /** Registers where the application may lead back to. */
  redirect(uri: string): void {
    this.child.stdin?.write(`redirect ${uri}\n`)
  }

  /** Gives somebody an appointment of an hour that has just begun. */
  put(address: string, subject: string): void {
    this.child.stdin?.write(`put ${address} ${subject}\n`)
  }

  /** Begins a call between two people in Teams. */
  call(a: string, b: string): void {
    this.child.stdin?.write(`call ${a} ${b}\n`)
  }

  /** Ends it. */
  end(a: string, b: string): void {
    this.child.stdin?.write(`end ${a} ${b}\n`)
  }

  /** What somebody chooses in Teams, such as Away; they take it back with nothing. */
  choose(address: string, availability?: string): void {
    this.child.stdin?.write(availability ? `choose ${address} ${availability}\n` : `reset ${address}\n`)
  }

  /** What Teams shows of somebody: availability and activity. */
  shown(address: string): Promise<string> {
    const answer = new Promise<string>((resolve) => {
      this.reader.once('line', (line: string) => resolve(line.slice(address.length + 1)))
    })
    this.child.stdin?.write(`ask ${address}\n`)
    return answer
  }

  async stop(): Promise<void> {
    this.reader.close()
    if (this.child.exitCode !== null) return
    const ended = new Promise((resolve) => this.child.once('exit', resolve))
    this.child.kill('SIGTERM')
    await ended
  }
}
