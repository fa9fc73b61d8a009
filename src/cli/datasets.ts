import { setTimeout as sleep } from 'node:timers/promises'
import { SingleBar } from 'cli-progress'
import { benchmarkIn } from './benchmarks.ts'
import type { Print } from './keys.ts'
import type { Output } from './progress.ts'
import { type Server, ServerError, ask } from './server.ts'
import { table } from './table.ts'

interface Dataset {
  readonly id: string
  readonly tenant: string
  readonly name: string
  readonly version: number
  readonly created_at: string
  readonly state: 'building' | 'ready' | 'failed'
  readonly failure: { readonly code: string, readonly message: string } | null
  readonly sha256: string | null
  readonly erased: number
  readonly rows: { readonly train: number, readonly valid: number, readonly test: number } | null
}
interface Detail extends Dataset {
  readonly progress: { readonly step: string, readonly done: number, readonly total: number | null } | null
  readonly card: string
}
interface Step { readonly name: string, readonly in: number, readonly dropped: Readonly<Record<string, number>>, readonly changed: Readonly<Record<string, number>> }
interface Preview { readonly manifest: { readonly steps: readonly Step[], readonly counts: Readonly<Record<string, { readonly rows: number, readonly people: number }>> }, readonly examples: readonly { readonly step: string, readonly reason: string, readonly completions: readonly string[] }[] }

/** The flags of `engraft datasets build` and `preview`: per filter what is set of it, as NAME.SETTING=VALUE or NAME=off, and files of benchmarks. */
export interface BuildFlags { readonly tenant?: string, readonly set?: readonly string[], readonly benchmark?: readonly string[] }

/** Often enough for a bar, and nothing beside a build. */
const askEvery = 500

/** Builds the next version and waits for it, with a bar on a terminal; prints its card. Throws `ServerError` where it was not built. */
export async function buildDataset (server: Server, name: string, flags: BuildFlags, print: Print, output: Output): Promise<void> {
  const bar = new SingleBar({ format: '{step} {bar} {value}/{total}', stream: output, hideCursor: true, clearOnComplete: true, noTTYOutput: false, gracefulExit: false })
  let { body: dataset } = await ask<Detail>(server, 'POST', '/admin/datasets', { name, ...await wanted(flags, print) })
  bar.start(1, 0, { step: 'begins' })
  try {
    while (dataset.state === 'building') {
      await sleep(askEvery)
      dataset = await read(server, dataset.id)
      const { step = 'waits', done = 0, total = null } = dataset.progress ?? {}
      bar.setTotal(total ?? Math.max(done, 1))
      bar.update(done, { step })
    }
  } finally {
    bar.stop()
  }
  if (dataset.failure !== null) throw new ServerError(dataset.failure.message)
  print(dataset.card)
}

/** Prints what a build would hold, what it would drop, and the first answers of each reason. */
export async function previewDataset (server: Server, name: string, flags: BuildFlags, print: Print): Promise<void> {
  const { body: { manifest, examples } } = await ask<Preview>(server, 'POST', '/admin/datasets/preview', { name, ...await wanted(flags, print) })
  for (const line of table([['STEP', 'IN', 'DROPPED', 'CHANGED'], ...manifest.steps.map(({ name, in: before, dropped, changed }) => [name, before, sum(dropped), sum(changed)].map(String))])) print(line)
  for (const { step, reason, completions } of examples) print(`${step}: ${reason}, as ${completions.join(', ')}`)
  print(Object.entries(manifest.counts).map(([split, { rows, people }]) => `${split}: ${rows} rows of ${people} people`).join('; '))
}

/** Prints one aligned line a version, the newest first. */
export async function listDatasets (server: Server, { tenant }: { readonly tenant?: string }, print: Print): Promise<void> {
  const { body: { data } } = await ask<{ data: readonly Dataset[] }>(server, 'GET', `/admin/datasets${tenant === undefined ? '' : `?${new URLSearchParams({ tenant })}`}`)
  if (data.length === 0) return print("There is no data set yet: 'engraft datasets build NAME' makes one.")
  const cells = ({ id, name, version, tenant, created_at: at, state, rows, erased }: Dataset): string[] =>
    [id, `${name}@${version}`, tenant, at.slice(0, 16).replace('T', ' '), state, rows === null ? '-' : `${rows.train}/${rows.valid}/${rows.test}`, String(erased)]
  for (const line of table([['ID', 'NAME', 'TENANT', 'BUILT', 'STATE', 'TRAIN/VALID/TEST', 'ERASED'], ...data.map(cells)])) print(line)
}

