import { createHash } from 'node:crypto'
import { decontamination } from '../../datasets/curation/decontamination.ts'
import { isRude } from '../../datasets/curation/rude.ts'
import { answerText, questionText } from '../../datasets/curation/texts.ts'
import type { Row } from '../../datasets/row.ts'
import { masked } from '../../privacy/secrets/masked.ts'
import type { Measured } from '../measured.ts'

export type DataFacts = Measured['data']

/**
 * Looks again for what the build of a data set promised was not there: it may
 * have been altered since, or been built with filters switched off. Every row
 * that is held out is shown before the first that is learnt from.
 */
export interface Facts {
  held (row: Row): void
  learnt (row: Row): void
  /** `trained`: how many rows became rows of the training. */
  found (trained: number): DataFacts
}

export function createFacts (): Facts {
  let testing = true
  const near = decontamination({ held: () => testing })
  const held = { people: new Set<string>(), rows: new Set<string>() }
  const shared = new Set<string>()
  const counts = { sharedRows: 0, rude: 0, secrets: 0 }

  return {
    held (row) {
      held.people.add(row.group)
      held.rows.add(keyOf(row))
      near.look?.(row)
    },
    learnt (row) {
      testing = false
      if (held.people.has(row.group)) shared.add(row.group)
      // Equal rows first: of near ones only some of many alike are looked at.
      if (held.rows.has(keyOf(row)) || 'drop' in near.judge(row)) counts.sharedRows++
      if (teaches(row) && isRude(answerText(row.answer))) counts.rude++
      if (answersOf(row).some(answer => Object.keys(masked(answer).found).length > 0)) counts.secrets++
    },
    found: trained => ({ trained, sharedPeople: shared.size, ...counts })
  }
}

/** What is blamed or rejected may be rude: that is what it warns of. */
function teaches (row: Row): boolean { return row.kind !== 'verdict' || row.good }

/** A secret is one on either side: both are trained on. */
function answersOf (row: Row): string[] {
  const sides = 'rejected' in row && row.rejected !== null ? [row.answer, row.rejected] : [row.answer]
  return sides.map(answerText)
}

function keyOf (row: Row): string { return createHash('sha256').update(JSON.stringify([questionText(row), answerText(row.answer)])).digest('base64') }
