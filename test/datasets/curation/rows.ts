import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { Filter, Row } from '../../../src/datasets/row.ts'

/** What a test says of a row; the rest is made up alike for all. */
export interface Told extends Partial<Pick<Row, 'id' | 'group' | 'at' | 'tools' | 'evidence' | 'kind' | 'prompt' | 'answer'>> {
  readonly rejected?: string
  readonly good?: boolean
}

/** A row: by default a demonstration by one person. Its id comes of what it says. */
export function row (question: string, answer: string, told: Told = {}): Row {
  const id = told.id ?? createHash('sha256').update(JSON.stringify([question, answer, told])).digest('hex').slice(0, 32)
  const common = {
    id,
    owner: 1,
    group: told.group ?? 'person-1',
    at: told.at ?? 0,
    evidence: told.evidence ?? { interaction: `chatcmpl-${id}`, feedback: [`fb-${id}`], model: 'smollm2-135m' },
    prompt: told.prompt ?? [{ role: 'user' as const, content: question }],
    tools: told.tools ?? [],
    remembered: false,
    quoted: '',
    answer: told.answer ?? { content: answer }
  }
  if (told.kind === 'verdict') return { ...common, kind: 'verdict', good: told.good ?? true }
  if (told.kind === 'preference') return { ...common, kind: 'preference', rejected: { content: told.rejected ?? '' } }
  return { ...common, kind: 'demonstration', rejected: told.rejected === undefined ? null : { content: told.rejected } }
}

/** Shows a filter all rows, lets it judge them, and gives back those it drops, with the reasons. */
export function drops (filter: Filter, rows: readonly Row[]): Map<string, string> {
  for (const each of rows) filter.look?.(each)
  const dropped = new Map<string, string>()
  for (const each of rows) {
    const judgement = filter.judge(each)
    if ('drop' in judgement) dropped.set(each.id, judgement.drop)
  }
  return dropped
}

/** Labelled pairs, of `test/fixtures/datasets/duplicates.jsonl` or another file there. */
export interface LabelledPair { readonly half: 'tune' | 'report' | 'unseen', readonly same: boolean, readonly how: string, readonly a: readonly [string, string], readonly b: readonly [string, string] }

export function labelledPairs (file = 'duplicates'): LabelledPair[] {
  return readFileSync(new URL(`../../fixtures/datasets/${file}.jsonl`, import.meta.url), 'utf8').trim().split('\n').map(line => JSON.parse(line) as LabelledPair)
}

/** Words that differ between two texts, of those of the longer one: the word-level edit distance (Levenshtein), without case and punctuation. A small edit has at most one in five. */
export function editShare (one: string, other: string): number {
  const words = (text: string): readonly string[] => text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? []
  const [a, b] = [words(one), words(other)]
  let above = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (const [i, word] of a.entries()) {
    const row = [i + 1]
    for (const [j, against] of b.entries()) row.push(Math.min(above[j + 1]! + 1, row[j]! + 1, above[j]! + (word === against ? 0 : 1)))
    above = row
  }
  return above[b.length]! / Math.max(a.length, b.length, 1)
}
