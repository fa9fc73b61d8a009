import { existsSync } from 'node:fs'
import { access, constants, statfs } from 'node:fs/promises'
import { availableParallelism, freemem, totalmem } from 'node:os'
import { dirname } from 'node:path'
import { openKeys } from './access/keys.ts'
import type { Check } from './cli/doctor.ts'
import { megabytes } from './cli/serve.ts'
import { needsKey, type Config } from './config.ts'
import { openDatabase } from './database/open.ts'
import type { Part } from './inference/engine.ts'
import { LlamaEngine } from './inference/llama/engine.ts'
import { ThreadBudget } from './inference/threads.ts'
import type { ModelFile, Models } from './models/models.ts'
import { databasePath, diskUse, engineOptions, loadRemedy, migrationsDir } from './serve.ts'

/** Room that logs, the database and a backup of it want beside the models. */
const spareDisk = 1e9
/** Compute buffers and the process itself, beside weights and cache. */
const spareMemory = 0.3e9

/** What `engraft doctor` looks at, with the parts the server itself is made of. */
export function checks (config: Config, models: Models): Check[] {
  const found: ModelFile[] = []
  return [
    ['Node.js', async () => ({ state: 'ok', words: `${process.version} on ${process.platform} ${process.arch}` })],
    ['data folder', async () => {
      const there = nearest(config.data)
      await access(there, constants.W_OK)
      return { state: 'ok', words: existsSync(config.data) ? `${config.data}, ${megabytes(await diskUse(config.data))} MB` : `${config.data} will be made` }
    }],
    ['disk', async () => {
      const { bavail, bsize } = await statfs(nearest(config.data))
      const free = bavail * bsize
      return free > spareDisk ? { state: 'ok', words: `${megabytes(free)} MB free` } : { state: 'warning', words: `only ${megabytes(free)} MB free`, remedy: 'free some space, or choose another folder with --data' }
    }],
    ['database', async () => {
      if (!existsSync(databasePath(config))) return { state: 'ok', words: 'will be made at the first start' }
      const database = await openDatabase({ path: databasePath(config), migrationsDir, role: 'command' })
      try {
        await database.check()
        const count = (await openKeys(database).list()).filter(key => key.revokedAt === null).length
        return { state: 'ok', words: `every page and index is sound; ${count} API key${count === 1 ? '' : 's'}` }
      } finally {
        await database.close()
      }
    }],
    ['access', async () => needsKey(config)
      ? { state: 'ok', words: `${config.host}:${config.port}, for those who have a key` }
      : { state: 'ok', words: `${config.host}:${config.port}, for programs on this machine, no key needed` }],
    ...config.model.map((reference): Check => [`model ${reference}`, async () => {
      const file = await models.find(reference)
      if (file === null) return { state: 'warning', words: 'not here yet', remedy: `the first start fetches it, or run 'engraft pull ${reference}'` }
      found.push(file)
      return { state: 'ok', words: `${file.path}, ${megabytes(file.size)} MB, sha256 ${file.sha256.slice(0, 12)}…, trained for ${file.contextLength} tokens` }
    }]),
    ['memory', async () => {
      const weights = found.reduce((sum, file) => sum + file.size, 0)
      const words = `${megabytes(freemem())} of ${megabytes(totalmem())} MB free; the models' weights take ${megabytes(weights)} MB and their caches come on top`
      return freemem() > weights + spareMemory ? { state: 'ok', words } : { state: 'warning', words, remedy: 'choose a smaller model, or fewer --slots and less --context' }
    }],
    ['processor', async () => {
      const cores = availableParallelism()
      const words = `${cores} cores, ${config.threads} native thread${config.threads === 1 ? '' : 's'}`
      return config.threads < cores || cores === 1 ? { state: 'ok', words } : { state: 'warning', words, remedy: `leave one core to everything else: --threads ${cores - 1}` }
    }],
    ['engine', async () => {
      const [file] = found
      if (file === undefined) return { state: 'warning', words: 'not tried, because the model is not here' }
      return await tryEngine(config, file)
    }]
  ]
}

/** The whole way once: child process, load, prompt, tokens. */
async function tryEngine (config: Config, file: ModelFile): Promise<Awaited<ReturnType<Check[1]>>> {
  let loaded: Record<string, unknown> = {}
  const engine = new LlamaEngine({
    ...engineOptions(config, file, new ThreadBudget(config.threads)),
    log: (_, message, fields) => { if (message === 'model loaded') loaded = fields }
  })
  try {
    await engine.load()
    const began = performance.now()
    const parts: AsyncIterable<Part> = engine.generate({
      target: { model: file.name, digest: file.sha256, adapters: [] },
      tenant: 'doctor',
      input: { type: 'chat', messages: [{ role: 'user', content: 'Count to ten.' }], tools: null, effort: null },
      grammar: null,
      choices: 1,
      logprobs: null,
      echo: false,
      maxTokens: 16,
      stop: [],
      sampling: { temperature: 0, topP: 1, topK: 40, minP: 0, seed: 0, presencePenalty: 0, frequencyPenalty: 0, logitBias: new Map() }
    }, new AbortController().signal)
    let tokens = 0
    for await (const part of parts) if (part.type === 'done') tokens = part.usage.completionTokens
    const seconds = (performance.now() - began) / 1000
    return { state: 'ok', words: `${loaded.gpu === 'off' ? 'no GPU is used' : `GPU: ${String(loaded.gpu)}`}; loaded in ${Number(loaded.ms) / 1000} s, ${tokens} tokens in ${seconds.toFixed(1)} s` }
  } catch (error) {
    const { detail } = engine.state()
    return { state: 'fault', words: `${file.path} could not be loaded: ${detail ?? String(error)}`, remedy: loadRemedy }
  } finally {
    await engine.close()
  }
}

/** The folder itself, or the nearest one above it that is there. */
function nearest (folder: string): string { return existsSync(folder) ? folder : nearest(dirname(folder)) }
