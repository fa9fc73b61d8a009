import type { Test } from 'tap'
import type { FinishReason, Generation, Input, Message, Part, Sampling } from '../../src/inference/engine.ts'
import { LlamaEngine, type LlamaEngineOptions } from '../../src/inference/llama/engine.ts'
import { ThreadBudget } from '../../src/inference/threads.ts'
import { baseModel } from './model.ts'

export const greedy: Sampling = { temperature: 0, topP: 1, topK: 40, minP: 0, seed: 1, presencePenalty: 0, frequencyPenalty: 0, logitBias: new Map() }

/** SmolLM2's end-of-turn token: banned where a test needs an answer that goes on. */
export const endless: Sampling = { ...greedy, logitBias: new Map([[0, -100], [2, -100]]) }

/** The real default model in a real child process; closed with the test. */
export async function openEngine (t: Test, native: Partial<{ slots: number, context: number, path: string }> = {}, over: Partial<LlamaEngineOptions> = {}): Promise<LlamaEngine> {
  const { path } = await baseModel()
  const engine = new LlamaEngine({
    name: 'smollm2-135m',
    native: { path, gpu: 'off', gpuLayers: 'auto', slots: 4, context: 2048, batch: 0, kvType: 'f16', flashAttention: 'auto', ...native },
    threads: new ThreadBudget(1),
    residents: 8,
    log: () => {},
    ...over
  })
  t.teardown(() => engine.close())
  return engine
}

export function generation (content: string, over: Partial<Generation> = {}): Generation {
  return { target: { model: 'smollm2-135m', digest: 'base', adapters: [] }, tenant: 'local', input: chat([{ role: 'user', content }]), grammar: null, choices: 1, logprobs: null, echo: false, maxTokens: 16, stop: [], sampling: greedy, ...over }
}

export function chat (messages: readonly Message[]): Input { return { type: 'chat', messages, tools: null, effort: null } }

/** An answer of one choice as a whole. */
export async function collect (parts: AsyncIterable<Part>): Promise<{ text: string, reason: FinishReason | null, done: Extract<Part, { type: 'done' }> }> {
  let text = ''
  let reason: FinishReason | null = null
  for await (const part of parts) {
    if (part.type === 'done') return { text, reason, done: part }
    if (part.type === 'end') reason = part.reason
    else if (part.type === 'text') text += part.text
  }
  throw new Error('ended without done')
}

export const never = new AbortController().signal

/** About `tokens` tokens of plain English. */
export function prose (tokens: number): string { return 'The quick brown fox jumps over the lazy dog near the river bank. '.repeat(Math.ceil(tokens / 14)) }
