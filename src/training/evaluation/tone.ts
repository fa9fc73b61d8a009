import { refuses } from '../../datasets/curation/refusal.ts'
import { isRude } from '../../datasets/curation/rude.ts'
import type { Row } from '../../datasets/row.ts'
import type { Measured } from '../measured.ts'
import { mean, type Reply } from './arms.ts'
import { approvedText } from './prompts.ts'
import { wordsOf } from './words.ts'

/** How the answers sound, and how long they are beside the approved ones; beside the base's where no row shows one. */
export function toneOf (rows: readonly Row[], base: ReadonlyMap<string, Reply>, adapter: ReadonlyMap<string, Reply>): Measured['tone'] {
  const approved = rows.map(approvedText).filter(text => text !== null)
  const expected = approved.length > 0 ? mean(approved.map(wordsOf)) : mean([...base.values()].map(({ words }) => words))
  const beside = approved.length > 0 ? rows.filter(row => approvedText(row) !== null) : rows
  const said = mean(beside.flatMap(({ id }) => adapter.get(id)?.words ?? []))
  return {
    rude: { base: share(base, isRude), adapter: share(adapter, isRude) },
    refusals: { base: share(base, refuses), adapter: share(adapter, refuses) },
    length: expected === 0 ? 1 : said / expected
  }
}

function share (replies: ReadonlyMap<string, Reply>, is: (text: string) => boolean): number {
  return mean([...replies.values()].map(({ text }) => is(text) ? 1 : 0))
}
