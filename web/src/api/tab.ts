/** The ID by which an open tab counts as one running client (P9). */

const KEY = 'doorlight-client'
/** How long other tabs have to object; they answer within a few milliseconds. */
const OBJECTION = 150

type Message = { type: 'mine?' | 'mine'; id: string; from: string }
type Channel = Pick<BroadcastChannel, 'postMessage' | 'addEventListener'>

const random = () =>
  Array.from(crypto.getRandomValues(new Uint8Array(12)), (b) => b.toString(16).padStart(2, '0')).join('')

/**
 * This tab, the same over reloads. A duplicated tab begins with a copy of the other one's storage, so a tab that finds
 * an ID asks whether another one uses it, and takes a new one if so.
 */
export class Tab {
  private readonly self = random()
  private readonly channel: Channel | undefined
  private claimed: Promise<string> | undefined
  private asking = false
  private refused: (() => void) | undefined

  constructor(
    private readonly storage: Pick<Storage, 'getItem' | 'setItem'> = sessionStorage,
    channel: () => Channel | undefined = () =>
      typeof BroadcastChannel === 'undefined' ? undefined : new BroadcastChannel(KEY),
  ) {
    this.channel = channel()
    this.channel?.addEventListener('message', (e) => this.take(e.data as Message))
  }

  get id(): string {
    return this.storage.getItem(KEY) ?? this.renew()
  }

  /** Settles once no other tab has this one's ID. */
  claim(): Promise<string> {
    this.claimed ??= this.ask()
    return this.claimed
  }

  private async ask(): Promise<string> {
    const id = this.storage.getItem(KEY)
    if (!id || !this.channel) return this.id
    this.asking = true
    const taken = await new Promise<boolean>((resolve) => {
      this.refused = () => resolve(true)
      setTimeout(() => resolve(false), OBJECTION)
      this.channel?.postMessage({ type: 'mine?', id, from: this.self } satisfies Message)
    })
    this.asking = false
    this.refused = undefined
    return taken ? this.renew() : id
  }

  private take(m: Message): void {
    if (m.from === this.self || m.id !== this.storage.getItem(KEY)) return
    if (m.type === 'mine') this.refused?.()
    // Of two that ask at the same time, one has to give way.
    else if (!this.asking || this.self < m.from) {
      this.channel?.postMessage({ type: 'mine', id: m.id, from: this.self } satisfies Message)
    }
  }

  private renew(): string {
    const id = `web-${random()}`
    this.storage.setItem(KEY, id)
    return id
  }
}

export const tab = new Tab()
