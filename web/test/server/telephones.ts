import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface, type Interface } from 'node:readline'

/** A real telephone system and real telephones (see cmd/standins). */
export class Telephones {
  private constructor(
    /** Host and port of the telephone system. */
    readonly server: string,
    private readonly child: ChildProcess,
    private readonly reader: Interface,
  ) {}

  static async start(...numbers: string[]): Promise<Telephones> {
    const child = spawn('../bin/standins', ['-telephones', numbers.join(',')], { stdio: ['pipe', 'pipe', 'inherit'] })
    const reader = createInterface({ input: child.stdout })
    const line = await new Promise<string>((resolve, reject) => {
      reader.once('line', resolve)
      child.once('exit', (code) => reject(new Error(`the telephones ended with ${code}`)))
      child.once('error', reject)
    })
    return new Telephones(JSON.parse(line).server, child, reader)
  }

  /** Has a telephone call a number. */
  dial(from: string, to: string): Promise<void> {
    return this.command(`dial ${from} ${to}`)
  }

  /** Has a telephone answer when it rings. */
  accept(number: string): Promise<void> {
    return this.command(`accept ${number}`)
  }

  hangup(number: string): Promise<void> {
    return this.command(`hangup ${number}`)
  }

  private command(line: string): Promise<void> {
    const done = new Promise<void>((resolve, reject) => {
      const ended = (code: number | null) => reject(new Error(`the telephones ended with ${code} at "${line}"`))
      this.child.once('exit', ended)
      this.reader.once('line', () => {
        this.child.off('exit', ended)
        resolve()
      })
    })
    this.child.stdin?.write(`${line}\n`)
    return done
  }

  async stop(): Promise<void> {
    this.reader.close()
    if (this.child.exitCode !== null) return
    const ended = new Promise((resolve) => this.child.once('exit', resolve))
    this.child.stdin?.end()
    await ended
  }
}
