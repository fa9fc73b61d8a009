import type { Step } from './datasets.ts'
import type { Filter, Row } from './row.ts'
import type { Pile } from './spill.ts'

/** Examples that a preview shows of each reason. */
const examplesEach = 5

/** What a step did, as it is counted. */
export class Tally {
  readonly #name: string
  readonly #about: string
  readonly #settings: Step['settings']
  readonly #dropped = new Map<string, number>()
  readonly #changed = new Map<string, number>()
  readonly #examples = new Map<string, string[]>()
  #in = 0

  constructor ({ name, about, settings }: Pick<Step, 'name' | 'about' | 'settings'>) {
    this.#name = name
    this.#about = about
    this.#settings = settings
  }

  saw (count = 1): void { this.#in += count }

  /** `interaction`: what it was made of; null: there are too many to name. */
  drop (reason: string, interaction: string | null, count = 1): void {
    add(this.#dropped, reason, count)
    if (interaction === null) return
    const examples = this.#examples.get(reason) ?? []
    if (examples.length < examplesEach) this.#examples.set(reason, [...examples, interaction])
  }

  change (how: string): void { add(this.#changed, how, 1) }

  step (report: Step['report'] = null): Step {
    return { name: this.#name, about: this.#about, settings: this.#settings, in: this.#in, dropped: sorted(this.#dropped), changed: sorted(this.#changed), report }
  }

  examples (): { step: string, reason: string, rows: readonly string[] }[] {
    return [...this.#examples].map(([reason, rows]) => ({ step: this.#name, reason, rows }))
  }
}

/** Called between some rows and the next: who waits there keeps the machine free for others. */
export type Breathe = (step: string, done: number, total: number | null) => Promise<void>

export interface Curated {
  /** What is left, to be removed by the caller. */
  readonly pile: Pile
  readonly tallies: readonly Tally[]
  readonly steps: readonly Step[]
}

/**
 * Leads the rows through the filters in their order. A filter that must see
 * all rows before it judges the first one ends a pass: what came that far is
 * put aside and read again, so that no more than a few rows are ever held.
 */
export async function curate (source: AsyncIterable<Row[]> | Iterable<Row[]>, filters: readonly Filter[], pile: () => Pile, breathe: Breathe): Promise<Curated> {
  const tallies = filters.map(filter => new Tally(filter))
  let rows = source
  let before: Pile | null = null
  for (let first = 0; ;) {
    const next = filters.findIndex(({ look }, i) => look !== undefined && (before === null ? i >= first : i > first))
    const last = next === -1 ? filters.length : next
    const out = pile()
    let done = 0
    for await (const some of rows) {
      for (const row of some) {
        const kept = through(row, filters, tallies, first, last)
        if (kept === null) continue
        if (next !== -1) filters[next]!.look!(kept)
        out.push(kept)
      }
      await breathe(filters[Math.min(last, filters.length - 1)]?.name ?? 'evidence', done += some.length, before?.count ?? null)
    }
    before?.remove()
    if (next === -1) return { pile: out, tallies, steps: tallies.map((tally, i) => tally.step(filters[i]!.report?.() ?? null)) }
    rows = out.rows()
    before = out
    first = next
  }
}

/** The row after the filters from `first` up to `last`; null: one of them dropped it. */
function through (row: Row, filters: readonly Filter[], tallies: readonly Tally[], first: number, last: number): Row | null {
  for (let i = first; i < last; i++) {
    const tally = tallies[i]!
    tally.saw()
    const judged = filters[i]!.judge(row)
    if ('drop' in judged) {
      tally.drop(judged.drop, row.evidence.interaction)
      return null
    }
    if (judged.changed !== undefined) tally.change(judged.changed)
    row = judged.keep
  }
  return row
}

function add (counts: Map<string, number>, key: string, count: number): void { counts.set(key, (counts.get(key) ?? 0) + count) }

/** In an order that does not depend on which row came first. */
export function sorted (counts: ReadonlyMap<string, number>): Record<string, number> {
  return Object.fromEntries([...counts].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1)))
}
