import { seeded } from '../../test/database/fixtures.ts'
import type { LiveServer } from '../../test/support/server.ts'

/** Sizes of a whole run, and of one that only shows that all of it works. */
export interface Scale { readonly searches: number, readonly memories: number, readonly rounds: number, readonly conversationTokens: number, readonly erased: number }

/** Words that sentences are made of: enough that most are rare, as in what people say. */
const syllables = ['ba', 'de', 'fi', 'go', 'lu', 'ma', 'ne', 'pi', 'ro', 'su', 'ta', 've', 'wi', 'zo', 'ka', 'mo']
const common = ['I', 'the', 'my', 'and', 'was', 'with', 'about', 'really', 'went', 'yesterday', 'friend', 'work', 'house', 'good', 'time', 'we']

/** Sentences of 8 to 24 words, half of them common: about as long as turns of talk. The same seed gives the same ones. */
export function sentences (seed: number): () => string {
  const random = seeded(seed)
  const pick = <T> (list: readonly T[]): T => list[Math.floor(random() * list.length)]!
  const rare = (): string => Array.from({ length: 2 + Math.floor(random() * 2) }, () => pick(syllables)).join('')
  return () => `${Array.from({ length: 8 + Math.floor(random() * 17) }, () => random() < 0.5 ? pick(common) : rare()).join(' ')}.`
}

export function asUser (user: string): RequestInit { return { headers: { 'x-engraft-user': user } } }

/** Resolves when everything has its vectors. */
export async function embedded (server: LiveServer): Promise<void> {
  while (await server.metric('engraft_memory_units{state="pending"}') > 0) await new Promise(resolve => setTimeout(resolve, 100))
}

/** Asks the server and reads its JSON; throws where it refuses. */
export async function post<T> (server: LiveServer, path: string, user: string, body: object): Promise<T> {
  const reply = await server.post(path, body, asUser(user))
  if (!reply.ok) throw new Error(`${path} answers ${reply.status}: ${(await reply.text()).slice(0, 300)}`)
  return await reply.json() as T
}

export function quantile (values: readonly number[], share: number): number {
  return values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * share))] ?? NaN
}

export function print (name: string, ...columns: readonly string[]): void {
  console.log(`${name.padEnd(58)} ${columns.join('   ')}`)
}

export function spread (values: readonly number[]): string {
  return `p50 ${quantile(values, 0.5).toFixed(1).padStart(7)}   p95 ${quantile(values, 0.95).toFixed(1).padStart(7)}   max ${quantile(values, 1).toFixed(1).padStart(7)} ms   n ${values.length}`
}
