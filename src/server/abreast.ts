import type { ChatEvent } from '../chat/answer.ts'
import { problem } from '../errors.ts'

/** Begins the answer to a prompt, which ends early when the signal fires. */
export type Begin = (signal: AbortSignal) => AsyncIterable<ChatEvent>

type Usage = Extract<ChatEvent, { type: 'done' }>['usage']
interface Open { readonly events: AsyncIterator<ChatEvent>, readonly next: Promise<readonly [number, IteratorResult<ChatEvent>]> }

export interface AbreastOptions {
  /** Answers to each prompt. */
  readonly choices: number
  /** Prompts that are answered at the same time. */
  readonly width: number
  readonly signal: AbortSignal
}

/**
 * The answers to several prompts as one: the choices of the first prompt are
 * numbered first, and the usage is that of all together. Each is paused where
 * the reader pauses. Throws what any of them throws, and `weights_changed` when
 * a promote came between them, since one reply names one version; the others
 * are ended then.
 */
export async function * abreast (prompts: readonly Begin[], { choices, width, signal }: AbreastOptions): AsyncGenerator<ChatEvent, void, undefined> {
  const over = new AbortController()
  const either = AbortSignal.any([signal, over.signal])
  const open = new Map<number, Open>()
  // One that has spoken goes behind the others, so that each gets its turn.
  const pull = (number: number, events: AsyncIterator<ChatEvent>): void => {
    open.delete(number)
    open.set(number, { events, next: events.next().then(result => [number, result]) })
  }
  const usage = { promptTokens: 0, cachedTokens: 0, completionTokens: 0, reasoningTokens: 0 }
  let begun = 0
  let digest: string | null = null
  try {
    for (;;) {
      for (let begin = prompts[begun]; begin !== undefined && open.size < width; begin = prompts[begun]) pull(begun++, begin(either)[Symbol.asyncIterator]())
      const [number, { done, value: event }] = await Promise.race([...open.values()].map(({ next }) => next))
      const events = open.get(number)?.events
      if (events === undefined || done === true) throw problem('incomplete_answer', {})
      if (event.type === 'start') {
        if (digest === null) yield event
        else if (digest !== event.digest) throw problem('weights_changed', {}, { retryAfter: 1 })
        digest = event.digest
      } else if (event.type === 'done') {
        add(usage, event.usage)
        await events.return?.()
        open.delete(number)
        if (open.size > 0 || begun < prompts.length) continue
        yield { ...event, usage }
        return
      } else {
        yield { ...event, choice: number * choices + event.choice }
      }
      pull(number, events)
    }
  } finally {
    over.abort(new Error('The other prompts of this request are not answered any more.'))
    await Promise.all([...open.values()].map(async ({ events, next }) => {
      // What the others fail with, once one has failed, is no news.
      await next.catch(() => {})
      await events.return?.()
    }))
  }
}

function add (sum: { -readonly [K in keyof Usage]: Usage[K] }, { promptTokens, cachedTokens, completionTokens, reasoningTokens }: Usage): void {
  sum.promptTokens += promptTokens
  sum.cachedTokens += cachedTokens
  sum.completionTokens += completionTokens
  sum.reasoningTokens += reasoningTokens
}
