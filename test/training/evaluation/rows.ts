import type { Row } from '../../../src/datasets/row.ts'
import { row, type Told } from '../../datasets/curation/rows.ts'

/** A row of this person, as others of the tests make theirs. */
export function rowOf (person: string, question: string, answer: string, told: Told & { readonly remembered?: boolean } = {}): Row {
  return { ...row(question, answer, { group: person, ...told }), remembered: told.remembered ?? false }
}
