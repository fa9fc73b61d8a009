import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import type { NativeOptions } from './native.ts'
import type { Order, Word } from './protocol.ts'

/** How often a child is asked whether it is alive. */
const pingMs = 5_000
/** A child that has not answered for this long and ten of its longest batches hangs in native code. */
const silenceMs = 30_000
/** How long a child gets to end by itself before it is killed. */
const goodbyeMs = 3_000

export interface Ready { readonly contextSize: number, readonly batchSize: number, readonly gpu: string }

/**
 * One run of the child process: from fork to exit, with its watchdog. It never
 * restarts; `LlamaEngine` starts another.
 */
export class Child {
  readonly ready: Promise<Ready>
  /** Resolves when the process is gone, however that came. */
  readonly gone: Promise<void>
  rss = 0
  readonly #process: ChildProcess
  readonly #watchdog: NodeJS.Timeout
  #heard = performance.now()

  constructor (options: NativeOptions, residents: number, hear: (word: Word) => void, silence = silenceMs) {
    // The clone runs .ts, the package .js: the child has its parent's own extension.
    this.#process = fork(new URL(`./child${import.meta.url.slice(-3)}`, import.meta.url), { serialization: 'advanced', execArgv: [], stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
    const { promise, resolve, reject } = Promise.withResolvers<Ready>()
    this.ready = promise
    promise.catch(() => {})
    this.#process.on('error', reject)
    this.#process.on('message', (word: Word) => {
      if (word.type === 'ready') resolve(word)
      else if (word.type === 'unready') reject(new Error(word.message))
      else if (word.type === 'pong') {
        this.#heard = performance.now() + 10 * word.longestBatchMs
        this.rss = word.rss
      } else hear(word)
    })
    this.gone = once(this.#process, 'exit').then(([code, signal]) => {
      clearInterval(this.#watchdog)
      reject(new Error(`the engine's process ended with ${signal === null ? `code ${code}` : signal} while it was loading`))
    })
    this.#watchdog = setInterval(() => {
      if (performance.now() - this.#heard > silence) this.#process.kill('SIGKILL')
      else this.tell({ type: 'ping' })
    }, Math.min(pingMs, silence / 3)).unref()
    this.tell({ type: 'load', options, residents })
    this.tell({ type: 'ping' })
  }

  get pid (): number | undefined { return this.#process.pid }

  tell (order: Order): void {
    // A child that has just died is noticed by `gone`; a message to it is not an error of its own.
    if (this.#process.connected) this.#process.send(order, () => {})
  }

  /** Asks the child to end, and makes it after a while. */
  async stop (): Promise<void> {
    if (this.#process.connected) this.#process.disconnect()
    const kill = setTimeout(() => this.#process.kill('SIGKILL'), goodbyeMs)
    await this.gone
    clearTimeout(kill)
  }
}
