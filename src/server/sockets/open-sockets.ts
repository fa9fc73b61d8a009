import { setTimeout as sleep } from 'node:timers/promises'
import type { WebSocket } from 'ws'
import type { Conversation } from './conversation.ts'

// How long a client may take to answer a close before it is cut.
const closeMs = 1_000
// Fine enough for a shutdown that is measured in seconds.
const lookMs = 20
const goingAway = 1001

/** The WebSockets that are open, each with its conversation. */
export class OpenSockets {
  readonly #open = new Map<WebSocket, Conversation>()

  get count (): number { return this.#open.size }

  /** Answers, on all sockets, whose last frame is not sent yet. */
  get answers (): number { return [...this.#open.values()].reduce((sum, { open }) => sum + open, 0) }

  /** Serves a socket until it closes. */
  add (socket: WebSocket, conversation: Conversation): void {
    this.#open.set(socket, conversation)
    // A text message is one Buffer under the default binaryType.
    socket.on('message', (data, binary) => conversation.take(binary ? null : (data as Buffer).toString()))
    socket.once('close', () => {
      this.#open.delete(socket)
      conversation.end()
    })
  }

  /** Ends the sockets: 1001 for those that listen, a cut for those that do not. */
  async farewell (): Promise<void> {
    for (const socket of this.#open.keys()) socket.close(goingAway, 'The server is shutting down.')
    await until(() => this.count === 0, closeMs)
    for (const socket of this.#open.keys()) socket.terminate()
  }
}

/** Resolves when `check` holds, or after `ms`. */
export async function until (check: () => boolean, ms: number): Promise<void> {
  const late = performance.now() + ms
  while (!check() && performance.now() < late) await sleep(lookMs)
}
