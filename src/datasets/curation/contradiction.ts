import type { Filter, Row } from '../row.ts'
import { answerText, contextText, questionText } from './texts.ts'
import { createWords, keyOf } from './words.ts'

/** A correction was written by someone; a click is soon done. */
const weights = { demonstration: 2, preference: 1, verdict: 1 }
/** Of two sides the one with so many times the weight is believed; closer than that neither is. */
const outweighs = 2

/** What one row says in one conversation: that an answer is good or bad, or that one is better than another. */
interface Voice {
  readonly id: string
  readonly group: string
  readonly at: number
  readonly weight: number
  /** Key of the answer, or of the pair of answers, which is one whichever is better. */
  readonly about: number
  /** 1 for praise, and for the answer of the smaller key; -1 for blame, and for the other. */
  readonly side: 1 | -1
  /** The better and the worse answer, of a comparison. */
  readonly edge: readonly [number, number] | null
}

/**
 * Drops what others contradict. In the same conversation, word for word but
 * for case, punctuation and small words,
 *
 * - an answer is praised (a good verdict, or a correction to it) and blamed (a bad verdict), or
 * - of two answers each was preferred to the other (a correction is preferred to what it replaces).
 *
 * People count, not clicks: of one person the last word holds and earlier ones
 * that say the opposite go. A side with twice the weight of the other stays,
 * otherwise both go. Of preferences that run in a circle none stays.
 */
export function contradiction (): Filter {
  let words = createWords()
  const conversations = new Map<number, Voice[]>()
  let dropped: Map<string, string> | null = null

  function decide (): Map<string, string> {
    const found = new Map<string, string>()
    for (const voices of conversations.values()) {
      if (voices.length < 2) continue
      for (const about of Map.groupBy(voices, voice => voice.about).values()) settle(about, found)
      for (const id of circular(voices.filter(({ id }) => !found.has(id)))) found.set(id, 'preferences run in a circle')
    }
    // Nothing of it is needed any more, and the filter lives on.
    conversations.clear()
    words = createWords()
    return found
  }

  return {
    name: 'contradiction',
    about: 'Drops praise and blame of the same answer, and preferences against each other, unless one side has twice the weight.',
    settings: { version: 1, outweighs },
    look (row) {
      const conversation = keyOf([...words.read(contextText(row)), 0, ...words.read(questionText(row))])
      const voices = voicesOf(row, text => keyOf(words.read(text)))
      const others = conversations.get(conversation)
      if (others === undefined) conversations.set(conversation, voices)
      else others.push(...voices)
    },
    judge (row) {
      dropped ??= decide()
      const drop = dropped.get(row.id)
      return drop === undefined ? { keep: row } : { drop }
    }
  }
}

function voicesOf (row: Row, key: (text: string) => number): Voice[] {
  const { id, group, at } = row
  const answer = key(answerText(row.answer))
  const common = { id, group, at, weight: weights[row.kind] }
  const voices: Voice[] = []
  if (row.kind !== 'preference') voices.push({ ...common, about: answer, side: row.kind === 'demonstration' || row.good ? 1 : -1, edge: null })
  if ('rejected' in row && row.rejected !== null) {
    const rejected = key(answerText(row.rejected))
    const [low, high] = answer < rejected ? [answer, rejected] : [rejected, answer]
    if (low !== high) voices.push({ ...common, about: keyOf([low >>> 0, low / 2 ** 32, high >>> 0, high / 2 ** 32]), side: answer === low ? 1 : -1, edge: [answer, rejected] })
  }
  return voices
}

/** Finds what loses of voices about the same: first what its own speaker took back, then the lighter side or both. */
function settle (voices: readonly Voice[], dropped: Map<string, string>): void {
  if (voices.every(({ side }) => side === voices[0]!.side)) return
  const weight = { 1: 0, '-1': 0 }
  const holding: Voice[] = []
  for (const own of Map.groupBy(voices, ({ group }) => group).values()) {
    const last = own.reduce((latest, voice) => voice.at > latest.at || (voice.at === latest.at && voice.id > latest.id) ? voice : latest)
    const held = own.filter(({ side }) => side === last.side)
    weight[last.side] += Math.max(...held.map(each => each.weight))
    holding.push(...held)
    for (const { id, side } of own) if (side !== last.side) dropped.set(id, 'the same person said the opposite later')
  }
  if (weight[1] === 0 || weight[-1] === 0) return
  for (const { id, side } of holding) {
    if (weight[side] < outweighs * weight[side === 1 ? -1 : 1]) dropped.set(id, weight[side] * outweighs <= weight[side === 1 ? -1 : 1] ? 'outweighed by those who say the opposite' : 'others say the opposite')
  }
}

/** The ids of comparisons on a circle, or between two: what is left when answers that are never better, or never worse, are taken away again and again. */
function circular (voices: readonly Voice[]): Set<string> {
  let left = voices.filter(({ edge }) => edge !== null)
  for (let before = -1; left.length !== before;) {
    before = left.length
    const better = new Set(left.map(({ edge }) => edge![0]))
    const worse = new Set(left.map(({ edge }) => edge![1]))
    left = left.filter(({ edge }) => worse.has(edge![0]) && better.has(edge![1]))
  }
  return new Set(left.map(({ id }) => id))
}
