import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { totalmem } from 'node:os'
import { join } from 'node:path'
import type { Adapters } from './adapters/adapters.ts'
import type { Config } from './config.ts'
import type { Database } from './database/database.ts'
import type { Datasets } from './datasets/datasets.ts'
import { problem } from './errors.ts'
import { readGguf } from './gguf/reader.ts'
import type { Bases } from './inference/bases.ts'
import { holding } from './models/lock.ts'
import type { ModelFile } from './models/models.ts'
import { compile } from './training/evaluation/checks.ts'
import { type OpenTraining, openTraining } from './training/open.ts'
import { createPerform } from './training/perform.ts'
import { estimateOf } from './training/prepare/estimate.ts'
import { replayed } from './training/prepare/general.ts'
import { checkHyper, readingOf } from './training/prepare/hyper.ts'
import { type Prepared, prepare } from './training/prepare/prepare.ts'
import { checkArchitecture } from './training/python/architectures.ts'
import { openCommandTrainer } from './training/python/command.ts'
import { openLocalTrainer } from './training/python/local.ts'
import { trainerFolder } from './training/python/package.ts'
import { checkResult } from './training/python/result.ts'
import { openPython, type Python } from './training/python/setup.ts'
import { openTorch } from './training/python/torch.ts'
import type { Served } from './training/served.ts'
import { openServed } from './training/serving.ts'
import { find, pace, rates, trainedAs } from './training/store.ts'
import type { Estimate, Wanted } from './training/training.ts'

type Log = (level: 'info' | 'error', message: string, fields: Readonly<Record<string, unknown>>) => void

export interface LearningParts {
  readonly config: Config
  readonly version: string
  readonly database: Database
  readonly datasets: Datasets
  readonly adapters: Pick<Adapters, 'add' | 'find' | 'lease'>
  readonly bases: Pick<Bases, 'lease' | 'list'>
  readonly files: readonly ModelFile[]
  readonly environment: NodeJS.ProcessEnv
  readonly log: Log
}

/** Of the machine's memory: what serves needs some too. */
const memoryShare = 0.6
const megabyte = 1024 * 1024
/** Seconds that evaluating a held-out row takes where none was evaluated yet: three answers of 60 tokens at 90 tokens a second, and reading them. */
const secondsPerRow = 2.5
/** Seconds of loading the base in PyTorch for the two comparisons with the engine, beside the training (trainer notes, §12). */
const comparing = 40
/** Tokens of a general request with the base's answer: 15 and at most 96. */
const replayedTokens = 100
/** Tokens a second times weights, of one thread (trainer notes, §8: 182 with 135M): for an estimate where there is no Python yet to try it with. */
const usualSpeed = 182 * 135e6

/** The Python that trains, in the data folder unless the operator names one. */
export function openTrainerPython (config: Pick<Config, 'data' | 'python' | 'gpu'>, environment: NodeJS.ProcessEnv, log: Log): Python {
  return openPython({
    folder: join(config.data, 'python'),
    given: config.python === '' ? null : config.python,
    gpu: config.gpu === 'cuda',
    environment,
    lock: holding,
    log: (message, fields) => log('info', message, fields)
  })
}

