/**
 * How long each filter takes for 100,000 rows and what memory it holds:
 * `node --expose-gc bench/curation.ts [ROWS]`. One run in one process; the rows
 * themselves are made beforehand and are not counted.
 */
import { cap } from '../src/datasets/curation/cap.ts'
import { contradiction } from '../src/datasets/curation/contradiction.ts'
import { decontamination } from '../src/datasets/curation/decontamination.ts'
import { duplicates } from '../src/datasets/curation/duplicates.ts'
import { push } from '../src/datasets/curation/push.ts'
import { structure } from '../src/datasets/curation/structure.ts'
import type { Row } from '../src/datasets/row.ts'
import { manyRows } from './curation-rows.ts'

const megabyte = 2 ** 20
const count = Number(process.argv[2] ?? 100_000)
const made = manyRows(count, { pushers: 3 }).rows
/** Every fifth person is held out, as the split has it. */
const heldOut = new Set([...new Set(made.map(({ group }) => group))].filter((_, i) => i % 5 === 0))
const filters = [structure(), duplicates(), contradiction(), cap(), push(), decontamination({ held: ({ group }) => heldOut.has(group) })]

let rows: readonly Row[] = made
let most = 0
globalThis.gc?.()
const idle = process.memoryUsage.rss()
const began = performance.now()
for (const filter of filters) {
  const start = performance.now()
  for (const row of rows) filter.look?.(row)
  most = Math.max(most, process.memoryUsage.rss())
  const kept: Row[] = []
  for (const row of rows) {
    const judgement = filter.judge(row)
    if ('keep' in judgement) kept.push(judgement.keep)
  }
  most = Math.max(most, process.memoryUsage.rss())
  console.log(filter.name.padEnd(16), `${((performance.now() - start) / 1000).toFixed(1).padStart(6)} s`, `${(rows.length - kept.length).toString().padStart(6)} dropped`, `${((most - idle) / megabyte).toFixed(0).padStart(5)} MB more at most so far`, JSON.stringify(filter.report?.() ?? {}))
  rows = kept
}
console.log(`all of ${count} rows`.padEnd(16), `${((performance.now() - began) / 1000).toFixed(1)} s, ${((most - idle) / megabyte).toFixed(0)} MB more at most`)
