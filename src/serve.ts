import { randomUUID } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { readdir, readFile, rm, stat } from 'node:fs/promises'
import { isIP } from 'node:net'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { FastifyInstance } from 'fastify'
import { listAudit } from './access/audit.ts'
import { openKeys } from './access/keys.ts'
import { openLimits } from './access/limits.ts'
import { openTokens } from './access/tokens.ts'
import type { Adapters } from './adapters/adapters.ts'
import { createDirectory } from './adapters/directory.ts'
import { openRegistry } from './adapters/registry.ts'
import { openVault } from './adapters/vault.ts'
import { stagingFolder } from './backup/restore.ts'
import { openCanaries } from './canary/open.ts'
import { createAnswer } from './chat/answer.ts'
import { createCount } from './chat/count.ts'
import { createEmbed } from './chat/embed.ts'
import { needsKey, retentionOf, type Config } from './config.ts'
import { openDatabase } from './database/open.ts'
import { createExports } from './datasets/exports/exports.ts'
import { createFiles } from './datasets/exports/ledger.ts'
import { openReviews } from './datasets/open-reviews.ts'
import { openSchedules } from './datasets/open-schedules.ts'
import { openDatasets } from './datasets/open.ts'
import { problem, PublicError } from './errors.ts'
import { Bases } from './inference/bases.ts'
import { LlamaEngine, type LlamaEngineOptions } from './inference/llama/engine.ts'
import { createProber } from './inference/llama/prober.ts'
import { ThreadBudget } from './inference/threads.ts'
import { openCompletionIds } from './interactions/ids.ts'
import type { Owner } from './interactions/interactions.ts'
import { openLineages } from './lineage/open.ts'
import { openLearning } from './learning.ts'
import { endAll, listenError, probeAddress, StartError, unlessAborted } from './lifecycle.ts'
import { ModelError, type ModelFile, type Models } from './models/models.ts'
import { openErasures, resume } from './privacy/erasures.ts'
import { createExport } from './privacy/export.ts'
import { createForgetting } from './privacy/forgetting.ts'
import { createImport } from './privacy/import.ts'
import { People } from './privacy/people.ts'
import { openPolicies } from './privacy/policies.ts'
import { createRetention } from './privacy/retention.ts'
import { openRemembering } from './remembering.ts'
import { buildApp } from './server/app.ts'
import { openLoops } from './training/loop.ts'

/** A server that answers, and how to end it. */
export interface Running {
  readonly url: string
  readonly models: readonly ModelFile[]
  readonly keyless: boolean
  readonly gpu: string
  /** Refuses new work, gives running answers `config.shutdownTimeout` seconds, then ends everything in order. */
  close (): Promise<void>
}

export interface Surroundings {
  readonly models: Models
  readonly progress: NonNullable<Parameters<Models['resolve']>[1]>['progress']
  /** Gives the start up when it fires: what was begun is ended, and its reason thrown. */
  readonly signal: AbortSignal
  /** The operator's own key (ENGRAFT_BOOTSTRAP_KEY), if any. */
  readonly bootstrapKey: string | null
  /** What the process was started with: a training is given the little of it that it needs. */
  readonly environment: NodeJS.ProcessEnv
  readonly log: NodeJS.WritableStream
  /** Called when the server cannot go on: the process should end, non-zero. */
  readonly onFatal: (error: Error) => void
}

/** What to do when a file with a good header cannot be loaded. */
export const loadRemedy = "try --gpu off, a smaller --context or fewer --slots; if other models load, fetch this file again or name another with --model; 'npm ci' repairs a broken installation"

export const migrationsDir = fileURLToPath(new URL('../migrations', import.meta.url))

export function databasePath (config: Config): string { return join(config.data, 'engraft.db') }

/** Who was erased, for a restore of what was backed up before. */
export function tombstonesPath (config: Pick<Config, 'data'>): string { return join(config.data, 'erasures.jsonl') }

