import type { FastifyReply, FastifyRequest } from 'fastify'
import type { ChatEvent } from '../chat/answer.ts'
import type { Config } from '../config.ts'
import { publicError } from '../errors.ts'
import { eventStream, paced, quiet } from './event-stream.ts'
import { headerSafe } from './headers.ts'
import { report } from './plugins/failures.ts'
import { type Outcome, noting } from './plugins/log.ts'

/** How an answer is written: as one object, or as its chunks. */
export interface Form<Whole, Chunk> {
  whole (events: AsyncIterable<ChatEvent>): Promise<Whole>
  chunks (events: AsyncIterable<ChatEvent>, includeUsage: boolean): AsyncGenerator<Chunk, void, undefined>
}

export interface ReplyOptions {
  readonly config: Pick<Config, 'stallTimeout'>
  /** Milliseconds of silence after which a comment is sent. */
  readonly keepAliveMs: number
}

export interface Wanted {
  readonly stream: boolean
  readonly includeUsage: boolean
  /** Fields that had no effect. */
  readonly ignored: readonly string[]
}

/** Replies with an answer, in the form that was asked for. Gives what a handler returns. */
export async function replyWith<Whole extends object, Chunk extends object> (request: FastifyRequest, reply: FastifyReply, answer: AsyncIterable<ChatEvent>, { whole, chunks: chunksOf }: Form<Whole, Chunk>, { stream, includeUsage, ignored }: Wanted, { config, keepAliveMs }: ReplyOptions): Promise<Whole | FastifyReply> {
  if (ignored.length > 0) reply.header('x-engraft-ignored', headerSafe(ignored))
  const events = noting(answer, outcome => { request.outcome = outcome })
  if (!stream) {
    const completion = await whole(events)
    nameIn(reply, request.outcome)
    return completion
  }
  // Nothing is written before the first chunk, so that what fails until then has its true status.
  const chunks = paced(chunksOf(events, includeUsage), keepAliveMs)
  const { value: first } = await chunks.next()
  nameIn(reply, request.outcome)
  return reply
    .type('text/event-stream; charset=utf-8')
    .header('cache-control', 'no-cache')
    // nginx would collect the answer before it passes it on.
    .header('x-accel-buffering', 'no')
    .send(eventStream(first ?? quiet, chunks, {
      stallMs: config.stallTimeout * 1000,
      drop: () => reply.raw.destroy(),
      // What a departure broke is no fault of ours, and nobody is left to be told.
      failure: error => reply.raw.destroyed ? publicError(error) : report(error, request.log)
    }))
}

/** Says what answers in headers too, where they can still be set. */
function nameIn (reply: FastifyReply, outcome: Outcome | null): void {
  if (outcome === null) return
  reply.header('x-engraft-model', headerSafe([outcome.model]))
  if (outcome.memories.length > 0) reply.header('x-engraft-memories', headerSafe(outcome.memories))
}
