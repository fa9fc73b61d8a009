import type { PublicError } from '../../errors.ts'
import type { AppliedAdapter, FinishReason, Generation, TokenLogprob, Usage } from '../engine.ts'
import type { Native } from './native.ts'
import type { Prompt } from './prompt.ts'
import { window } from './protocol.ts'
import type { Sampler } from './sampling.ts'
import type { Waiting } from './schedule.ts'
import type { Shape } from './shape.ts'
import type { Slot } from './slots.ts'
import { AnswerText } from './text.ts'

/** One request under way: its prompt, and as many answers to it as were asked for. */
export class Job {
  readonly id: number
  readonly request: Generation
  readonly prompt: Prompt
  readonly shape: Shape
  /** Why it is given up: its caller has left, or something broke. Nothing of it is said from then on. */
  over: 'cancelled' | PublicError | null = null
  /** Parts sent that the reader has not taken. */
  untaken = 0
  decoded = 0
  cachedTokens = 0
  readonly seated = new Set<Answer>()
  #ended = 0
  #written = 0
  #reasoning = 0

  constructor (id: number, request: Generation, prompt: Prompt, shape: Shape) {
    this.id = id
    this.request = request
    this.prompt = prompt
    this.shape = shape
  }

  /** Whose prompt it is, on which weights: a prefix is reused only where both are the same. */
  get owner (): string { return `${this.request.tenant}\0${this.request.target.digest}` }

  /** Its answers share batches with those of the same adapters. */
  get group (): string { return this.request.target.digest }

  /** Notes the end of an answer; true when it was the last. */
  ended (answer: Answer): boolean {
    this.#written += answer.written.length
    this.#reasoning += answer.text.reasoningTokens
    return ++this.#ended === this.request.choices
  }

  usage (): Usage {
    return { promptTokens: this.prompt.tokens.length, cachedTokens: this.cachedTokens, completionTokens: this.#written, reasoningTokens: this.#reasoning }
  }
}

/** Whether a job's `owner` is of this tenant. */
export function isOf (owner: string, tenant: string): boolean { return owner.startsWith(`${tenant}\0`) }

/** One answer under way, in its slot. */
export class Answer implements Waiting {
  readonly job: Job
  /** Its number among the answers to one prompt. */
  readonly choice: number
  readonly slot: Slot
  readonly sampler: Sampler
  readonly text: AnswerText
  /** Its adapters are resident and held for it. */
  acquired = false
  /** Its tokens so far, without the one that ends it. */
  readonly written: number[] = []
  /** Of tokens whose text is still held back. */
  logprobs: TokenLogprob[] = []
  readonly #native: Native
  readonly #most: number
  #feed: Uint32Array = new Uint32Array(0)
  #begun = false
  /** What the model must keep to from some point on, until it does. */
  #grammar: string | null
  #rest: string | null

  constructor (job: Job, choice: number, slot: Slot, native: Native) {
    const { request, prompt, shape } = job
    this.job = job
    this.choice = choice
    this.slot = slot
    this.sampler = native.samplers.make({ ...request.sampling, seed: (request.sampling.seed + choice) >>> 0 })
    this.text = new AnswerText({
      detokenize: tokens => native.detokenize(tokens),
      marks: shape.marks,
      stop: request.stop,
      // A plain text goes on as it is.
      thinking: request.input.type === 'chat' ? prompt.thinking : null,
      calls: shape.parser()
    })
    this.#native = native
    this.#most = Math.min(request.maxTokens ?? Infinity, native.contextSize - prompt.tokens.length)
    this.#grammar = shape.grammar
    this.#rest = shape.rest
  }

  get group (): string { return this.job.group }
  get adapters (): readonly AppliedAdapter[] { return this.job.request.target.adapters }
  get pending (): number { return this.#feed.length }
  get paused (): boolean { return this.job.untaken >= window }
  /** The prompt's own probabilities are asked for: it is read whole, each token with its logits. */
  get scored (): boolean { return this.choice === 0 && this.job.request.echo && this.job.request.logprobs !== null }
  /** Whether the whole prompt is in the slot. */
  get begun (): boolean { return this.#begun }
  /** Nothing is to be written at all. */
  get empty (): boolean { return this.#most <= 0 }

  /** The slot holds the prompt's first `keep` tokens; the rest is to be fed. Throws when the grammar cannot be used. */
  begin (keep: number): void {
    this.slot.tokens.length = Math.min(this.slot.tokens.length, keep)
    for (const token of this.job.prompt.tokens.subarray(this.slot.tokens.length, keep)) this.slot.tokens.push(token)
    if (this.choice === 0) this.job.cachedTokens = keep
    this.#feed = this.job.prompt.tokens.subarray(keep)
    this.constrain()
  }

  /** Moves the next `count` tokens into the slot and gives them for the batch. */
  feed (count: number): { slot: number, position: number, tokens: Uint32Array, logits: 'none' | 'last' | 'each' } {
    const tokens = this.#feed.subarray(0, count)
    const position = this.slot.tokens.length
    for (const token of tokens) this.slot.tokens.push(token)
    this.#feed = this.#feed.subarray(count)
    const last = this.#feed.length === 0
    const reading = !this.#begun
    this.#begun ||= last
    return { slot: this.slot.index, position, tokens, logits: reading && this.scored ? 'each' : last ? 'last' : 'none' }
  }

  /** Notes a sampled token; says whether the answer ends with it. */
  take (token: number, end: boolean): 'stop' | 'length' | null {
    if (end) return 'stop'
    this.written.push(token)
    this.#feed = Uint32Array.of(token)
    return this.written.length >= this.#most ? 'length' : null
  }

  /** The last pieces: those of the token, if it is part of the answer, and what was held back. */
  ending (token: number, reason: 'stop' | 'length'): ReturnType<AnswerText['push']> {
    const pieces = reason === 'length' ? this.text.push(token) : []
    return [...pieces, ...this.text.end()]
  }

  /** As OpenAI says it: an answer that was made to call one named tool just stopped. */
  reason (reason: 'stop' | 'length'): FinishReason {
    return reason === 'stop' && this.text.called && !this.job.shape.named ? 'tool_calls' : reason
  }

  /** Puts the sampler under the grammar that is due: the answer's when its thoughts are over, a tool call's when one is opened. */
  constrain (): void {
    if (this.#grammar !== null && !this.text.thinking) {
      this.#native.samplers.constrain(this.sampler, this.#grammar, new Uint32Array(0), this.written)
      this.#grammar = null
    }
    const opened = this.#rest === null ? null : this.text.opened
    if (this.#rest !== null && opened !== null) {
      // What a model has begun in its own way goes on freely, and is shown as the text it is if it is no call.
      this.#native.samplers.constrain(this.sampler, this.#rest, this.#native.tokenize(opened), this.written)
      this.#rest = null
    }
  }
}
