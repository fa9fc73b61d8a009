import { setTimeout as sleep } from 'node:timers/promises'
import { problem, publicError } from '../errors.ts'
import type { Bases, Lease } from '../inference/bases.ts'
import type { AppliedAdapter, Generation, Part, Sampling } from '../inference/engine.ts'
import { weightsDigest } from '../inference/target.ts'
import type { Answered, Served } from './served.ts'

export interface ServingParts {
  readonly bases: Pick<Bases, 'lease'>
  /** Public name of the base; null: the default one. */
  readonly name: string | null
  /** Its file. */
  readonly path: string
  /** Whom the work is for: no prefix of it is shared with anybody else's. */
  readonly tenant: string
}

/** What differs between the two things that are asked of it. */
type Asked = Pick<Generation, 'input' | 'grammar' | 'logprobs' | 'echo' | 'maxTokens'>

/** The likeliest token, always. */
const greedy: Sampling = { temperature: 0, topP: 1, topK: 0, minP: 0, seed: 0, presencePenalty: 0, frequencyPenalty: 0, logitBias: new Map() }

/** The engine takes a prompt only where one more token would fit. */
const spare = 1

/**
 * A base for work in the background, leased until `release`. It waits in line
 * under a name that no caller can have, so that it takes turns with those who
 * chat however many requests it has. Throws `model_not_found`.
 */
export function openServed ({ bases, name, path, tenant }: ServingParts): Served & { release (): void } {
  const lease = bases.lease(name)
  // No caller's tenant has a control character in it, and what the engine forgets of a tenant this is part of.
  const own = `${tenant}\0training`

  /** What is made of the engine's parts to one request, when it is its turn. */
  async function asking<T> (asked: Asked, adapter: AppliedAdapter | null, signal: AbortSignal, read: (parts: AsyncIterable<Part>) => Promise<T>): Promise<T> {
    const adapters = adapter === null ? [] : [adapter]
    const target = { ...lease.target, digest: weightsDigest(lease.target.digest, adapters), adapters }
    const leave = await admitted(lease, own, signal)
    try {
      return await read(lease.engine.generate({ ...asked, target, tenant: own, choices: 1, stop: [], sampling: greedy }, signal))
    } finally {
      leave()
    }
  }

  return {
    name: lease.target.model,
    digest: lease.target.digest,
    path,
    contextSize: lease.contextSize - spare,
    render: async input => {
      const { tokens, endOfTurn } = await lease.engine.render(input)
      return { tokens: [...tokens], endOfTurn }
    },
    score: async (rows, adapter, signal, told = () => {}) => {
      const all: number[][] = []
      for (const { prompt, completion } of rows) {
        const asked = { input: { type: 'tokens', tokens: [...prompt, ...completion] }, grammar: null, logprobs: 0, echo: true, maxTokens: 0 } as const
        const read = await asking(asked, adapter, signal, logprobsOf)
        all.push(read.slice(prompt.length))
        told(all.length)
      }
      return all
    },
    answer: async (input, adapter, maxTokens, signal, grammar = null) =>
      await asking({ input, grammar, logprobs: null, echo: false, maxTokens }, adapter, signal, answerOf),
    release: () => lease.release()
  }
}

/** A slot, when it is its turn: a queue that is full or slow is waited for, since nobody waits for this. Throws `shutting_down` and the signal's reason. */
async function admitted ({ admission }: Lease, tenant: string, signal: AbortSignal): Promise<() => void> {
  for (;;) {
    try {
      return await admission.admit(tenant, signal)
    } catch (error) {
      const { code, retryAfter } = publicError(error)
      if (signal.aborted || (code !== 'queue_full' && code !== 'queue_timeout')) throw error
      await sleep((retryAfter ?? 1) * 1000, undefined, { signal }).catch(() => signal.throwIfAborted())
    }
  }
}

/** Of every token of the prompt; the first has none. */
async function logprobsOf (parts: AsyncIterable<Part>): Promise<number[]> {
  const all: number[] = []
  for await (const part of parts) if (part.type === 'text') for (const { logprob } of part.logprobs ?? []) all.push(logprob ?? NaN)
  return all
}

/** The answer as one text, with its calls of tools behind it, as curation reads answers. */
async function answerOf (parts: AsyncIterable<Part>): Promise<Answered> {
  const began = performance.now()
  let firstToken: number | null = null
  let text = ''
  let ended = false
  const calls: string[] = []
  for await (const part of parts) {
    firstToken ??= performance.now() - began
    if (part.type === 'text') text += part.text
    else if (part.type === 'call') calls[part.index] = part.name === undefined ? `${calls[part.index] ?? ''}${part.arguments}` : `${part.name} ${part.arguments}`
    else if (part.type === 'end') ended = part.reason !== 'length'
    else if (part.type === 'done') {
      const { promptTokens, completionTokens } = part.usage
      return { text: [...text === '' && calls.length > 0 ? [] : [text], ...calls].join('\n'), tokens: completionTokens, promptTokens, firstToken, ended }
    }
  }
  throw problem('incomplete_answer', {})
}