export async function version (): Promise<string> {
  return (JSON.parse(await readFile(new URL('../package.json', import.meta.url), 'utf8')) as { version: string }).version
}

/** Composes and starts the whole server: database, keys, models, engines, routes. Resolves when the default model is loaded. */
export async function serve (config: Config, { models, progress, signal, bootstrapKey, environment, log: output, onFatal }: Surroundings): Promise<Running> {
  const closing: (() => Promise<void>)[] = []
  const close = async (): Promise<void> => await endAll(closing.splice(0))
  try {
    await probeAddress(config)
    const database = await openDatabase({ path: databasePath(config), migrationsDir, onDeath: onFatal })
    closing.push(() => database.close())
    // What a killed restore left, which nobody else would remove.
    await rm(stagingFolder(config.data), { recursive: true, force: true })
    await resume(database, tombstonesPath(config), createFiles(database))
    const keys = openKeys(database)
    if (bootstrapKey !== null) await keys.ensureBootstrap(bootstrapKey)
    const keyless = !needsKey(config)
    if (!keyless && !await keys.any()) throw new StartError(noKey(config))
    const limits = await openLimits(database, config)
    closing.push(() => limits.close())

    const files: ModelFile[] = []
    for (const reference of config.model) files.push(await models.resolve(reference, { signal, ...(progress !== undefined && { progress }) }))
    refuseTwins(files)
    const [first] = files
    if (first === undefined) throw new StartError('No base model is named: --model NAME names one.')
    let app: FastifyInstance | null = null
    let gpu = 'off'
    const log = (level: 'info' | 'error', message: string, fields: Record<string, unknown>): void => {
      if (typeof fields.gpu === 'string') gpu = fields.gpu
      app?.log[level](fields, message)
    }
    const threads = new ThreadBudget(config.threads)
    const engines = new Map(files.map(file => [file.name, new LlamaEngine({ ...engineOptions(config, file, threads), log })]))
    const engineOf = (base: string): LlamaEngine => {
      const engine = engines.get(base)
      if (engine === undefined) throw problem('model_not_found', { model: base })
      return engine
    }
    const bases = new Bases(files.map(file => ({
      name: file.name,
      digest: file.sha256,
      sizeBytes: file.size,
      contextSize: Math.min(config.context, file.contextLength),
      engine: engineOf(file.name)
    })), { ...config, capacity: config.slots, timeout: config.queueTimeout })
    closing.push(() => bases.close())
    const people = new People()
    const policies = openPolicies(database)
    const unread = (tenant: string): void => { for (const engine of engines.values()) engine.forget(tenant) }
    const erasures = openErasures({
      database,
      path: tombstonesPath(config),
      people,
      policies,
      unread,
      files: createFiles(database),
      aside: async work => await training.standingAside(async () => await datasets.standingAside(async () => await schedules.standingAside(work)))
    })
    const ids = await openCompletionIds(database)
    const feedback = {
      ids,
      erasedAt: async (owner: Owner) => (await erasures.receipts(owner))[0]?.requestedAt ?? null,
      keeps: async (owner: Owner) => (await policies.of(owner)).store
    }
    const remembering = await openRemembering({ config, database, path: databasePath(config), models, threads, people, feedback, unread, signal, progress, log, onFatal })
    closing.push(() => remembering.close())
    const { interactions, memories, profile } = remembering
    const datasets = await openDatasets({
      database,
      path: databasePath(config),
      folder: join(config.data, 'datasets', 'tmp'),
      code: await version(),
      gate: async () => { await threads.spare() },
      log: (message, fields) => log('error', message, fields)
    })
    closing.push(() => datasets.close())
    const schedules = openSchedules({ database, datasets, data: config.data, log: (message, fields) => log('error', message, fields) })
    closing.push(() => schedules.close())
    const retention = createRetention({ database, memories, retentionOf: tenant => retentionOf(config, tenant), unread, log: (message, fields) => log('error', message, fields) })
    closing.push(() => retention.close())
    const prober = createProber(base => engineOptions(config, files.find(file => file.name === base) ?? first, threads).native)
    closing.push(() => prober.close())
    const fetching = join(config.data, 'fetching')
    // What a killed server was fetching.
    await rm(fetching, { recursive: true, force: true })
    const adapters = await openRegistry({
      database,
      vault: await openVault(join(config.data, 'vault')),
      bases: files.map(({ name, path, sha256 }) => ({ name, path, digest: sha256 })),
      engines: { load: (base, adapters) => engineOf(base).load(adapters), pin: (base, digests) => engineOf(base).pin(digests) },
      probe: prober.probe,
      fetch: reference => fetchAdapter(models, reference, fetching, config.adapterLimit),
      adapterLimit: config.adapterLimit,
      drainTimeout: config.drainTimeout,
      log: (message, fields) => log('error', message, fields)
    })

    const canaries = openCanaries({ database, adapters, log: (message, fields) => log('error', message, fields) })
    closing.push(() => canaries.close())
    const training = await openLearning({ config, version: await version(), database, datasets, adapters, bases, files, environment, log })
    const lineages = openLineages(database)
    const loops = openLoops({ database, datasets, training, adapters, canaries, lineages, log: (message, fields) => log('error', message, fields) })
    closing.push(async () => { await Promise.all([loops.close(), training.close()]) })
    const directory = createDirectory({ bases, adapters })
    app = await buildApp({
      config,
      version: await version(),
      answer: createAnswer({ ...config, models: directory, limits, policies, people, tried: canaries.tried, ids, interactions, memories, profile, log: (message, fields) => log('error', message, fields) }),
      count: createCount({ ...config, models: directory, limits }),
      embed: createEmbed({ models: directory, limits, embedder: remembering.embeddings }),
      bases,
      stored: { ...interactions, remove: async (reach, id) => { await interactions.remove(reach, id); unread(reach.tenant) } },
      feedback: remembering.feedback,
      memories: { ...memories, forget: createForgetting({ database, memories, people, unread }) },
      profile,
      embedder: remembering.embeddings,
      policies,
      portability: { export: createExport({ database, interactions, policies, people }), import: createImport({ database, memories, interactions, policies, people }) },
      erasures: { ...erasures, copies: () => copiesBeside(databasePath(config)) },
      watch: remembering.watch,
      admit: limits.admit,
      adapters,
      canaries,
      lineages,
      datasets,
      exports: createExports({ datasets, folder: join(config.data, 'exports') }),
      schedules,
      training,
      loops,
      reviews: openReviews({ database, feedback: remembering.feedback }),
      verify: bearer => keys.verify(bearer),
      keys,
      tokens: openTokens(database),
      audit: page => listAudit(database, page),
      logger: { level: config.logLevel, stream: output }
    })
    const server = app
    closing.push(async () => {
      bases.drain()
      try {
        await server.drain(AbortSignal.timeout(config.shutdownTimeout * 1000))
      } finally {
        await server.close()
      }
    })
    const url = await server.listen({ host: config.host, port: config.port }).catch(error => { throw listenError(error, config) })
    await unlessAborted(signal, bases.load(first.name).catch(cause => { throw new StartError(`${first.path} could not be loaded: ${engineOf(first.name).state().detail ?? String(cause)}. What may help: ${loadRemedy}.`, { cause }) }))
    for (const given of config.adapter) await unlessAborted(signal, serveAdapter(adapters, given))
    signal.throwIfAborted()
    retention.start()
    canaries.watch()
    await datasets.start()
    await schedules.start()
    await training.resume()
    loops.start()
    return { url, models: files, keyless, gpu, close }
  } catch (error) {
    // What made the start fail is what an operator must know; that an end failed too follows from it.
    await close().catch(() => {})
    throw error
  }
}

