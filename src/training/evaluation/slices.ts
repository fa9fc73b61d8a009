import { bucketsOf } from '../../datasets/buckets.ts'
import type { Row } from '../../datasets/row.ts'
import { Topics } from '../../datasets/topics.ts'
import type { SliceGain } from '../measured.ts'
import { meanOf, type Observation } from './bootstrap.ts'

/** What fewer people say is about them and not about the slice. */
const leastPeople = 3

/** The gain of each slice of the rows, the largest slices first. `gain`: what the row gained; undefined: it was not measured. */
export function slicesOf (rows: readonly Row[], gain: (id: string) => number | undefined): readonly SliceGain[] {
  const topics = new Topics()
  const firsts = new Map<number, number>()
  for (const row of rows) {
    topics.look(row)
    firsts.set(row.owner, Math.min(row.at, firsts.get(row.owner) ?? Infinity))
  }
  const names = topics.names()
  const slices = new Map<string, { readonly slice: string, readonly value: string, readonly found: Observation[] }>()
  for (const row of rows) {
    const value = gain(row.id)
    if (value === undefined) continue
    const buckets = { ...bucketsOf(row, names, firsts), memory: row.remembered ? 'remembered' : 'nothing remembered' }
    for (const [slice, bucket] of Object.entries(buckets)) {
      const key = `${slice} ${bucket}`
      const known = slices.get(key) ?? { slice, value: bucket, found: [] }
      slices.set(key, known)
      known.found.push({ person: row.group, value })
    }
  }
  const all = [...slices.values()]
  return all.flatMap(({ slice, value, found }) => {
    const people = new Set(found.map(({ person }) => person)).size
    const gain = meanOf(found)
    // One bucket that holds everything is no slice.
    if (gain === null || people < leastPeople || all.filter(other => other.slice === slice).length < 2) return []
    return [{ slice, value, rows: found.length, people, gain }]
  }).sort((a, b) => a.slice < b.slice ? -1 : a.slice > b.slice ? 1 : b.rows - a.rows)
}
