import { readdir, readFile, stat } from 'node:fs/promises'
import { isIP } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { FastifyInstance } from 'fastify'
import { listAudit } from './access/audit.ts'
import { openKeys } from './access/keys.ts'
import { openLimits } from './access/limits.ts'
import { createAnswer } from './chat/answer.ts'
import { needsKey, type Config } from './config.ts'
import { openDatabase } from './database/open.ts'
import { Bases } from './inference/bases.ts'
import { LlamaEngine, type LlamaEngineOptions } from './inference/llama/engine.ts'
import { ThreadBudget } from './inference/threads.ts'
import type { ModelFile, Models } from './models/models.ts'
import { buildApp } from './server/app.ts'

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
  readonly progress: Parameters<Models['resolve']>[1]
  /** The operator's own key (ENGRAFT_BOOTSTRAP_KEY), if any. */
  readonly bootstrapKey: string | null
  readonly log: NodeJS.WritableStream
  /** Called when the server cannot go on: the process should end, non-zero. */
  readonly onFatal: (error: Error) => void
}

/** Something an operator must change before the server can start. */
export class StartError extends Error { override readonly name = 'StartError' }

export const migrationsDir = fileURLToPath(new URL('../migrations', import.meta.url))

export function databasePath (config: Config): string { return join(config.data, 'engraft.db') }

export async function version (): Promise<string> {
  return (JSON.parse(await readFile(new URL('../package.json', import.meta.url), 'utf8')) as { version: string }).version
}

/** Composes and starts the whole server: database, keys, models, engines, routes. Resolves when the default model is loaded. */
export async function serve (config: Config, { models, progress, bootstrapKey, log, onFatal }: Surroundings): Promise<Running> {
  const closing: (() => Promise<void>)[] = []
  const close = async (): Promise<void> => { for (const end of closing.splice(0).reverse()) await end() }
  try {
    const database = await openDatabase({ path: databasePath(config), migrationsDir, onDeath: onFatal })
    closing.push(() => database.close())
    const keys = openKeys(database)
    if (bootstrapKey !== null) await keys.ensureBootstrap(bootstrapKey)
    const keyless = !needsKey(config)
    if (!keyless && !await keys.any()) throw new StartError(noKey(config))
    const limits = await openLimits(database, config)
    closing.push(() => limits.close())

    const files: ModelFile[] = []
    for (const reference of config.model) files.push(await models.resolve(reference, progress))
    refuseTwins(files)
    let app: FastifyInstance | null = null
    let gpu = 'off'
    const threads = new ThreadBudget(config.threads)
    const bases = new Bases(files.map(file => ({
      name: file.name,
      digest: file.sha256,
      sizeBytes: file.size,
      contextSize: Math.min(config.context, file.contextLength),
      engine: new LlamaEngine({
        ...engineOptions(config, file, threads),
        log: (message, fields) => {
          if (typeof fields.gpu === 'string') gpu = fields.gpu
          app?.log.info(fields, message)
        }
      })
    })), { ...config, capacity: config.slots, timeout: config.queueTimeout })
    closing.push(() => bases.close())

    app = await buildApp({
      config,
      version: await version(),
      answer: createAnswer({ ...config, bases, limits }),
      bases,
      verify: bearer => keys.verify(bearer),
      keys,
      audit: page => listAudit(database, page),
      logger: { level: config.logLevel, stream: log }
    })
    const server = app
    closing.push(async () => {
      bases.drain()
      await server.drain(AbortSignal.timeout(config.shutdownTimeout * 1000))
      await server.close()
    })
    const url = await server.listen({ host: config.host, port: config.port })
    await bases.load(files[0]?.name ?? '')
    return { url, models: files, keyless, gpu, close }
  } catch (error) {
    await close()
    throw error
  }
}

/** How a base is loaded under these settings. */
export function engineOptions (config: Config, file: ModelFile, threads: ThreadBudget): Omit<LlamaEngineOptions, 'log'> {
  const { gpu, gpuLayers, slots, context, batch, kvType, flashAttention } = config
  return { name: file.name, threads, residents: config.residentAdapters, native: { path: file.path, gpu, gpuLayers, slots, context, batch, kvType, flashAttention } }
}

/** Bytes of all files below a folder. */
export async function diskUse (dir: string): Promise<number> {
  const entries = await readdir(dir, { recursive: true, withFileTypes: true })
  const sizes = await Promise.all(entries.filter(entry => entry.isFile()).map(async entry => (await stat(join(entry.parentPath, entry.name)).catch(() => null))?.size ?? 0))
  return sizes.reduce((sum, size) => sum + size, 0)
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
