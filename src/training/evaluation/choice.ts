import { createHash } from 'node:crypto'
import type { Row } from '../../datasets/row.ts'

/**
 * The rows in an order drawn by hash, the same for the same rows and salt, in
 * which people take turns: however many are taken from the front, nobody has
 * more of them than anybody else with rows left.
 */
export function inTurn<R extends Pick<Row, 'id' | 'group'>> (rows: readonly R[], salt: string): R[] {
  const place = (id: string): string => createHash('sha256').update(`${salt} ${id}`).digest('hex')
  const by = (id: (row: R) => string) => (a: R, b: R): number => place(id(a)) < place(id(b)) ? -1 : 1
  const people = [...Map.groupBy(rows.toSorted(by(({ id }) => id)), ({ group }) => group).values()]
    .sort(([a], [b]) => by(({ group }) => group)(a!, b!))
  const rounds = Math.max(0, ...people.map(({ length }) => length))
  return Array.from({ length: rounds }, (_, round) => people.flatMap(own => own[round] ?? [])).flat()
}
