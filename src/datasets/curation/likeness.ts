import { isStrict, keyOf, mix, strictWord, type Words } from './words.ts'

/** Longer texts are compared by a sample of so many words at most: 1 KB. */
const longest = 256
/** A sample of fewer says too little. */
const leastSample = 32
/** Levels of sampling; the last keeps one word of 65,536. */
const levels = 16
/** A slip of the finger; a word more or less; neighbours exchanged; a word of the same stem; another word. */
const costs = { slip: 2, more: 5, swap: 5, kin: 5, other: 8 }
/** Two slips and no more: one word more may make another question of a short text. */
const strictly = 4
/** An answer of so many words that mean something is rarely given to different questions. */
const longAnswer = 7
/**
 * And where one of so many is given to two questions, a word more and another
 * word make no other question of three or more. Where two such are given to
 * one question, one word in five may be another.
 */
const tellingAnswer = 8
const tellingQuestion = 3
const answerWordsPerEdit = 5
/** Room for another word of so many in a longer question. */
const questionWordsPerEdit = 8
/** What no budget allows. */
const never = 2 ** 20

/**
 * A text as it is kept for comparison: how far it was sampled (0: not at all),
 * then its words. A word is in the sample by its own hash, so that two texts
 * sampled alike hold the same of their common words, in their order. A long
 * text of few different words cannot be sampled so: it is cut, and equals only
 * itself.
 */
export function kept (words: Uint32Array): Uint32Array {
  let level = 0
  let sample = words
  while (sample.length > longest && level < levels) {
    const less = sampled(sample, level + 1)
    if (less.length < leastSample) return Uint32Array.of(level, ...sample.subarray(0, longest), strictWord(keyOf(words)))
    sample = less
    level++
  }
  return Uint32Array.of(level, ...sample.subarray(0, longest))
}

function sampled (words: Uint32Array, level: number): Uint32Array {
  return words.filter(word => (mix(word) & (1 << level) - 1) === 0)
}

/** Two texts as they are kept. */
export type Pair = readonly [Uint32Array, Uint32Array]

/**
 * Whether one question and its answer are the other's after small edits. Where
 * more than slips changed in the one, not more than slips may in the other: a template
 * filled in with something else changes in both.
 */
export function alike (question: Pair, answer: Pair, words: Words): boolean {
  const [asked, answered] = [compared(question), compared(answer)]
  const slipped = distance(asked, strictly, words) <= strictly
  return (slipped ? answeredAlike(answered, words) : askedAlike(asked, answered, words)) && !exchanged(question, answer)
}

/** Whether the answers to one question are the same. */
function answeredAlike (answered: Compared, words: Words): boolean {
  const most = costs.more + (answered.length >= tellingAnswer ? roomFor(answered, answerWordsPerEdit) : 0)
  return distance(answered, most, words) <= most
}

/** Whether the questions with one answer are the same. */
function askedAlike (asked: Compared, answered: Compared, words: Words): boolean {
  if (answered.length < longAnswer || distance(answered, strictly, words) > strictly) return false
  const telling = answered.length >= tellingAnswer && asked.length >= tellingQuestion
  const most = costs.more + (telling ? costs.other : costs.slip) + roomFor(asked, questionWordsPerEdit)
  return sameBag(asked) || distance(asked, most, words) <= most
}

/** What other words may cost in a text of this length. */
function roomFor ({ length }: Compared, wordsPerEdit: number): number { return costs.other * Math.floor(length / wordsPerEdit) }

/** Whether they are the same words in any order, but for one more that is not strict. */
function sameBag ({ texts }: Compared): boolean {
  const [shorter, longer] = texts.map(text => text.toSorted()).sort((a, b) => a.length - b.length) as [Uint32Array, Uint32Array]
  const more = longer.findIndex((word, i) => word !== shorter[i])
  if (more === -1) return true
  return longer.length === shorter.length + 1 && !isStrict(longer[more]!) && shorter.subarray(more).every((word, i) => word === longer[more + 1 + i])
}