/** Opens what makes the next adapter of what was said. */
export async function openLearning ({ config, version, database, datasets, adapters, bases, files, environment, log }: LearningParts): Promise<OpenTraining> {
  const folder = join(config.data, 'training')
  const python = openTrainerPython(config, environment, log)
  const program = { python, environment, threads: config.threads }
  const torch = openTorch(program)
  const settings = {
    bases: join(folder, 'bases'),
    threads: config.threads,
    rssMb: Math.floor(config.trainMemory === 0 ? totalmem() / megabyte * memoryShare : config.trainMemory)
  }
  const fileOf = (base: string | null): ModelFile => {
    const file = base === null ? files[0] : files.find(({ name }) => name === base)
    if (file === undefined) throw problem('model_not_found', { model: base ?? '' }, { param: 'base' })
    return file
  }
  const serve = (base: string | null, tenant: string): Served & { release (): void } => openServed({ bases, name: fileOf(base).name, path: fileOf(base).path, tenant })
  const folderOf = (run: string): string => join(folder, run)

  /** How long it takes, from what past runs on the base took. */
  async function estimated (prepared: Prepared, { hyper }: Pick<Wanted, 'hyper'>, held: number, served: Served, signal: AbortSignal): Promise<Estimate> {
    const past = (await rates(database, served.digest)).map(past => ({ baseDigest: served.digest, ...past }))
    const { method, counts, tokens, longest } = prepared
    const parameters = await parametersOf(served.path)
    const doctor = past.length > 0 ? 0 : await python.ready() === null ? usualSpeed / parameters : (await torch.doctor(served.path, signal)).trainRate
    const evaluation = { written: held, writeRate: 1 / (await pace(database, served.digest) ?? secondsPerRow), read: comparing, readRate: 1 }
    return estimateOf({ method, hyper, rows: counts, tokens, longest, parameters, evaluation }, doctor, served.digest, past)
  }

  const perform = createPerform({
    ...settings,
    datasets,
    adapters,
    serve,
    trainer: config.trainCommand === '' ? openLocalTrainer(program) : openCommandTrainer(config.trainCommand, environment),
    torch,
    setUp: async (progress, signal) => await python.setUp(progress, signal),
    checkResult: async (out, expected) => await checkResult(out, { ...expected, limit: config.adapterLimit }),
    estimateOf: async (prepared, run, held, served, signal) => await estimated(prepared, run.wanted, held, served, signal),
    trainedAs: async digest => {
      const run = await trainedAs(database, digest)
      return run === null ? null : { run, folder: folderOf(run.id) }
    },
    folderOf,
    licenceOf: base => fileOf(base).licence,
    versions: { engraft: version, torch: await torchVersion() }
  })

  return openTraining({
    database,
    datasets,
    folder,
    perform,
    baseOf: base => fileOf(base).sha256,
    async estimate (wanted, aside, signal) {
      const served = serve(wanted.base, wanted.tenant)
      try {
        // Without what the base is held to: it would be asked for that first, which takes minutes.
        const rows = await prepare({ ...settings, id: 'estimate', wanted: { hyper: { ...wanted.hyper, kl: 0 } }, method: wanted.method, served, rows: split => datasets.rows(wanted.dataset, split), folder: aside, qk: 'plain', parentPeft: null }, () => {}, signal)
        const replay = readingOf(wanted.hyper, rows.method, rows.counts.train).kl > 0 ? replayed.length : 0
        const { manifest } = await datasets.find(wanted.dataset)
        return await estimated({ ...rows, counts: { ...rows.counts, replay }, tokens: { ...rows.tokens, replay: replay * replayedTokens } }, wanted, manifest?.counts.test.rows ?? 0, served, signal)
      } finally {
        served.release()
      }
    },
    async check ({ base, checks, hyper, method, name, parent, candidate, judge }) {
      const file = fileOf(base)
      if (judge !== null) fileOf(judge)
      compile(checks)
      checkHyper(hyper, method)
      if (candidate !== null) {
        const lease = adapters.lease(candidate, null)
        if (lease === null) throw problem('adapter_not_found', { adapter: candidate }, { param: 'candidate' })
        lease.release()
        return
      }
      const taken = files.some(({ name: other }) => other === name)
      if (taken) throw problem('name_taken', { name }, { param: 'name' })
      const found = adapters.find(name)
      if (found !== null && found.base !== file.name) throw problem('invalid_request', { detail: `'${name}' is an adapter of the base '${found.base}', so it cannot get a version on '${file.name}': choose another name.` }, { param: 'name' })
      if ((method === 'dpo') !== (parent !== null)) throw problem('invalid_request', { detail: 'dpo goes on from the adapter of an sft run, which `parent` names; the other methods begin at the base.' }, { param: 'parent' })
      if (parent !== null) {
        const { method, ended } = await find(database, parent)
        if (method !== 'sft') throw problem('invalid_request', { detail: `${parent} is no sft run.` }, { param: 'parent' })
        if (ended !== null && !existsSync(join(folderOf(parent), 'out', 'peft'))) throw problem('invalid_request', { detail: `the weights of ${parent} are not kept any more: train them again.` }, { param: 'parent' })
      }
      await checkArchitecture(file.path)
      await python.check()
    },
    log: (message, fields) => log('error', message, fields)
  })
}

/** How many weights a model has. */
async function parametersOf (path: string): Promise<number> {
  const { tensors } = await readGguf(path)
  return tensors.reduce((sum, { shape }) => sum + shape.reduce((product, extent) => product * Number(extent), 1), 0)
}

async function torchVersion (): Promise<string> {
  return /^torch==(.+)$/m.exec(await readFile(join(trainerFolder, 'requirements.txt'), 'utf8'))?.[1] ?? 'unknown'
}
