import { Readable } from 'node:stream'

/** Stands for "nothing came for a while". */
export const quiet = Symbol('quiet')

/** The same items in order, with `quiet` in between whenever none came for `ms`. Closing it closes the source. */
export async function * paced<T> (source: AsyncIterable<T>, ms: number): AsyncGenerator<T | typeof quiet, void, undefined> {
  const items = source[Symbol.asyncIterator]()
  try {
    for (;;) {
      const next = items.next()
      let item = await within(next, ms)
      while (item === quiet) {
        yield quiet
        item = await within(next, ms)
      }
      if (item.done === true) return
      yield item.value
    }
  } finally {
    await items.return?.()
  }
}

async function within<T> (promise: Promise<T>, ms: number): Promise<T | typeof quiet> {
  const late = Promise.withResolvers<typeof quiet>()
  const timer = setTimeout(late.resolve, ms, quiet)
  try {
    return await Promise.race([promise, late.promise])
  } finally {
    clearTimeout(timer)
  }
}

export interface Reading {
  /** Milliseconds a frame may stay unread. */
  readonly stallMs: number
  /** Drops a reader who left a frame unread for longer. */
  readonly drop: () => void
  /** The JSON of what went wrong after the first frame. */
  readonly failure: (error: unknown) => unknown
}

/**
 * Server-sent events: `first`, then the rest, then `[DONE]`; or, when the rest
 * fails, one `error` object and no `[DONE]`.
 *
 * `Readable.from` asks for the next frame only when the socket has room (trap
 * T5), so a slow reader pauses the engine.
 */
export function eventStream<T extends object> (first: T | typeof quiet, rest: AsyncGenerator<T | typeof quiet>, reading: Reading): Readable {
  const stream = Readable.from(unlessStalled(frames(first, rest, reading.failure), reading))
  // A generator that nobody read from runs no `finally`: a caller who left just now would leave the answer open.
  stream.once('close', () => { rest.return(undefined) })
  return stream
}

async function * frames<T extends object> (first: T | typeof quiet, rest: AsyncIterable<T | typeof quiet>, failure: Reading['failure']): AsyncGenerator<string> {
  try {
    yield frame(first)
    for await (const item of rest) yield frame(item)
    yield 'data: [DONE]\n\n'
  } catch (error) {
    yield `data: ${JSON.stringify(failure(error))}\n\n`
  }
}

// JSON has no raw newline, so a text can never end its frame. A comment keeps proxies and clients from giving up.
function frame (item: object | typeof quiet): string {
  return item === quiet ? ': keep-alive\n\n' : `data: ${JSON.stringify(item)}\n\n`
}

async function * unlessStalled (frames: AsyncIterable<string>, { stallMs, drop }: Reading): AsyncGenerator<string> {
  for await (const frame of frames) {
    const timer = setTimeout(drop, stallMs)
    try {
      yield frame
    } finally {
      clearTimeout(timer)
    }
  }
}