interface Compared {
  readonly texts: Pair
  /** Of the shorter, in words. */
  readonly length: number
}

/** Both at the coarser of their levels of sampling. */
function compared ([a, b]: Pair): Compared {
  const level = Math.max(a[0]!, b[0]!)
  const [one, other] = [a, b].map(text => text[0] === level ? text.subarray(1) : sampled(text.subarray(1), level)) as [Uint32Array, Uint32Array]
  return { texts: [one, other], length: Math.min(one.length, other.length) }
}

/**
 * The weighted edit distance, or more than `budget` where it is more. Only
 * cells that the budget reaches are computed (Ukkonen 1985, doi
 * 10.1016/S0019-9958(85)80046-2): n × budget steps, for texts that share their
 * beginning and end fewer. Words are compared in their order: "from Oslo to
 * Rome" is not "from Rome to Oslo".
 */
function distance ({ texts: [a, b] }: Compared, budget: number, words: Words): number {
  const reach = Math.floor(budget / costs.more) + 1
  if (Math.abs(a.length - b.length) > reach) return never
  let start = 0
  while (start < a.length && start < b.length && a[start] === b[start]) start++
  let end = 0
  while (end < a.length - start && end < b.length - start && a[a.length - 1 - end] === b[b.length - 1 - end]) end++

  const one = a.subarray(start, a.length - end)
  const other = b.subarray(start, b.length - end)

  let before: number[] = []
  let above = Array.from({ length: other.length + 1 }, (_, j) => j === 0 ? 0 : never)
  for (let j = 1; j <= Math.min(other.length, reach); j++) above[j] = above[j - 1]! + costOf(other[j - 1]!)
  for (let i = 1; i <= one.length; i++) {
    const row = new Array<number>(other.length + 1).fill(never)
    const word = one[i - 1]!
    if (i <= reach) row[0] = above[0]! + costOf(word)
    let best = row[0]!
    for (let j = Math.max(1, i - reach); j <= Math.min(other.length, i + reach); j++) {
      const against = other[j - 1]!
      let cost = Math.min(above[j]! + costOf(word), row[j - 1]! + costOf(against), above[j - 1]! + exchange(word, against, words))
      if (j > 1 && words.isApart(other[j - 2]!, against, word)) cost = Math.min(cost, above[j - 2]! + costs.slip)
      if (i > 1 && words.isApart(one[i - 2]!, word, against)) cost = Math.min(cost, before[j - 1]! + costs.slip)
      if (i > 1 && j > 1 && word === other[j - 2] && against === one[i - 2]) cost = Math.min(cost, before[j - 2]! + costs.swap)
      row[j] = cost
      if (cost < best) best = cost
    }
    if (best > budget && Math.min(...above) > budget) return never
    before = above
    above = row
  }
  return above[other.length]!
}

function costOf (word: number): number { return isStrict(word) ? never : costs.more }

function exchange (a: number, b: number, words: Words): number {
  if (a === b) return 0
  if (words.isSlip(a, b)) return costs.slip
  if (isStrict(a) || isStrict(b)) return never
  return words.isKin(a, b) ? costs.kin : costs.other
}

/** Whether the same word gave way to the same other word in both: a name or another item of a template, not a slip. */
function exchanged (question: Pair, answer: Pair): boolean {
  const [asked, askedElse] = differing(question)
  const [answered, answeredElse] = differing(answer)
  return asked.some(word => answered.includes(word)) && askedElse.some(word => answeredElse.includes(word))
}

/** What each has that the other lacks. */
function differing ([a, b]: Pair): [number[], number[]] {
  const [inA, inB] = [new Set(a.subarray(1)), new Set(b.subarray(1))]
  return [[...inA].filter(word => !inB.has(word)), [...inB].filter(word => !inA.has(word))]
}
