import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { spawnServer } from '../../test/support/server.ts'
import { builtLlamaServer, startLlamaServer } from './llama-server.ts'
import type { Both } from './pairs.ts'
import { streamed, type Answered } from './stream.ts'

export interface Turn { readonly role: 'system' | 'user' | 'assistant', readonly content: string }

export interface Question {
  readonly messages: readonly Turn[]
  readonly tokens: number
  /** Which of the adapters given at start; left out: the base alone. */
  readonly adapter?: number
  /** Fields for both, beside the usual ones. */
  readonly over?: object
}

/** One of the two servers. */
export interface Contestant {
  /** The process that decodes. */
  readonly pid: number
  /** Asks for exactly so many tokens. */
  ask (question: Question, signal?: AbortSignal, heard?: (at: number) => void): Promise<Answered>
}

export interface Arena {
  readonly model: string
  readonly threads: number
  readonly slots: number
  /** Tokens per slot. */
  readonly context: number
  readonly gpu: boolean
  /** GGUF files; both servers are given them at start. */
  readonly adapters: readonly Buffer[]
}

export interface Opened extends Both<Contestant> { close (): Promise<void> }

/** The product's own default: it leaves a core to everything that is not the model. */
export const defaultThreads = Math.max(1, availableParallelism() - 1)

/** Both at temperature 0 by the same chain; what differs in their defaults is said. SmolLM2's two end tokens are banned, so that both write as much as they are asked for. */
const sampling = { temperature: 0, top_k: 40, top_p: 1, min_p: 0, seed: 1, logit_bias: { 0: -100, 2: -100 } }

/** Starts both on the same model file with the same threads, slots and context, and prints how. */
export async function openContestants (arena: Arena): Promise<Opened> {
  const { model, threads, slots, context, gpu } = arena
  const built = await builtLlamaServer(gpu)
  const folder = await mkdtemp(join(tmpdir(), 'engraft-bench-'))
  const adapters = await Promise.all(arena.adapters.map(async (bytes, i) => {
    const path = join(folder, `adapter-${i}.gguf`)
    await writeFile(path, bytes)
    return path
  }))
  const ours = ['--model', `bench=${model}`, '--threads', String(threads), '--slots', String(slots), '--context', String(context), ...gpu ? ['--gpu', 'cuda', '--gpu-layers', 'max'] : [], ...adapters.flatMap((path, i) => ['--adapter', `bench-${i}=${path}`])]
  const theirs = ['--model', model, '--threads', String(threads), '--threads-batch', String(threads), '--parallel', String(slots), '--ctx-size', String(slots * context), '--gpu-layers', gpu ? '99' : '0', '--no-webui', ...adapters.length > 0 ? ['--lora', adapters.join(','), '--lora-init-without-apply'] : []]
  const engraft = await spawnServer(join(folder, 'data'), ours)
  const llama = await startLlamaServer(built, theirs)
  console.log(`engraft ${await version()}: serve ${ours.join(' ')}`)
  console.log(`llama-server of ${built.version}: ${llama.flags.join(' ')}`)
  return {
    engraft: { pid: engraft.enginePid(), ask: (question, signal, heard) => asked(engraft.url, question, { model: question.adapter === undefined ? 'bench' : `bench-${question.adapter}` }, signal, heard) },
    llama: { pid: llama.pid, ask: (question, signal, heard) => asked(llama.url, question, { cache_prompt: true, lora: [{ id: question.adapter ?? 0, scale: question.adapter === undefined ? 0 : 1 }] }, signal, heard) },
    close: async () => {
      await Promise.all([engraft.stop(), llama.stop()])
      await rm(folder, { recursive: true })
    }
  }
}

async function asked (url: string, { messages, tokens, over }: Question, own: object, signal?: AbortSignal, heard?: (at: number) => void): Promise<Answered> {
  const answer = await streamed(url, { messages, max_tokens: tokens, stream: true, stream_options: { include_usage: true }, ...sampling, ...own, ...over }, signal, heard)
  if (answer.tokens !== tokens) throw new Error(`${url} wrote ${answer.tokens} tokens and was asked for ${tokens}`)
  return answer
}

async function version (): Promise<string> {
  return (JSON.parse(await readFile(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string }).version
}
