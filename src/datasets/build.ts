import type { Drift, Manifest, Preview, Progress, Slices, Split, Step, Version, Wanted } from './datasets.ts'
import { movedOf } from './drift.ts'
import { clearing, filtersOf } from './filters.ts'
import { consent, gather, horizonOf, keyOf } from './gather.ts'
import { type Breathe, curate, Tally } from './pipeline.ts'
import { problem, PublicError } from '../errors.ts'
import type { Row } from './row.ts'
import { bodyOf, digestOf, nameOf, rowsOf, sha256Of } from './rows.ts'
import { Census, Slicer } from './slices.ts'
import type { Pile, Spill } from './spill.ts'
import { type Person, sidesOf, splitOf, testShare, validFromOf, validShare } from './split.ts'
import { finish, type Listed, placing, type Placed, previous, type Reading, sides, type Writing } from './store.ts'
import { otherTopic, Topics } from './topics.ts'

export interface BuildParts {
  readonly database: Reading & Writing
  readonly spill: Spill
  /** Engraft's version. */
  readonly code: string
  /** Waited for between some rows and the next, so that who answers goes first. */
  readonly gate: () => Promise<void>
  readonly progress: (progress: Progress) => void
}

/** Characters of rows that are committed together: some milliseconds for each thread that they pass through. */
const committed = 256 * 1024

/** Rows after all filters, with where they belong. */
interface Sorted {
  readonly pile: Pile
  readonly people: readonly Person[]
  readonly sides: ReadonlyMap<number, boolean>
  readonly validFrom: number | null
  readonly steps: readonly Step[]
  readonly tallies: readonly Tally[]
}

/** Builds a version under the id it was begun with. Resolves to false where what it is made of changed meanwhile. Throws `dataset_empty` and `dataset_leaks`. */
export async function build (parts: BuildParts, version: Version, wanted: Wanted): Promise<boolean> {
  const { database } = parts
  const breathe = breathing(parts)
  const horizon = await horizonOf(database)
  const sorted = await sort(parts, wanted, horizon, breathe)
  if (sorted.pile.count === 0) throw problem('dataset_empty', { dataset: nameOf(version) })

  const listed: Listed[] = []
  let waiting: Placed[] = []
  let size = 0
  const commit = async (): Promise<void> => {
    if (waiting.length > 0) await database.commit(placing(version.id, waiting))
    waiting = []
    size = 0
  }
  const { manifest, leaks } = await count(parts, wanted, horizon, sorted, breathe, async (row, split) => {
    const body = bodyOf(row)
    const sha256 = sha256Of(body)
    waiting.push({ row, position: listed.length, body, sha256, split })
    listed.push([row.id, sha256, split])
    size += body.length
    if (size >= committed) await commit()
  })
  await commit()
  if (leaks.people + leaks.copies > 0) throw problem('dataset_leaks', { dataset: nameOf(version), ...leaks })

  const text = JSON.stringify(manifest)
  const list = JSON.stringify(listed)
  return await finish(database, version, { manifest: text, listed: list, sha256: digestOf(text, list), drift: await driftOf(parts, version, sorted, breathe), sides: sorted.sides })
}

/** What `build` would make, and nothing of it kept. */
export async function preview (parts: BuildParts, wanted: Wanted): Promise<Preview> {
  const breathe = breathing(parts)
  const horizon = await horizonOf(parts.database)
  const sorted = await sort(parts, wanted, horizon, breathe)
  const { manifest, leaks } = await count(parts, wanted, horizon, sorted, breathe, async () => {})
  return { manifest: { ...manifest, split: { ...manifest.split, leaks: leaks.people + leaks.copies } }, examples: sorted.tallies.flatMap(tally => tally.examples()) }
}

/** Gathers the rows, leads them through the filters, decides who is held out, and drops what is too near to a test row. */
async function sort ({ database, spill }: BuildParts, wanted: Wanted, horizon: Manifest['evidence'], breathe: Breathe): Promise<Sorted> {
  const evidence = new Tally({ name: 'evidence', about: 'Makes rows of what people and reviewers said of answers, where it may be learnt from.', settings: {} })
  const filters = filtersOf(wanted.filters, await keyOf(database, wanted.tenant, 'redaction'))
  const curated = await curate(gather(database, wanted.tenant, horizon, evidence), filters, () => spill.pile(), breathe)
  const held = sidesOf(surveyed(curated.pile).people, await sides(database, wanted), wanted.name)
  const apart = clearing(wanted.filters, ({ owner }) => held.get(owner) === true)
  const clean = await curate(curated.pile.rows(), apart === null ? [] : [apart], () => spill.pile(), breathe)
  curated.pile.remove()
  const { people, answered } = surveyed(clean.pile)
  return {
    pile: clean.pile,
    people,
    sides: held,
    validFrom: validFromOf(answered.flatMap(({ owner, at }) => held.get(owner) === true ? [] : [at])),
    steps: [evidence.step(), ...curated.steps, ...clean.steps],
    tallies: [evidence, ...curated.tallies, ...clean.tallies]
  }
}

