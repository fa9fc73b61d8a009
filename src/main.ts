import { existsSync } from 'node:fs'
import { constants } from 'node:os'
import closeWithGrace from 'close-with-grace'
import { openKeys, type Keys } from './access/keys.ts'
import { checkAdapter, openBase } from './adapters/check.ts'
import { createBackup } from './backup/create.ts'
import { BackupError } from './backup/error.ts'
import { restoreBackup } from './backup/restore.ts'
import type { Flags } from './cli/actions.ts'
import { addAdapter, checkAdapter as printCheck, listAdapters, pinAdapter, promoteAdapter, removeAdapter, retireAdapter, rollbackAdapter } from './cli/adapters.ts'
import { backup, restore } from './cli/backup.ts'
import { canary } from './cli/canary.ts'
import { chat } from './cli/chat.ts'
import { buildDataset, diffDatasets, listDatasets, previewDataset, showDataset } from './cli/datasets.ts'
import { doctor } from './cli/doctor.ts'
import { exportDataset, type ExportFlags } from './cli/exports.ts'
import { giveFeedback, listFeedback } from './cli/feedback.ts'
import { createKey, listKeys, revokeKey, type CreateFlags } from './cli/keys.ts'
import { lineage } from './cli/lineage.ts'
import { decideLoop, moveLoop, removeLoop, setLoop, showLoop } from './cli/loop.ts'
import { exportMemories, importMemories, listMemories, searchMemories } from './cli/memories.ts'
import { program } from './cli/program.ts'
import { interruptible, pull, showProgress } from './cli/pull.ts'
import { ServerError, type Server } from './cli/server.ts'
import { greeting } from './cli/serve.ts'
import { exportUser, importUser } from './cli/portability.ts'
import { addSchedule, listSchedules, removeSchedule } from './cli/schedules.ts'
import { report } from './cli/report.ts'
import { review } from './cli/reviews.ts'
import { cancelTraining, evaluate, listTraining, setUpTraining, showTraining, train } from './cli/training.ts'
import { eraseUser, forgetMemory, setPolicy, showUser } from './cli/users.ts'
import { ConfigError, parse, type Config } from './config.ts'
import type { Database } from './database/database.ts'
import { DatabaseError } from './database/failure.ts'
import { readMigrations } from './database/migrate.ts'
import { openDatabase } from './database/open.ts'
import { createFiles } from './datasets/exports/ledger.ts'
import { holdFolder, replaceFile } from './database/replace.ts'
import { checks } from './diagnosis.ts'
import { PublicError } from './errors.ts'
import { openTrainerPython } from './learning.ts'
import { ModelError, openModels, sourceSettings, type Models } from './models/models.ts'
import { StartError } from './lifecycle.ts'
import { reapply } from './privacy/erasures.ts'
import { databasePath, diskUse, migrationsDir, serve, tombstonesPath, version } from './serve.ts'

const { env, stdin, stdout, stderr } = process
// Whoever read us has gone (`| head -1`): what we do is finished all the same.
for (const output of [stdout, stderr]) output.on('error', (error: NodeJS.ErrnoException) => { if (error.code !== 'EPIPE') throw error })
const print = (line: string): void => { stdout.write(`${line}\n`) }

/** Ended by Ctrl-C, as shells tell it. */
const interrupted = 130
/** Errors that speak to an operator: shown without a stack. */
const spoken = [BackupError, ConfigError, DatabaseError, ModelError, PublicError, ServerError, StartError]

function modelsOf (config: Config): Models { return openModels({ dir: config.modelsDir, settings: sourceSettings(env) }) }

async function run (flags: Flags): Promise<void> {
  const config = parse(env, flags)
  const display = showProgress(stderr)
  const leaving = new AbortController()
  const starting = serve(config, {
    models: modelsOf(config),
    progress: display.show,
    signal: leaving.signal,
    bootstrapKey: text(env.ENGRAFT_BOOTSTRAP_KEY),
    environment: env,
    log: stderr,
    onFatal: error => { complain(error); process.exit(1) }
  }).finally(display.end)
  // A second signal ends the process at once; so does a shutdown that takes longer than the answers' share plus what closing itself needs. A start that fails ends by itself (beforeExit), with its own code.
  closeWithGrace({ delay: (config.shutdownTimeout + 10) * 1000, logger: false, skip: ['beforeExit'] }, async ({ err, signal }) => {
    if (err !== undefined) complain(err)
    leaving.abort()
    const running = await starting.catch(() => null)
    // As a shell tells it of a process that a signal ended.
    if (running === null && signal !== undefined) process.exit(128 + constants.signals[signal])
    await running?.close().catch(error => { complain(error); throw error })
  })
  try {
    const running = await starting
    print(greeting({ ...running, version: await version(), dataBytes: await diskUse(config.data) }, config))
  } catch (error) {
    if (!leaving.signal.aborted) throw error
    stderr.write('Stopped before it was ready. What arrived of a model is kept for the next start.\n')
  }
}

