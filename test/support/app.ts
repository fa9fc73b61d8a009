import type { AddressInfo } from 'node:net'
import type { FastifyInstance } from 'fastify'
import type { Test } from 'tap'
import { requireModels } from '../../src/access/caller.ts'
import { type Config, parse } from '../../src/config.ts'
import { problem } from '../../src/errors.ts'
import type { EngineState } from '../../src/inference/engine.ts'
import { openPolicy } from '../../src/privacy/policies.ts'
import { type Parts, buildApp } from '../../src/server/app.ts'
import type { Bases, Canaries, Datasets, Feedback, Lineages, Loops, Memories, Stored } from '../../src/server/ports.ts'
import { MemoryAdapters } from './adapters.ts'
import { Scripted } from './scripted.ts'
import { ScriptedTraining } from './training.ts'

export interface Overrides extends Partial<Omit<Parts, 'config'>> {
  readonly config?: Partial<Config>
  readonly scripted?: Scripted
}

/** An app on a scripted answer and two pretended bases; everything before them is real. Closed with the test. */
export async function appFor (t: Test, { config, scripted = new Scripted(), adapters = new MemoryAdapters(), ...parts }: Overrides = {}): Promise<FastifyInstance> {
  const app = await buildApp({
    config: { ...parse({}, {}), ...config },
    version: '0.0.0-test',
    answer: scripted.answer,
    // One token a byte, for whoever may use the model.
    count: async (model, input, caller) => {
      const base = twoBases().find(model ?? 'tiny')
      const name = base?.name ?? (model ?? '').replace(/@\d+$/, '')
      requireModels(caller, [name])
      if (base === null && adapters.find(name) === null) throw problem('model_not_found', { model: name }, { param: 'model' })
      return { tokens: new Uint32Array(Buffer.from(input.type === 'chat' ? input.messages.map(message => `${message.role}:${message.content}`).join('|') : input.type === 'text' ? input.text : '')), contextSize: 4096, endOfTurn: [0] }
    },
    // A vector that tells how long each text is, beside one that does not change.
    embed: async ({ model, texts }) => ({ model: model ?? 'tiny', vectors: texts.map(({ length }) => Float32Array.of(length, 0.5)), promptTokens: texts.length }),
    bases: twoBases(),
    stored: nothingStored,
    feedback: nothingSaid,
    memories: nothingRemembered,
    embedder: () => null,
    profile: { items: async () => [], frame: async () => null, replace: async () => {} },
    portability: { export: async function * () {}, import: async () => { throw problem('storage_failed', {}) } },
    erasures: { erase: async () => { throw problem('storage_failed', {}) }, receipts: async () => [], copies: async () => [] },
    policies: { of: async () => openPolicy, change: async (_owner, change) => ({ ...openPolicy, ...change }) },
    watch: () => {},
    admit: async () => {},
    adapters,
    canaries: noCanaries,
    lineages: nothingLearnt,
    datasets: noDatasets,
    exports: { open: async id => { throw problem('dataset_not_found', { id }) } },
    schedules: { create: async () => { throw problem('storage_failed', {}) }, list: async () => [], remove: async id => { throw problem('schedule_not_found', { id }) }, exported: async () => [] },
    reviews: { list: async () => ({ data: [], more: false }), give: async id => { throw problem('completion_not_found', { id }) } },
    training: new ScriptedTraining(),
    loops: noLoops,
    verify: async () => null,
    keys: { create: async () => ({ id: 'k1', secret: 'ek_k1_secret' }), list: async () => [], revoke: async id => { throw problem('key_not_found', { id }) } },
    tokens: { mint: async () => { throw problem('token_denied', {}) }, list: async () => [], revoke: async (_caller, id) => { throw problem('token_not_found', { id }) } },
    audit: async () => [],
    ...parts
  })
  t.teardown(() => app.close())
  return app
}

const noLoop = async (name: string): Promise<never> => { throw problem('loop_not_found', { name }, { param: 'name' }) }
const noLoops: Loops = { list: async () => [], find: noLoop, set: async () => { throw problem('storage_failed', {}) }, pause: noLoop, run: noLoop, decide: noLoop, remove: noLoop }

/** Its address once it listens on a free port. */
export async function listening (app: FastifyInstance): Promise<{ readonly port: number, readonly url: string }> {
  await app.listen({ host: '127.0.0.1', port: 0 })
  const { port } = app.server.address() as AddressInfo
  return { port, url: `http://127.0.0.1:${port}` }
}

export const counters = { promptTokens: 70, cachedTokens: 20, decodedTokens: 30, decodedAfterCancel: 1, cancelled: 1, restarts: 0 }
export const readyState: EngineState = { status: 'ready', detail: null, running: 0, prefillRate: null, rss: 1024, counters, adapters: { resident: [], busy: 0, loads: 5, loadMs: 1250, evictions: 2, switches: 9 } }

export function twoBases (state: EngineState = readyState): Bases {
  const infos = ['tiny', 'org/big:q4@1'].map((name, i) => ({ name, created: 1_700_000_000, digest: 'ab'.repeat(32), sizeBytes: 1, contextSize: 4096, default: i === 0, state, running: 0, waiting: 3, slots: 4 }))
  return {
    list: () => infos,
    find: name => infos.find(info => info.name === name) ?? null,
    load: async () => {},
    unload: async name => { throw problem('model_in_use', { model: name, count: 1 }) }
  }
}

const nothingStored: Stored = {
  list: async () => ({ data: [], more: false }),
  find: async (_reach, id) => { throw problem('completion_not_found', { id }) },
  setMetadata: async (_reach, id) => { throw problem('completion_not_found', { id }) },
  remove: async (_reach, id) => { throw problem('completion_not_found', { id }) }
}

const nothingSaid: Feedback = {
  give: async (_reach, { completion }) => { throw problem('completion_not_found', { id: completion ?? '' }) },
  list: async () => ({ data: [], more: false }),
  signals: async () => []
}

const nothingLearnt: Lineages = {
  trained: async () => new Map(),
  rows: async () => ({ people: 0, rows: 0, data: [], more: false }),
  learntFrom: async () => new Map(),
  answeredBy: async () => null
}

const noCanary = async (name: string): Promise<never> => { throw problem('canary_not_found', { adapter: name }) }
const noCanaries: Canaries = { start: noCanary, find: noCanary, end: noCanary, extend: noCanary }

const noDatasets: Datasets = {
  build: async () => { throw problem('storage_failed', {}) },
  preview: async () => { throw problem('storage_failed', {}) },
  list: async () => [],
  find: async id => { throw problem('dataset_not_found', { id }) },
  diff: async id => { throw problem('dataset_not_found', { id }) },
  lineage: async () => []
}

const nothingRemembered: Memories = {
  recall: async () => ({ memories: [], relevant: false, lexicalOnly: true }),
  remember: async () => { throw problem('storage_failed', {}) },
  list: async () => ({ memories: [], next: null }),
  get: async () => null,
  change: async () => null,
  forget: async () => 0,
  pending: async () => 0,
  progress: async () => ({ embedded: 0, pending: 0 })
}

export const hello = { messages: [{ role: 'user', content: 'hello' }] }
