import type { Embedder, Question as Embedding } from './embedder.ts'
import { questionDates } from './dates.ts'
import type { Owner, Question, Recall, Recalled } from './memories.ts'
import { bestMatch, lexicalScores, signTable } from './score.ts'
import type { Store, Unit } from './store.ts'
import { contentTerms, words } from './text.ts'

/** LoCoMo figures below are R@10 on the development file, in points; notes/memory has the tables. */
export const weights = {
  /** Units that go on from the words to the other measures. */
  lexicalKept: 200,
  nearest: 100,
  reranked: 100,
  /** Of the vectors, against the words: .2 to .5 within half a point. */
  dense: 0.4,
  late: 0.7,
  /** Only without vectors: the words of the best memories, against the question's. */
  feedback: 0.3,
  speaker: 2,
  user: 1.5,
  short: 0.8,
  neighbours: [0.8, 0.9, 0.8] as readonly [number, number, number],
  lateRows: 2_500
}

type Weights = typeof weights

/** A unit on its way through the measures. */
interface Candidate {
  readonly unit: Unit
  readonly lexical: number
  readonly words: readonly string[]
  readonly factors: Record<string, number>
  cosine: number | null
  dense: number
  late: number
  score: number
}

export async function recall (store: Store, embedder: Embedder | null, owner: Owner, question: Question, now: number, w: Weights = weights): Promise<Recall> {
  const { query, limit = 10, asOf = now, kinds, exclude, explain = false } = question
  const embedding = await embed(embedder, query)
  const terms = [...contentTerms(query), ...questionDates(query, asOf)]
  const lexicon = await store.postings(owner, terms)
  const scores = lexicalScores(lexicon)
  const near = embedding === null ? [] : await store.nearest(owner, embedder!.id, int8(embedding.vector), w.nearest)
  const cosines = new Map(near.map(({ unit, cosine }) => [unit, cosine]))

  const most = [...scores].sort(([, a], [, b]) => b.score - a.score).slice(0, 2 * w.lexicalKept).map(([unit]) => unit)
  const excluded = { ids: new Set(exclude?.ids), texts: new Set(exclude?.texts) }
  const units = (await store.units(owner, [...new Set([...most, ...cosines.keys()])])).filter(({ text, memory }) =>
    memory.at <= asOf && (memory.endedAt === null || memory.endedAt > asOf) && (kinds === undefined || kinds.includes(memory.kind)) && !excluded.ids.has(memory.id) && !excluded.texts.has(text))
  const named = namedSpeaker(units, query)
  const candidates = units.map(unit => {
    const factors = factorsOf(unit, named, w)
    const { score, terms } = scores.get(unit.id) ?? { score: 0, terms: [] }
    return { unit, lexical: Object.values(factors).reduce((product, factor) => product * factor, score), words: terms, factors, cosine: cosines.get(unit.id) ?? null, dense: 0, late: 0, score: 0 } satisfies Candidate as Candidate
  })

  const top = Math.max(...candidates.map(({ lexical }) => lexical), Number.MIN_VALUE)
  const best = near[0]?.cosine ?? 0
  const least = near.at(-1)?.cosine ?? 0
  for (const candidate of candidates) {
    if (candidate.cosine !== null && best > least) candidate.dense = w.dense * (candidate.cosine - least) / (best - least)
    candidate.score = candidate.lexical / top + candidate.dense
  }
  candidates.sort((a, b) => b.score - a.score)
  candidates.splice(w.lexicalKept)
  if (embedding !== null) await rerank(store, embedder!.id, owner, candidates, embedding, w)

  const memories = new Map<string, Recalled>()
  for (const { unit, score, words: found, lexical, dense, late, cosine, factors } of candidates.sort((a, b) => b.score - a.score)) {
    if (memories.has(unit.memory.id)) continue
    const why = { words: found, lexical: lexical / top, dense, late, cosine, factors }
    memories.set(unit.memory.id, { ...unit.memory, score, quote: unit.text, ...explain && { why } })
    if (memories.size === limit) break
  }
  return { memories: [...memories.values()], relevant: true, lexicalOnly: embedding === null }
}

async function embed (embedder: Embedder | null, query: string): Promise<Embedding | null> {
  return embedder === null ? null : await embedder.question(query)
}

function namedSpeaker (units: readonly Unit[], query: string): string | null {
  const asked = new Set(words(query))
  const speakers = new Set(units.map(({ memory }) => memory.speaker).filter(speaker => speaker !== null))
  const named = [...speakers].filter(speaker => words(speaker).some(word => asked.has(word)))
  return named.length === 1 ? named[0]! : null
}

function factorsOf ({ text, memory }: Unit, named: string | null, w: Weights): Record<string, number> {
  return {
    ...named !== null && memory.speaker === named && { speaker: w.speaker },
    ...memory.role === 'user' && { user: w.user },
    ...contentTerms(text).length < 4 && { short: w.short }
  }
}

async function rerank (store: Store, model: string, owner: Owner, candidates: Candidate[], embedding: Embedding, w: Weights): Promise<void> {
  const first = candidates.slice(0, w.reranked)
  const ids = new Set(first.flatMap(({ unit }) => [unit.id, ...unit.neighbours.filter(id => id !== null)]))
  const bits = await store.tokenBits(owner, model, [...ids])
  const tables = embedding.tokens.map(signTable)
  if (tables.length === 0) return
  const matches = new Map([...bits].map(([unit, bits]) => [unit, tables.map(table => bestMatch(table, bits))]))
  const scored = first.flatMap(candidate => {
    const own = matches.get(candidate.unit.id)
    if (own === undefined) return []
    const around = candidate.unit.neighbours.map(id => id === null ? undefined : matches.get(id))
    return [{ candidate, match: own.reduce((sum, match, i) => sum + Math.max(match, ...around.map((other, place) => other === undefined ? -Infinity : w.neighbours[place]! * other[i]!)), 0) / own.length }]
  })
  const highest = Math.max(...scored.map(({ match }) => match))
  const lowest = Math.min(...scored.map(({ match }) => match))
  const top = Math.max(...candidates.map(({ score }) => score))
  for (const candidate of candidates) candidate.score /= top
  for (const { candidate, match } of scored) {
    candidate.late = w.late * (match - lowest) / (highest - lowest || 1)
    candidate.score += candidate.late
  }
}

/** The vector as it is stored: scaled so that its largest number is 127. */
export function int8 (vector: Float32Array): Int8Array {
  const scale = 127 / vector.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-9)
  return Int8Array.from(vector, value => Math.round(value * scale))
}
