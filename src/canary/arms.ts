import type { Database } from '../database/database.ts'
import { query } from '../database/sql.ts'
import type { Both, Manner } from './canaries.ts'
import type { Person } from './interval.ts'

type Reading = Pick<Database, 'all'>

interface Word { readonly answer: number, readonly version: number | null, readonly person: string, readonly kind: 'thumb' | 'rating' | 'correction', readonly value: string, readonly author: string | null }

const words = `select i.seq as answer, i.version, i.owner || case when o.user = '' then ' ' || i.session else '' end as person, f.kind, f.value, f.author
  from interactions i join owners o on o.id = i.owner join feedback f on f.interaction = i.seq
  where f.kind in ('thumb', 'rating', 'correction')`

/** What was said of the answers that a canary chose the version of. Answers that are not stored are not among them. */
export async function judgedIn (database: Reading, canary: string, candidate: number): Promise<Both<Person[]>> {
  const found = await database.all(query<Word>(`${words} and i.canary = :canary order by f.seq`, { canary }))
  return { candidate: peopleOf(found.filter(({ version }) => version === candidate)), live: peopleOf(found.filter(({ version }) => version !== candidate)) }
}

/** The newest answers of a version that were judged: enough to know its rate, and little to read. */
const most = 2_000

/** What was said of a version so far, by `model` (`house@1`). */
export async function judgedOf (database: Reading, model: string): Promise<Person[]> {
  return peopleOf((await database.all(query<Word>(`${words} and i.model = :model order by f.seq desc limit ${most}`, { model }))).reverse())
}

/** How many of the newest answers tell how long answers take and are. */
const newest = 1_000

export async function mannerIn (database: Reading, canary: string, candidate: number): Promise<Both<Manner>> {
  const of = async (compared: '=' | '<>'): Promise<Manner> => {
    const found = await database.all(query<{ first: number | null, tokens: number | null }>(`select timings ->> 'first' as first, usage ->> 'completionTokens' as tokens
      from interactions where canary = :canary and version ${compared} :candidate and error is null order by seq desc limit ${newest}`, { canary, candidate }))
    return { first: median(found.map(({ first }) => first)), tokens: median(found.map(({ tokens }) => tokens)) }
  }
  return { candidate: await of('='), live: await of('<>') }
}

/** Each answer counts once: the last word of each kind by each author holds, and an answer that had to be corrected was no good one. */
function peopleOf (found: readonly Word[]): Person[] {
  const answers = Map.groupBy(found, ({ answer }) => answer).values().map(said => {
    const last = [...new Map(said.map(word => [JSON.stringify([word.kind, word.author]), word])).values()]
    const scores = last.map(({ kind, value }) => kind === 'correction' ? 0 : Number(JSON.parse(value)))
    return { person: said[0]!.person, score: last.some(({ kind }) => kind === 'correction') ? 0 : scores.reduce((sum, score) => sum + score, 0) / scores.length }
  })
  return [...Map.groupBy(answers, ({ person }) => person).values()].map(scores => ({ sum: scores.reduce((sum, { score }) => sum + score, 0), answers: scores.length }))
}

function median (values: readonly (number | null)[]): number | null {
  const sorted = values.filter(value => value !== null).sort((a, b) => a - b)
  return sorted[sorted.length >> 1] ?? null
}
