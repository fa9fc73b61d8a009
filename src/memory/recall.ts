import { lineTokens } from './block.ts'
import { questionDates } from './dates.ts'
import type { Embedder, Question as Embedding } from './embedder.ts'
import { lateScores } from './late.ts'
import type { Owner, Question, Recall, Recalled } from './memories.ts'
import { quoteOf } from './quote.ts'
import { best, inverseFrequency, lexicalScores, wordsOf } from './score.ts'
import type { Lexicon, Store, Unit } from './store.ts'
import { contentTerms, words } from './text.ts'

/**
 * Weights, and what R@10 (R@5) on LoCoMo's development conversations was with
 * others near them (`node bench/locomo.ts FILE`: 86.8 with these). Weights
 * chosen on one of the two conversations changed the other one's R@5 by +4.0
 * and +2.5, its R@10 by -0.3 and +1.0, so only the first is more than noise.
 */
export const weights = {
  /** Of the cosine, beside the words' 1: .4 gives 84.7 (78.0), 0 82.4 (75.8). */
  dense: 0.8,
  /** Of late interaction, beside these: .7 to 1.3 within half a point, 0 gives 80.1 (71.9). */
  late: 1,
  /** Of the best unit of a unit's session: 0 gives 86.2 (77.0). */
  session: 0.2,
  /** What the words count more in a turn of the one speaker that the question names. */
  speaker: 2,
  /** And what its whole score counts more; 1 gives 86.0 (76.3), neither 85.3 (73.9). */
  speakerInAll: 1.2,
  /** What the words count more in what the user said: +4 where an assistant speaks too (BEAM). */
  user: 1.5,
  /** Of the words of the best memories, without vectors only: +2; with them it adds nothing. */
  feedback: 0.3
}
/** Units that go on from the vectors, and of all those compared token by token: 100 gives 86.4. */
const denseKept = 100
const reranked = 150
/** Units that go on from the words, before filters. */
const lexicalKept = 400
const feedbackUnits = 5
const feedbackTerms = 8
/** Below this cosine of the best memory the question is about something else: so were 7 to 19 of 100 off-topic questions, and 1 to 2 of those on topic. */
const relevantCosine = 0.25
const defaultLimit = 10
/** Where only tokens are the limit: more than a block of 768 tokens can quote. */
const defaultLimitOfBlock = 50

/** A unit on its way through the measures. */
interface Candidate {
  readonly unit: Unit
  readonly words: readonly string[]
  readonly factors: Readonly<Record<string, number>>
  readonly cosine: number | null
  /** The words' share at first, and what it is worth by the factors. */
  readonly lexical: number
  dense: number
  late: number
  score: number
}

/**
 * Finds what matters to a question: by its words and the words around it, by
 * vectors, by late interaction, all in one sum. Nothing filters but what the
 * question says; the measures only rank.
 */
export async function recall (store: Store, embedder: Embedder | null, owner: Owner, question: Question, now: number, w = weights): Promise<Recall> {
  const { query, asOf = now, signal } = question
  const embedding = embedder === null ? null : await embedder.question(query)
  signal?.throwIfAborted()
  const terms = [...contentTerms(query), ...questionDates(query, asOf)]
  const lexicon = await store.postings(owner, terms, question.kinds)
  const scores = lexicalScores(lexicon)
  const first = best(scores, lexicalKept)
  const cosines = new Map<number, number>()
  if (embedding === null) await feedback(store, owner, question, first, scores, lexicon, w)
  else {
    const vector = int8(embedding.vector)
    const nearest = await store.nearest(owner, embedder!.id, vector, denseKept, { kinds: question.kinds })
    for (const { unit, cosine } of nearest) cosines.set(unit, cosine)
    const further = first.filter(unit => !cosines.has(unit))
    // Fewer than asked for: these were all.
    if (nearest.length === denseKept) for (const { unit, cosine } of await store.nearest(owner, embedder!.id, vector, further.length, { units: further })) cosines.set(unit, cosine)
  }
  const units = await store.units(owner, [...new Set([...first, ...cosines.keys()])])
  const candidates = compared(units.filter(unit => wanted(unit, question, asOf)), query, { scores, words: wordsOf(first, lexicon), cosines }, w)
  if (embedding !== null) await rerank(store, embedder!.id, owner, candidates, embedding, w)
  settle(candidates, w)
  return {
    memories: await whole(store, owner, chosen(candidates, question, worth(lexicon))),
    relevant: cosines.size === 0 ? scores.size > 0 : Math.max(...cosines.values()) >= relevantCosine,
    lexicalOnly: embedding === null
  }
}