/** Opens a database beside whatever runs on its folder. */
const openBeside = (path: string): Promise<Database> => openDatabase({ path, migrationsDir, role: 'command' })

async function withKeys (flags: Flags, use: (keys: Keys) => Promise<void>): Promise<void> {
  const config = parse(env, { data: flags.data })
  const database = await openBeside(databasePath(config))
  try {
    await use(openKeys(database))
  } finally {
    await database.close()
  }
}

function complain (error: unknown): void {
  const known = spoken.some(kind => error instanceof kind)
  // Callers are sent to the log for the cause; here is who reads the log.
  const cause = error instanceof PublicError && error.status >= 500 && error.cause instanceof Error ? ` (${error.cause.message})` : ''
  stderr.write(`${error instanceof Error ? known ? error.message : error.stack : String(error)}${cause}\n`)
  if (error instanceof AggregateError) error.errors.forEach(complain)
}

const text = (value: unknown): string | null => typeof value === 'string' && value !== '' ? value : null

/** Which server a command talks to. */
const serverOf = (flags: Flags): Server => ({ url: text(flags.url) ?? text(env.ENGRAFT_URL) ?? 'http://127.0.0.1:8080', key: text(flags.key) ?? text(env.ENGRAFT_KEY), user: text(flags.user) })

/** Checks a file against the first model as the server would, up to the trial load. */
async function check (file: string, flags: Flags): Promise<void> {
  const config = parse(env, flags)
  const display = showProgress(stderr)
  const model = await interruptible(signal => modelsOf(config).resolve(config.model[0] ?? '', { signal, progress: display.show })).finally(display.end)
  if (model === null) {
    process.exitCode = interrupted
    return
  }
  const { name, path, sha256 } = model
  const base = await openBase({ name, path, digest: sha256 })
  await printCheck(file, async file => ({ base: name, ...await checkAdapter(file, base) }), print)
}

async function backUp (target: string, flags: Flags): Promise<void> {
  const config = parse(env, { data: flags.data })
  const path = databasePath(config)
  if (!existsSync(path)) throw new BackupError('nothing_here', `There is no database in ${config.data}. Name the folder of one with --data.`)
  const database = await openBeside(path)
  try {
    await unlessInterrupted(signal => backup(target, async () => await createBackup({ database, open: openBeside, data: config.data, target, engraft: await version() }, signal), print))
  } finally {
    await database.close()
  }
}

async function bringBack (source: string, flags: Flags): Promise<void> {
  const config = parse(env, { data: flags.data })
  const { data } = config
  const schema = readMigrations(migrationsDir).length
  await unlessInterrupted(signal => restore(data, () => restoreBackup({ source, data, replace: flags.replace === true, schema, open: openBeside, hold: holdFolder, put: replaceFile, reapply: async database => await reapply(database, tombstonesPath(config), createFiles(database)) }, signal), print))
}

async function unlessInterrupted (work: (signal: AbortSignal) => Promise<void>): Promise<void> {
  if (await interruptible(async signal => { await work(signal); return true }) === null) process.exitCode = interrupted
}

/** Ends with the code that a command resolves to; null: Ctrl-C ended it. */
async function exiting (code: Promise<number | null>): Promise<void> { process.exitCode = await code ?? interrupted }

