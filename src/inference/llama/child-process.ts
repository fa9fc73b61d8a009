import { fork, type ChildProcess } from 'node:child_process'
import type { NativeOptions } from './native.ts'
import type { Order, Word } from './protocol.ts'

/** How often a child is asked whether it is alive. */
const pingMs = 5_000
/** A child that has not answered for this long and ten of its longest batches hangs in native code. */
const silenceMs = 30_000
/** A model that is not in memory by then hangs in native code or on a dead disk: 40 GB at 70 MB/s take about as long. */
const loadMs = 600_000
/** How long a child gets to end by itself before it is killed. */
const goodbyeMs = 3_000

export interface Ready { readonly contextSize: number, readonly batchSize: number, readonly gpu: string, readonly ends: readonly number[] }

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
    this.#process.on('message', (word: Word) => {
      if (word.type === 'ready') resolve(word)
      else if (word.type === 'unready') reject(new Error(word.message))
      else if (word.type === 'pong') {
        this.#heard = performance.now() + 10 * word.longestBatchMs
        this.rss = word.rss
      } else hear(word)
    })
    // A child that could not even be forked has no exit, only an error.
    this.gone = new Promise(resolve => {
      const gone = (why: string): void => {
        clearInterval(this.#watchdog)
        clearTimeout(late)
        reject(new Error(`the engine's process ${why} while it was loading`))
        resolve()
      }
      this.#process.once('error', error => gone(`failed (${error.message})`))
      this.#process.once('exit', (code, signal) => gone(`ended with ${signal ?? `code ${code}`}`))
    })
    const every = Math.min(pingMs, silence / 3)
    let ticked = performance.now()
    this.#watchdog = setInterval(() => {
      const now = performance.now()
      // We did not run ourselves (suspended, debugged), so the child's silence says nothing.
      if (now - ticked > 3 * every) this.#heard = now
      ticked = now
      if (now - this.#heard > silence) this.#process.kill('SIGKILL')
      else this.tell({ type: 'ping' })
    }, every).unref()
    const late = setTimeout(() => this.#process.kill('SIGKILL'), loadMs).unref()
    promise.then(() => clearTimeout(late), () => {})
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