/** The vector as it is stored: scaled so that its largest number is 127. */
export function int8 (vector: Float32Array): Int8Array {
  const scale = 127 / vector.reduce((most, value) => Math.max(most, Math.abs(value)), Number.MIN_VALUE)
  return Int8Array.from(vector, value => Math.round(value * scale))
}

/** Adds to the scores what the telling words of the best units find: a memory is often near another in which the question's own words are. */
async function feedback (store: Store, owner: Owner, { kinds }: Question, first: readonly number[], scores: Map<number, number>, lexicon: Lexicon, w: typeof weights): Promise<void> {
  const top = await store.units(owner, first.slice(0, feedbackUnits))
  const counts = new Map<string, number>()
  for (const { text } of top) for (const term of contentTerms(text)) counts.set(term, (counts.get(term) ?? 0) + 1)
  for (const term of lexicon.postings.keys()) counts.delete(term)
  const found = await store.postings(owner, [...counts.keys()], kinds)
  const worth = (term: string): number => counts.get(term)! * inverseFrequency(found.units, found.postings.get(term)!.length)
  const telling = [...counts.keys()].sort((a, b) => worth(b) - worth(a)).slice(0, feedbackTerms)
  const more = lexicalScores({ ...found, postings: new Map(telling.map(term => [term, found.postings.get(term)!])) })
  const scale = w.feedback * highest(scores) / highest(more)
  for (const unit of first) scores.set(unit, scores.get(unit)! + scale * (more.get(unit) ?? 0))
}

function highest (scores: ReadonlyMap<number, number>): number {
  return scores.values().reduce((most, score) => Math.max(most, score), Number.MIN_VALUE)
}

function wanted ({ text, memory: { id, at, endedAt } }: Unit, { exclude }: Question, asOf: number): boolean {
  return at <= asOf && (endedAt === null || endedAt > asOf) && exclude?.ids?.includes(id) !== true && exclude?.texts?.includes(text) !== true
}

/** What was found of the units, by their ids. */
interface Found {
  readonly scores: ReadonlyMap<number, number>
  readonly words: ReadonlyMap<number, readonly string[]>
  readonly cosines: ReadonlyMap<number, number>
}

/** Puts the shares of words and vectors on one scale, best first. */
function compared (units: readonly Unit[], query: string, { scores, words, cosines }: Found, w: typeof weights): Candidate[] {
  const named = namedSpeaker(units, query)
  const boosted = units.map(unit => {
    const factors = factorsOf(unit, named, w)
    return { unit, words: words.get(unit.id) ?? [], factors, lexical: Object.values(factors).reduce((product, factor) => product * factor, scores.get(unit.id) ?? 0) }
  })
  const top = Math.max(Number.MIN_VALUE, ...boosted.map(({ lexical }) => lexical))
  const nearest = Math.max(Number.MIN_VALUE, ...cosines.values())
  return boosted.map(({ lexical, ...candidate }) => {
    const cosine = cosines.get(candidate.unit.id) ?? null
    const dense = w.dense * Math.max(0, cosine ?? 0) / nearest
    return { ...candidate, cosine, lexical: lexical / top, dense, late: 0, score: lexical / top + dense }
  }).sort((a, b) => b.score - a.score)
}