/** The manifest; `each` is told every row in order. */
async function count ({ code }: BuildParts, { tenant, name }: Wanted, evidence: Manifest['evidence'], { pile, people, sides, validFrom, steps }: Sorted, breathe: Breathe, each: (row: Row, split: Split) => Promise<void>) {
  const topics = new Topics()
  // Looks again at what is to be written, whether or not it was switched off before.
  const guard = clearing({}, ({ owner }) => sides.get(owner) === true)
  for (const rows of pile.rows()) {
    for (const row of rows) {
      topics.look(row)
      guard?.look?.(row)
    }
    await breathe('topics', 0, null)
  }
  const slicer = new Slicer(topics.names(), new Map(people.map(({ owner, first }) => [owner, first])))
  const census = new Census()
  let copies = 0
  let done = 0
  for (const rows of pile.rows()) {
    for (const row of rows) {
      const split = splitOf(row, sides, validFrom)
      census.add(row, split)
      slicer.add(row)
      if (guard !== null && 'drop' in guard.judge(row)) copies++
      await each(row, split)
    }
    await breathe('writing', done += rows.length, pile.count)
  }
  const manifest: Manifest = {
    format: 'engraft-dataset-1',
    tenant,
    name,
    code,
    evidence,
    consent,
    steps,
    split: { testShare, validShare, validFrom, leaks: 0 },
    counts: census.counts(),
    slices: slicer.slices()
  }
  return { manifest, leaks: { people: census.shared(), copies } }
}

/** Compares what was built with the version before; null: there is none that can be read. */
async function driftOf ({ database }: BuildParts, version: Version, { pile }: Sorted, breathe: Breathe): Promise<Drift | null> {
  const before = await previous(database, version, version.version)
  if (before === null) return null
  try {
    return await drift(database, before, pile.rows(), breathe)
  } catch (error) {
    // What is wrong with an old version is said to whoever reads it, and stops no new one.
    if (error instanceof PublicError && error.code === 'dataset_damaged') return null
    throw error
  }
}

/** How the rows of a version differ from those of an earlier one. */
export async function diff (parts: BuildParts, version: Version, against: Version): Promise<Drift> {
  return await drift(parts.database, against, pages(rowsOf(parts.database, version.id, null)), breathing(parts))
}

async function * pages (rows: AsyncIterable<{ readonly row: Row }>): AsyncGenerator<Row[]> {
  for await (const { row } of rows) yield [row]
}

/** What came in since `before`, sliced as that one was. */
async function drift (database: Reading, before: Version, rows: AsyncIterable<Row[]> | Iterable<Row[]>, breathe: Breathe): Promise<Drift> {
  const names = Object.keys(before.manifest?.slices.topic ?? {}).filter(name => name !== otherTopic)
  const [old, now] = [new Slicer(names, new Map()), new Slicer(names, new Map())]
  const known = new Set<string>()
  for await (const { row } of rowsOf(database, before.id, null)) {
    old.add(row)
    known.add(row.id)
    await breathe('drift', known.size, null)
  }
  const was = known.size
  let fresh = 0
  for await (const some of rows) {
    for (const row of some) {
      if (known.delete(row.id)) continue
      now.add(row)
      fresh++
    }
    await breathe('drift', was, null)
  }
  const [one, other] = [old.slices(), now.slices()]
  // A cohort is new by its nature.
  const slices = (Object.keys(one) as (keyof Slices)[]).filter(slice => slice !== 'cohort')
  return { against: nameOf(before), before: was, fresh, gone: known.size, moved: slices.map(slice => movedOf(slice, one[slice], other[slice])) }
}

/** Whose rows they are, and when each was answered. */
function surveyed (pile: Pile): { readonly people: readonly Person[], readonly answered: readonly Pick<Row, 'owner' | 'at'>[] } {
  const people = new Map<number, Person>()
  const answered: Pick<Row, 'owner' | 'at'>[] = []
  for (const rows of pile.rows()) {
    for (const { owner, group, at } of rows) {
      people.set(owner, { owner, group, first: Math.min(at, people.get(owner)?.first ?? Infinity) })
      answered.push({ owner, at })
    }
  }
  return { people: [...people.values()], answered }
}

/** Rows take some 10 µs to some ms each; between these many ms of work others are let go first. */
const workMs = 50

function breathing ({ gate, progress }: BuildParts): Breathe {
  let since = performance.now()
  return async (step, done, total) => {
    if (performance.now() - since < workMs) return
    progress({ step, done, total })
    await gate()
    since = performance.now()
  }
}
