import type { FastifyBaseLogger } from 'fastify'
import type { WebSocket } from 'ws'
import type { Caller } from '../../access/caller.ts'
import { type PublicError, problem } from '../../errors.ts'
import type { Answers } from '../answers.ts'
import type { Chat } from '../chat-request.ts'
import { chunksOf } from '../completion.ts'
import { report } from '../plugins/failures.ts'
import { type Outcome, noting } from '../plugins/log.ts'
import { type ClientFrame, type ServerFrame, UnusableFrame, readFrame } from './frames.ts'

export interface ConversationParts {
  readonly answers: Answers
  /** Turns a `body` into what is asked, by the same rules as HTTP. */
  readonly chatFrom: (body: unknown) => Chat
  /** Who speaks, looked up again for every answer, so that a revoked key ends with the next one. */
  readonly speaker: (user: string | null) => Promise<Caller>
  readonly log: FastifyBaseLogger
  readonly answersPerSocket: number
  readonly stallMs: number
}

/**
 * One WebSocket and its answers.
 *
 * Every send is awaited until the kernel has it (trap T4), so each answer has
 * at most one frame in memory and a slow socket pauses its own answers, and
 * nobody else's. While the client's own frame is answered, no further one is
 * read, so that it cannot make the server queue replies.
 */
export class Conversation {
  readonly #socket: WebSocket
  readonly #parts: ConversationParts
  readonly #answers = new Map<string, AbortController>()
  #turn = Promise.resolve()
  #ending = 0

  constructor (socket: WebSocket, parts: ConversationParts) {
    this.#socket = socket
    this.#parts = parts
  }

  /** Answers whose last frame is not sent yet. */
  get open (): number { return this.#answers.size + this.#ending }

  /** Takes one message, after those before it; null stands for a binary one. */
  take (message: string | null): void {
    this.#socket.pause()
    this.#turn = this.#turn.then(() => this.#take(message)).then(() => this.#socket.resume())
  }

  /** Closes the answers. */
  end (): void {
    for (const answer of this.#answers.values()) answer.abort(new Error('The socket was closed.'))
  }

  async #take (message: string | null): Promise<void> {
    try {
      const frame = readFrame(message)
      if (frame.type === 'create') return await this.#create(frame)
      // An answer that has just ended is no longer there to be cancelled; its `done` is on its way.
      this.#answers.get(frame.id)?.abort(new Error('The client cancelled the answer.'))
    } catch (error) {
      if (error instanceof UnusableFrame) await this.#fail(error.id, error.problem)
      else await this.#fail(null, report(error, this.#parts.log))
    }
  }

  async #create ({ id, body }: ClientFrame & { type: 'create' }): Promise<void> {
    const { answersPerSocket: limit } = this.#parts
    if (this.#answers.has(id)) return await this.#fail(id, problem('id_in_use', { id }))
    // Answers whose last frame is not sent yet count too: a client that never reads must not pile them up.
    if (this.open >= limit) return await this.#fail(id, problem('too_many_answers', { limit }, { retryAfter: 1 }))
    const end = new AbortController()
    this.#answers.set(id, end)
    // Not awaited: the next frame may cancel it.
    this.#answer(id, body, end.signal)
  }

  async #answer (id: string, body: unknown, signal: AbortSignal): Promise<void> {
    const { answers, chatFrom, speaker, log } = this.#parts
    const began = performance.now()
    let last: ServerFrame
    let outcome: Outcome | null = null
    try {
      const chat = chatFrom(body)
      const caller = await speaker(chat.user)
      const events = noting(answers.answer(chat.request, caller, signal), noted => { outcome = noted })
      for await (const chunk of chunksOf(events, chat.includeUsage)) {
        await this.#send({ type: 'chunk', id, data: chunk })
      }
      last = { type: 'done', id, ...(chat.ignored.length > 0 ? { ignored: chat.ignored } : {}) }
    } catch (error) {
      last = signal.aborted ? { type: 'done', id, cancelled: true } : { type: 'error', id, error: report(error, log).toJSON().error }
    }
    // The id is free before the client can know that it is.
    this.#answers.delete(id)
    this.#ending++
    log.info({ answer: last.type, ...(outcome as Outcome | null), ms: Math.round(performance.now() - began) }, 'answer')
    await this.#send(last)
    this.#ending--
  }

  async #fail (id: string | null, error: PublicError): Promise<void> {
    await this.#send({ type: 'error', ...(id === null ? {} : { id }), error: error.toJSON().error })
  }

  /** Resolves when the kernel has the frame, or when the socket is gone: then `close` has ended the answers. */
  async #send (frame: ServerFrame): Promise<void> {
    const sent = Promise.withResolvers<void>()
    const stalled = setTimeout(() => this.#socket.terminate(), this.#parts.stallMs)
    this.#socket.send(JSON.stringify(frame), () => sent.resolve())
    await sent.promise
    clearTimeout(stalled)
  }
}