/** The one speaker whose name is in the question; null for none or several. */
function namedSpeaker (units: readonly Unit[], query: string): string | null {
  const asked = new Set(words(query))
  const speakers = new Set(units.flatMap(({ memory }) => memory.speaker ?? []))
  const named = [...speakers].filter(speaker => words(speaker).some(word => asked.has(word)))
  return named.length === 1 ? named[0]! : null
}

function factorsOf ({ memory }: Unit, named: string | null, w: typeof weights): Record<string, number> {
  return {
    ...named !== null && memory.speaker === named && { speaker: w.speaker },
    ...memory.role === 'user' && { user: w.user }
  }
}

/** Adds late interaction to the best of them. */
async function rerank (store: Store, model: string, owner: Owner, candidates: Candidate[], { tokens }: Embedding, w: typeof weights): Promise<void> {
  const first = candidates.slice(0, reranked).map(({ unit }) => unit)
  const bits = await store.tokenBits(owner, model, [...new Set(first.flatMap(({ id, neighbours }) => [id, ...neighbours.filter(id => id !== null)]))])
  const late = lateScores(first, bits, tokens)
  const [least, most] = [Math.min(...late.values()), Math.max(...late.values())]
  const top = Math.max(Number.MIN_VALUE, candidates[0]?.score ?? 0)
  for (const candidate of candidates) {
    const match = late.get(candidate.unit.id)
    if (match !== undefined && most > least) candidate.late = w.late * (match - least) / (most - least)
    candidate.score = candidate.score / top + candidate.late
  }
}

/** The parts of the score that depend on all others; best first. */
function settle (candidates: Candidate[], w: typeof weights): void {
  const sessions = new Map<string, number>()
  for (const candidate of candidates) {
    if ('speaker' in candidate.factors) candidate.score *= w.speakerInAll
    const { session } = candidate.unit.memory
    if (session !== null) sessions.set(session, Math.max(candidate.score, sessions.get(session) ?? 0))
  }
  for (const candidate of candidates) {
    const { session } = candidate.unit.memory
    candidate.score += w.session * (session === null ? candidate.score : sessions.get(session)!)
  }
  candidates.sort((a, b) => b.score - a.score)
}

/** The best memories, each by its best unit, as many as there is room for: one that does not fit leaves room for the next. */
function chosen (candidates: readonly Candidate[], { maxTokens = Infinity, limit = maxTokens === Infinity ? defaultLimit : defaultLimitOfBlock, exclude, explain = false }: Question, wanted: ReadonlyMap<string, number>): Recalled[] {
  const memories = new Map<string, Recalled>()
  let room = maxTokens
  for (const { unit, score, words, lexical, dense, late, cosine, factors } of candidates) {
    if (memories.size === limit) break
    // What is part of a longer message of the conversation is in it too.
    if (score <= 0 || memories.has(unit.memory.id) || exclude?.texts?.some(text => text.includes(unit.text)) === true) continue
    const quote = quoteOf(unit.text, wanted)
    const cost = lineTokens(quote)
    if (cost > room) continue
    room -= cost
    memories.set(unit.memory.id, { ...unit.memory, score, quote, ...explain && { why: { words, lexical, dense, late, cosine, factors } } })
  }
  return [...memories.values()]
}

/** What finding each term of the question tells. */
function worth ({ units, postings }: Lexicon): Map<string, number> {
  return new Map([...postings].map(([term, { length }]) => [term, inverseFrequency(units, length)]))
}

/** With all of the text of those of several units; less what was erased meanwhile. */
async function whole (store: Store, owner: Owner, recalled: readonly Recalled[]): Promise<Recalled[]> {
  const texts = new Map((await store.memories(owner, recalled.map(({ id }) => id))).map(({ memory }) => [memory.id, memory.text]))
  return recalled.flatMap(memory => {
    const text = texts.get(memory.id)
    return text === undefined ? [] : [{ ...memory, text }]
  })
}