const engraft = program({
  serve: run,
  pull: async (reference, flags) => {
    if (await pull(reference, modelsOf(parse(env, flags)), stderr) === null) process.exitCode = interrupted
  },
  keysCreate: flags => withKeys(flags, keys => createKey(keys, { scope: ['chat', 'memory', 'feedback'], ...flags } as unknown as CreateFlags, print)),
  keysList: flags => withKeys(flags, keys => listKeys(keys, flags, print)),
  keysRevoke: (id, flags) => withKeys(flags, keys => revokeKey(keys, id, print)),
  adaptersAdd: (name, what, flags) => addAdapter(serverOf(flags), name, what, flags, print, stderr),
  adaptersList: flags => listAdapters(serverOf(flags), print),
  adaptersPromote: (name, version, flags) => promoteAdapter(serverOf(flags), name, version, print),
  adaptersCanary: (name, candidate, flags) => canary(serverOf(flags), name, candidate, flags, print),
  adaptersRollback: (name, flags) => rollbackAdapter(serverOf(flags), name, print),
  adaptersRetire: (name, flags) => retireAdapter(serverOf(flags), name, print),
  adaptersPin: (name, flags) => pinAdapter(serverOf(flags), name, flags, print),
  adaptersRemove: (reference, flags) => removeAdapter(serverOf(flags), reference, print),
  adaptersCheck: check,
  memoriesList: flags => listMemories(serverOf(flags), flags, print),
  memoriesSearch: (query, flags) => searchMemories(serverOf(flags), query, flags, print),
  memoriesImport: (file, flags) => importMemories(serverOf(flags), file, flags, stdin, print),
  memoriesExport: flags => exportMemories(serverOf(flags), flags, print),
  memoriesForget: (id, flags) => forgetMemory(serverOf(flags), id, print),
  feedbackGive: (completion, flags) => giveFeedback(serverOf(flags), completion, flags, print),
  feedbackList: flags => listFeedback(serverOf(flags), flags, print),
  exportDataset: async (dataset, flags) => {
    if (!await exportDataset(serverOf(flags), dataset, flags as unknown as ExportFlags, stderr)) process.exitCode = interrupted
  },
  datasetsBuild: (name, flags) => buildDataset(serverOf(flags), name, flags, print, stderr),
  datasetsPreview: (name, flags) => previewDataset(serverOf(flags), name, flags, print),
  datasetsList: flags => listDatasets(serverOf(flags), flags, print),
  datasetsShow: (dataset, flags) => showDataset(serverOf(flags), dataset, flags, print),
  datasetsDiff: (dataset, against, flags) => diffDatasets(serverOf(flags), dataset, against, print),
  datasetsReview: (completion, flags) => review(serverOf(flags), completion, flags, print),
  datasetsScheduleAdd: (dataset, flags) => addSchedule(serverOf(flags), dataset, flags, print),
  datasetsScheduleList: flags => listSchedules(serverOf(flags), print),
  datasetsScheduleRemove: (id, flags) => removeSchedule(serverOf(flags), id, print),
  train: (name, flags) => exiting(flags.setup === true ? setUpTraining(openTrainerPython(parse(env, flags), env, () => {}).setUp, print) : train(serverOf(flags), name, flags, print, stderr)),
  evaluate: (candidate, flags) => exiting(evaluate(serverOf(flags), candidate, flags, print, stderr)),
  report: (run, flags) => report(serverOf(flags), run, flags, print),
  trainingList: flags => listTraining(serverOf(flags), flags, print),
  trainingShow: (run, flags) => exiting(showTraining(serverOf(flags), run, flags, print, stderr)),
  trainingCancel: (run, flags) => cancelTraining(serverOf(flags), run, print),
  loopShow: (name, flags) => showLoop(serverOf(flags), name, print),
  loopSet: (name, flags) => setLoop(serverOf(flags), name, flags, print),
  loopMove: (move, name, flags) => moveLoop(serverOf(flags), name, move, print),
  loopDecide: (name, decision, flags) => decideLoop(serverOf(flags), name, decision, print),
  loopRemove: (name, flags) => removeLoop(serverOf(flags), name, print),
  lineage: (what, flags) => lineage(serverOf(flags), what, flags, print),
  usersShow: (user, flags) => showUser(serverOf(flags), user, print),
  usersPolicy: (user, flags) => setPolicy(serverOf(flags), user, flags, print),
  usersErase: (user, flags) => eraseUser(serverOf(flags), user, flags, print),
  usersExport: (user, flags) => exportUser(serverOf(flags), user, stdout),
  usersImport: (user, file, flags) => importUser(serverOf(flags), user, file, print),
  chat: flags => chat({
    ...serverOf(flags),
    model: text(flags.model),
    system: text(flags.system)
  }, stdin, stdout),
  backup: backUp,
  restore: bringBack,
  doctor: async flags => {
    const config = parse(env, flags)
    if (!await doctor(checks(config, modelsOf(config)), stdout)) process.exitCode = 1
  }
}, await version())

try {
  await engraft.parseAsync()
} catch (error) {
  complain(error)
  process.exitCode = 1
}