/** Brings an adapter named at start. It goes live only where nothing of its name is, so that a restart never undoes a promote. */
async function serveAdapter (adapters: Adapters, given: string): Promise<void> {
  const [, name, source] = /^([^=]+)=(.+)$/s.exec(given) ?? []
  if (name === undefined || source === undefined) throw new StartError(`--adapter is '${given}', but must be NAME=SOURCE, as house=./house.gguf.`)
  try {
    const { version } = await adapters.add({ name, base: null, content: /^[a-z]+:/.test(source) ? source : `file:${source}` }, 'cli')
    if (adapters.find(name)?.live === null) await adapters.promote(name, version.version, 'cli')
  } catch (error) {
    throw error instanceof PublicError ? new StartError(`--adapter ${given}: ${error.message}`, { cause: error }) : error
  }
}

/**
 * The bytes that a reference names. What had to be downloaded lies in a folder
 * of its own, which is removed when the bytes have been read; a source that
 * sends more than `limit` is cut off there.
 */
async function fetchAdapter (models: Models, reference: string, folder: string, limit: number): Promise<{ bytes: AsyncIterable<Uint8Array> }> {
  const own = join(folder, randomUUID())
  const discard = (): Promise<void> => rm(own, { recursive: true, force: true })
  const oversize = new AbortController()
  try {
    const { path } = await models.fetch(reference, own, {
      signal: oversize.signal,
      progress: ({ received, total }) => { if (Math.max(received, total ?? 0) > limit) oversize.abort(problem('adapter_too_large', { limit })) }
    })
    async function * bytes (): AsyncGenerator<Uint8Array> {
      try {
        yield * createReadStream(path)
      } finally {
        await discard()
      }
    }
    return { bytes: bytes() }
  } catch (cause) {
    await discard()
    throw cause instanceof ModelError ? problem('source_failed', { detail: cause.message }, { param: 'source', cause }) : cause
  }
}

