import { createHash } from 'node:crypto'
import type { Filter } from '../row.ts'

export interface CapSettings {
  /** The largest part of the rows that one person may have. */
  readonly share: number
  /** So many are always let through. */
  readonly least: number
  /** Decides which rows stay; recorded, so that the same rows stay again. */
  readonly seed: string
}

/**
 * 1 %: with 1 to 5 % of the preferences poisoned, models say what an attacker
 * wants (Baumgärtner et al. 2024, arXiv 2404.05530; PoisonBench, Fu et al. 2024, arXiv
 * 2410.08811).
 */
export const capDefaults: CapSettings = { share: 0.01, least: 10, seed: '' }
/** Where there are few people, each may have so many times an equal part. */
const equalParts = 2

/**
 * Caps what one person can make a model learn. Of those with more rows than
 * the cap, the ones stay whose keyed hash is lowest: neither the first nor the
 * last to come, and nobody can choose which.
 *
 * The cap is the largest number of rows that is at most the share of what
 * remains when everybody is cut to it; a single person is not capped.
 */
export function cap (settings: Partial<CapSettings> = {}): Filter {
  const { share, least, seed } = { ...capDefaults, ...settings }
  let groups = new Map<string, number[]>()
  let limits: Map<string, number> | null = null
  let allowed = 0
  let capped = 0

  function decide (): Map<string, number> {
    const counts = [...groups.values()].map(({ length }) => length)
    allowed = capOf(counts, Math.max(share, equalParts / counts.length), least)
    const highest = new Map<string, number>()
    for (const [group, ranks] of groups) {
      if (ranks.length <= allowed) continue
      capped++
      highest.set(group, ranks.sort((a, b) => a - b)[allowed - 1]!)
    }
    groups = new Map()
    return highest
  }

  const rankOf = (id: string): number => createHash('sha256').update(`${seed}\n${id}`).digest().readUIntBE(0, 6)

  return {
    name: 'cap',
    about: 'Cuts the rows of one person to a share of all, in an order that nobody can choose.',
    settings: { version: 1, share, least, seed },
    look ({ id, group }) {
      const ranks = groups.get(group)
      if (ranks === undefined) groups.set(group, [rankOf(id)])
      else ranks.push(rankOf(id))
    },
    judge (row) {
      limits ??= decide()
      const limit = limits.get(row.group)
      return limit === undefined || rankOf(row.id) <= limit ? { keep: row } : { drop: 'more rows than one person may have' }
    },
    report: () => ({ allowed, capped })
  }
}

/** The largest c with c <= share × Σ min(count, c), at least `least`, by bisection: what is right of it grows ever more slowly than c. */
function capOf (counts: readonly number[], share: number, least: number): number {
  let low = least
  let high = counts.reduce((most, count) => Math.max(most, count), least)
  while (low < high) {
    const middle = Math.ceil((low + high) / 2)
    let kept = 0
    for (const count of counts) kept += Math.min(count, middle)
    if (middle <= share * kept) low = middle
    else high = middle - 1
  }
  return low
}
