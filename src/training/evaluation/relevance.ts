import { questionText } from '../../datasets/curation/texts.ts'
import type { Row } from '../../datasets/row.ts'
import type { Measured } from '../measured.ts'
import { difference, observed } from './arms.ts'
import type { Asking, Side } from './asking.ts'
import { meanOf } from './bootstrap.ts'
import type { Pace } from './pace.ts'

/** Of each row the next one of another person that asks something else, in the order given; the last ones take the first. */
export function strangersOf (rows: readonly Row[]): ReadonlyMap<Row, Row> {
  const strangers = new Map<Row, Row>()
  for (const [i, row] of rows.entries()) {
    const question = questionText(row)
    const stranger = [...rows.slice(i + 1), ...rows.slice(0, i)].find(other => other.group !== row.group && questionText(other) !== question)
    if (stranger !== undefined) strangers.set(row, stranger)
  }
  return strangers
}

/** How much likelier approved answers are after their own prompts than after others'. Null: no row has a stranger to be compared with. */
export async function relevanceOf (rows: readonly Row[], asking: Asking, pace: Pace): Promise<Measured['relevance']> {
  const strangers = strangersOf(rows)
  const told = async (side: Side): Promise<ReadonlyMap<string, number>> => {
    const found = new Map<string, number>()
    for (const [row, stranger] of strangers) {
      const own = await asking.likelihood(row, 'recorded', side)
      const misplaced = await asking.misplaced(row, stranger, side)
      if (own !== null && misplaced !== null) found.set(row.id, own - misplaced)
      pace.step(`answers after other prompts, by the ${side}`, 'score')
    }
    return found
  }
  const [base, adapter] = [await told('base'), await told('adapter')]
  const means = [
    meanOf(observed(rows, id => base.get(id))),
    meanOf(observed(rows, id => adapter.get(id))),
    meanOf(observed(rows, id => difference(adapter.get(id), base.get(id))))
  ] as const
  return means[0] === null || means[1] === null || means[2] === null ? null : { base: means[0], adapter: means[1], gain: means[2] }
}