/** How a base is loaded under these settings. */
export function engineOptions (config: Config, file: ModelFile, threads: ThreadBudget): Omit<LlamaEngineOptions, 'log'> {
  const { gpu, gpuLayers, slots, context, batch, kvType, flashAttention } = config
  return { name: file.name, threads, residents: config.residentAdapters, native: { path: file.path, gpu, gpuLayers, slots, context, batch, kvType, flashAttention } }
}

/** Copies of the database that lie beside it, by their names: from before an upgrade or a restore. They hold what was there then. */
async function copiesBeside (path: string): Promise<string[]> {
  return (await readdir(dirname(path))).filter(name => name.startsWith(`${basename(path)}.before-`) || name.startsWith(`${basename(path)}.replaced-`)).sort()
}

/** Bytes of all files below a folder, as far as they can be read. */
export async function diskUse (dir: string): Promise<number> {
  const entries = await readdir(dir, { withFileTypes: true }).catch(pass)
  const sizes = await Promise.all(entries?.map(async entry => {
    const path = join(dir, entry.name)
    if (entry.isDirectory()) return await diskUse(path)
    return entry.isFile() ? (await stat(path).catch(pass))?.size ?? 0 : 0
  }) ?? [])
  return sizes.reduce((sum, size) => sum + size, 0)
}

/** Null for what is another user's or vanished just now. */
function pass (error: NodeJS.ErrnoException): null {
  if (error.code !== undefined && ['ENOENT', 'EACCES', 'EPERM'].includes(error.code)) return null
  throw error
}

function noKey ({ host, requireKey }: Config): string {
  const reason = requireKey ? '--require-key asks for one' : `${isIP(host) === 0 ? host : `the address ${host}`} can be reached from other machines`
  return `Every request will need an API key, because ${reason}, and there is none yet. Make one with 'engraft keys create --name first --scope chat --scope admin', or give one in ENGRAFT_BOOTSTRAP_KEY (at least 32 characters).`
}

/** Names are how callers choose: two models of one name would hide one of them. */
function refuseTwins (files: readonly ModelFile[]): void {
  const twin = files.find((file, i) => files.findIndex(other => other.name === file.name) !== i)
  if (twin !== undefined) throw new StartError(`Two models would both be called '${twin.name}': give one of them another name (--model other=${twin.path}).`)
}