/** Prints a version's card, or its manifest as JSON. */
export async function showDataset (server: Server, dataset: string, { json }: { readonly json?: boolean }, print: Print): Promise<void> {
  const detail = await read(server, await idOf(server, dataset))
  print(json === true ? JSON.stringify(detail, null, 2) : detail.card)
}

/** Prints how a version differs from another. */
export async function diffDatasets (server: Server, dataset: string, against: string, print: Print): Promise<void> {
  const [id, other] = [await idOf(server, dataset), await idOf(server, against)]
  print((await ask<{ text: string }>(server, 'GET', `/admin/datasets/${id}/diff?${new URLSearchParams({ against: other })}`)).body.text)
}

async function read (server: Server, id: string): Promise<Detail> { return (await ask<Detail>(server, 'GET', `/admin/datasets/${encodeURIComponent(id)}`)).body }

/** The id of a version that is named by it, by NAME@VERSION, or by a name alone: its newest, or where `ready` is asked for, the newest that is. */
export async function idOf (server: Server, dataset: string, { tenant, ready = false }: { readonly tenant?: string | undefined, readonly ready?: boolean } = {}): Promise<string> {
  if (/^ds_[0-9a-f]{24}$/.test(dataset)) return dataset
  const { body: { data } } = await ask<{ data: readonly Dataset[] }>(server, 'GET', `/admin/datasets${tenant === undefined ? '' : `?${new URLSearchParams({ tenant })}`}`)
  const found = data.filter(({ name, version, state }) => `${name}@${version}` === dataset || (name === dataset && (!ready || state === 'ready')))
  const [newest] = found
  if (newest === undefined) throw new ServerError(`There is no ${ready ? 'ready version of a ' : ''}data set '${dataset}': 'engraft datasets list' shows them.`)
  if (found.some(({ tenant }) => tenant !== newest.tenant)) throw new ServerError(`Several tenants have a data set '${dataset}': give its id, as 'engraft datasets list' shows it.`)
  return newest.id
}

async function wanted ({ tenant, set = [], benchmark = [] }: BuildFlags, print: Print): Promise<object> {
  const filters: Record<string, Record<string, unknown>> = {}
  for (const given of set) {
    const [, filter, setting, value] = /^([\w-]+)(?:\.(\w+))?=(.+)$/s.exec(given) ?? []
    if (filter === undefined || value === undefined || (setting === undefined && value !== 'off')) throw new ServerError(`--set is '${given}', but must be FILTER.SETTING=VALUE, as cap.share=0.02, or FILTER=off.`)
    filters[filter] = { ...filters[filter], [setting ?? 'off']: setting === undefined ? true : valueOf(value) }
  }
  if (benchmark.length === 0) return { ...tenant !== undefined && { tenant }, filters }
  if (filters[decontaminating]?.off === true) throw new ServerError(`--benchmark says what is not to be learnt, and --set ${decontaminating}=off lets it be learnt: leave one of them out.`)
  const benchmarks: Record<string, unknown> = { ...filters[decontaminating]?.benchmarks as object }
  for (const file of benchmark) {
    const { name, texts } = await benchmarkIn(file)
    if (Object.hasOwn(benchmarks, name)) throw new ServerError(`Two benchmarks are named '${name}': rename one of the files.`)
    benchmarks[name] = texts
    print(`${file}: ${texts.length} texts of '${name}' are not to be learnt.`)
  }
  return { ...tenant !== undefined && { tenant }, filters: { ...filters, [decontaminating]: { ...filters[decontaminating], benchmarks } } }
}

/** The filter that knows benchmarks. */
const decontaminating = 'decontamination'

/** JSON where it is some, otherwise the text itself. */
export function valueOf (text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

function sum (counts: Readonly<Record<string, number>>): number { return Object.values(counts).reduce((total, count) => total + count, 0) }
