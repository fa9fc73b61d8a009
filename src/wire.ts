import type { MessagePort, Worker } from 'node:worker_threads'
import { type ErrorCode, PublicError } from './errors.ts'

/** What one side does when the other asks; `signal` fires when the answer is no longer wanted. */
export type Verbs = Readonly<Record<string, (args: never, signal: AbortSignal) => unknown>>

/** One end of a conversation between two threads, in which both may ask. */
export interface Wire<Theirs extends Verbs> {
  ask<V extends keyof Theirs & string> (verb: V, args: Parameters<Theirs[V]>[0], signal?: AbortSignal): Promise<Awaited<ReturnType<Theirs[V]>>>
  /** Everything that waits rejects with this, and all that is asked later. */
  cut (error: Error): void
}

type Message =
  | { readonly type: 'ask', readonly id: number, readonly verb: string, readonly args: unknown }
  | { readonly type: 'drop', readonly id: number }
  | { readonly type: 'value', readonly id: number, readonly value: unknown }
  | { readonly type: 'failure', readonly id: number, readonly failure: Failure }

/** An error as it crosses: a public one by its code, another by its message. */
type Failure = { readonly code: ErrorCode, readonly message: string, readonly param: string | null } | { readonly name: string, readonly message: string }

/** @param ours what may wait to be ready: the other side's questions wait with it */
export function wire<Theirs extends Verbs> (port: MessagePort | Worker, ours: Verbs | Promise<Verbs>): Wire<Theirs> {
  const waiting = new Map<number, PromiseWithResolvers<unknown>>()
  const doing = new Map<number, AbortController>()
  let last = 0
  let death: Error | null = null
  const send = (message: Message): void => { port.postMessage(message) }

  async function serve (id: number, verb: string, args: unknown): Promise<void> {
    const controller = new AbortController()
    doing.set(id, controller)
    try {
      send({ type: 'value', id, value: await (await ours)[verb]!(args as never, controller.signal) })
    } catch (thrown) {
      send({ type: 'failure', id, failure: failureOf(thrown) })
    } finally {
      doing.delete(id)
    }
  }

  port.on('message', (message: Message) => {
    if (message.type === 'ask') { serve(message.id, message.verb, message.args); return }
    if (message.type === 'drop') return doing.get(message.id)?.abort()
    const asked = waiting.get(message.id)
    waiting.delete(message.id)
    if (message.type === 'value') asked?.resolve(message.value)
    else asked?.reject(errorOf(message.failure))
  })

  return {
    async ask (verb, args, signal) {
      signal?.throwIfAborted()
      if (death !== null) throw death
      const id = ++last
      const asked = Promise.withResolvers<unknown>()
      waiting.set(id, asked)
      const drop = (): void => {
        waiting.delete(id)
        send({ type: 'drop', id })
        asked.reject(signal!.reason as Error)
      }
      signal?.addEventListener('abort', drop, { once: true })
      try {
        send({ type: 'ask', id, verb, args })
        return await asked.promise as never
      } finally {
        signal?.removeEventListener('abort', drop)
      }
    },
    cut (error) {
      death = error
      for (const { reject } of waiting.values()) reject(error)
      waiting.clear()
    }
  }
}

function failureOf (thrown: unknown): Failure {
  if (thrown instanceof PublicError) return { code: thrown.code, message: thrown.message, param: thrown.param }
  return thrown instanceof Error ? { name: thrown.name, message: thrown.message } : { name: 'Error', message: String(thrown) }
}

function errorOf (failure: Failure): Error {
  if ('code' in failure) return PublicError.revive(failure.code, failure.message, failure.param === null ? {} : { param: failure.param })
  return Object.assign(new Error(failure.message), { name: failure.name })
}
