import { createHash } from 'node:crypto'
import type { Test } from 'tap'
import type { Row } from '../../../src/datasets/row.ts'
import { Bases } from '../../../src/inference/bases.ts'
import { Native } from '../../../src/inference/llama/native.ts'
import { PromptWriter } from '../../../src/inference/llama/prompt.ts'
import type { Served } from '../../../src/training/served.ts'
import { openServed } from '../../../src/training/serving.ts'
import { row, type Told } from '../../datasets/curation/rows.ts'
import { openEngine } from '../../support/engine.ts'
import { baseModel } from '../../support/model.ts'

/** The default model, served. `digest`: what its file is said to be, so that each test has a folder of its own. */
export async function openBase (t: Test, digest = 'ab'.repeat(32)): Promise<Served> {
  const { path } = await baseModel()
  const bases = new Bases([{ name: 'smollm2-135m', digest, sizeBytes: 1, contextSize: 2048, engine: await openEngine(t) }], { capacity: 4, queue: 2, queuePerTenant: 2, timeout: 60, idleUnload: 0 })
  return openServed({ bases, name: null, path, tenant: 'acme' })
}

/** What renders conversations of the default model, without its engine; with a chat template of another family where one is given. */
export async function openRenderer (t: Test): Promise<{ (template?: string): Pick<Served, 'render' | 'contextSize'>, text (tokens: readonly number[]): string }> {
  const { path } = await baseModel()
  const native = await Native.open({ path, gpu: 'off', gpuLayers: 'auto', slots: 1, context: 512, batch: 0, threads: 1, kvType: 'f16', flashAttention: 'auto' })
  t.teardown(async () => { await native.close() })
  const { specials, vocabularySize, bos, eosText } = native
  const endOfTurn = specials.flatMap(({ id }) => native.isEnd(id) ? [id] : [])
  const renderer = (template: string | null = native.chatTemplate): Pick<Served, 'render' | 'contextSize'> => {
    const writer = new PromptWriter({ contextSize: 512, chatTemplate: template, specials, vocabularySize, bos, eosText, tokenize: text => native.tokenize(text) })
    return { contextSize: 511, render: async input => ({ tokens: [...writer.write(input).tokens], endOfTurn }) }
  }
  const text = (tokens: readonly number[]): string => Buffer.concat(tokens.map(token => native.bytes(token))).toString()
  return Object.assign(renderer, { text })
}

/** So many corrections of so many people, no two alike. */
export function corrections (count: number, people: number, told: Told = {}): Row[] {
  return Array.from({ length: count }, (_, i) => {
    const [item, fault] = [word(i), word(i + 1000)]
    return row(`My ${item} has a ${fault}, what now?`, `Sorry about the ${item}. Please turn it off, then ${fault} will end. Topic: ${word(i + 2000)}`, { group: `person-${i % people}`, at: i, ...told })
  })
}

/** A made-up word that is always the same for a number. */
export function word (number: number): string {
  return [...createHash('sha256').update(String(number)).digest().subarray(0, 4)].map(byte => ['ba', 'de', 'ki', 'lo', 'mu', 'na', 'pe', 'ri', 'so', 'tu', 'va', 'we', 'zi', 'fo', 'gu', 'he'][byte % 16]).join('')
}

export async function * each<T> (rows: readonly T[]): AsyncGenerator<T> { yield * rows }

export const never = new AbortController().signal
export function quiet (): void {}
