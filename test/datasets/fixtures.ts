import { join } from 'node:path'
import type { Test } from 'tap'
import type { Database } from '../../src/database/database.ts'
import type { DatasetsParts, OpenDatasets } from '../../src/datasets/open.ts'
import { openDatasets } from '../../src/datasets/open.ts'
import type { Row } from '../../src/datasets/row.ts'
import type { Version, Wanted } from '../../src/datasets/datasets.ts'
import type { NewFeedback } from '../../src/interactions/feedback.ts'
import { openCompletionIds } from '../../src/interactions/ids.ts'
import type { NewInteraction, Interactions } from '../../src/interactions/interactions.ts'
import { openFeedback } from '../../src/interactions/open-feedback.ts'
import { openInteractions } from '../../src/interactions/open.ts'
import { openPolicies } from '../../src/privacy/policies.ts'
import { openErasures } from '../../src/privacy/erasures.ts'
import { People } from '../../src/privacy/people.ts'
import { freshPath, opened } from '../database/fixtures.ts'
import { choice, interaction, says } from '../interactions/fixtures.ts'

export const tenant = 'acme'
/** The first answer of a world. */
export const began = Date.parse('2026-03-01T08:00:00Z')
const minute = 60_000

export interface World {
  readonly database: Database
  readonly interactions: Interactions
  readonly datasets: OpenDatasets
  readonly path: string
  readonly folder: string
  /** A question of a user and its answer, on record; each a minute after the one before. */
  asked (user: string, question: string, answer: string, given?: Partial<NewInteraction>): Promise<string>
  /** A word on it. */
  says (user: string, feedback: Pick<NewFeedback, 'kind' | 'value'> & { readonly completion: string | null, readonly choice?: number, readonly session?: string, readonly author?: string }): Promise<string>
  corrected (user: string, question: string, answer: string, better: string, given?: Partial<NewInteraction>): Promise<string>
  readonly policies: ReturnType<typeof openPolicies>
  readonly erasures: ReturnType<typeof openErasures>
}

export async function world (t: Test, path = freshPath(t), parts: Partial<DatasetsParts> = {}, between: (database: Database) => DatasetsParts['database'] = database => database): Promise<World> {
  const database = await opened(t, path)
  const folder = join(path, '..', 'tmp')
  const interactions = openInteractions(database)
  const feedback = openFeedback({ database, ids: await openCompletionIds(database), write: async (_, work) => await work(), erasedAt: async () => null, keeps: async () => true })
  const datasets = await openDatasets({ database: between(database), path, folder, code: '0.0.0-test', gate: async () => {}, log: () => {}, ...parts })
  t.teardown(async () => { await datasets.close() })
  const policies = openPolicies(database)
  let minutes = 0
  const says_ = async (user: string, word: Parameters<World['says']>[1]): Promise<string> =>
    (await feedback.give({ tenant, user }, { choice: 0, session: null, comment: null, author: null, ...word } as NewFeedback, null)).feedback.id
  const asked = async (user: string, question: string, answer: string, given: Partial<NewInteraction> = {}): Promise<string> => {
    const made = interaction({ owner: { tenant, user }, session: `${user}-${minutes}`, messages: [says(question)], choices: [choice(answer)], created: began + minutes++ * minute, training: true, model: 'house@1', ...given })
    await interactions.record(made)
    return made.id
  }
  return {
    database,
    interactions,
    datasets,
    path,
    folder,
    policies,
    erasures: openErasures({ database, path: join(path, '..', 'erasures.jsonl'), people: new People(), policies }),
    asked,
    says: says_,
    corrected: async (user, question, answer, better, given) => {
      const id = await asked(user, question, answer, given)
      await says_(user, { kind: 'correction', value: better, completion: id })
      return id
    }
  }
}

const nouns = ['invoice', 'parcel', 'password', 'holiday', 'printer', 'contract', 'recipe', 'garden', 'bicycle', 'train']
const verbs = ['order', 'return', 'change', 'find', 'repair', 'cancel', 'plan', 'move', 'compare', 'describe']

/** Corrections of so many users, so many each, no two alike. */
export async function corrections ({ corrected }: World, users: number, each: number): Promise<string[]> {
  const ids: string[] = []
  for (let user = 0; user < users; user++) {
    for (let i = 0; i < each; i++) {
      const [verb, noun] = [verbs[(user + i) % 10]!, nouns[(user * 3 + i * 7) % 10]!]
      ids.push(await corrected(`user-${user}`, `How do I ${verb} the ${noun} that case ${user * 31 + i * 977} of ${word(user)} and ${word(i + 50)} is about?`, `No idea about ${noun} ${word(user * 7 + i)}.`, `First ${word(user * 13 + i)} the ${noun}, then ${verb} it with ${word(i * 17 + user)} and ${word(user + i * 5 + 3)}.`))
    }
  }
  return ids
}

/** A made-up word that is always the same for a number. */
export function word (number: number): string {
  const syllables = ['ba', 'de', 'ki', 'lo', 'mu', 'na', 'pe', 'ri', 'so', 'tu', 'va', 'we', 'zi']
  let left = number * 7919 + 12345
  return [1, 2, 3, 4].map(() => {
    const syllable = syllables[left % syllables.length]!
    left = Math.floor(left / syllables.length) + 17 * left % 1009
    return syllable
  }).join('')
}

export const wanted: Wanted = { tenant, name: 'house', filters: {} }

export async function built ({ datasets }: Pick<World, 'datasets'>, given: Partial<Wanted> = {}): Promise<Version> {
  return await (await datasets.build({ ...wanted, ...given })).done
}

export async function allRows (rows: AsyncIterable<Row>): Promise<Row[]> { return await Array.fromAsync(rows) }
