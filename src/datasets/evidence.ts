import { createHash } from 'node:crypto'
import type { Tool } from '../inference/engine.ts'
import type { Feedback, Said } from '../interactions/feedback.ts'
import type { Choice, Interaction } from '../interactions/interactions.ts'
import type { Review } from './review.ts'
import type { Answer, Row } from './row.ts'

/** A word that may make a row. */
export type Word = Said & Pick<Feedback, 'id' | 'author' | 'choice'>

/** An answer, and all that is known of how good it was. */
export interface Judged {
  readonly interaction: Interaction
  readonly owner: number
  readonly group: string
  readonly prompt: Row['prompt']
  /** What memory and profile quote in it; '': neither stands there. */
  readonly quoted: string
  /** In order of record, those on this answer and the preferences that name it. */
  readonly said: readonly Word[]
  /** The latest one; null: nobody has reviewed it. */
  readonly review: Pick<Review, 'id' | 'verdict' | 'answer'> | null
  /** The other answer of a preference; null: it is not on record, or may not be used. */
  other (id: string): Interaction | null
}

/** Rows, and for what makes none the reason. */
export interface Evident { readonly rows: readonly Row[], readonly dropped: readonly string[] }

/** At these ratings and beyond, an answer counts as good or as bad; what lies between says too little. */
const goodFrom = 0.75
const badTo = 0.25

/**
 * The rows that evidence makes of one answer. A later word outweighs an earlier
 * one of the same author; what several authors say stands side by side, but
 * where they contradict each other on good or bad nothing is made of it.
 */
export function evident (judged: Judged): Evident {
  const { interaction, owner, group, prompt, quoted, said, review } = judged
  const { choices } = interaction
  const rows: Row[] = []
  const dropped: string[] = []
  const common = (kind: Row['kind'], feedback: readonly string[], choice: number, other: string | null = null) => ({
    id: createHash('sha256').update(JSON.stringify([kind, interaction.id, feedback])).digest('hex').slice(0, 32),
    owner,
    group,
    at: interaction.created,
    evidence: { interaction: interaction.id, ...choice > 0 && { choice }, ...other !== null && { other }, feedback, model: interaction.model },
    prompt,
    tools: toolsOf(interaction.params),
    remembered: quoted !== '',
    quoted
  })

  if (review?.verdict === 'rejected') return { rows, dropped: ['a reviewer rejected it'] }
  if (review?.verdict === 'edited') teach({ content: review.answer ?? '' }, [review.id], 0)
  if (review?.verdict === 'approved') {
    const [own] = choices
    if (own === undefined || unfinished(own)) dropped.push('the answer was cut off')
    else rows.push({ ...common('demonstration', [review.id], 0), kind: 'demonstration', answer: answerOf(own), rejected: null })
  }
  for (const correction of latest(said.filter(({ kind }) => kind === 'correction'), ({ choice }) => String(choice))) {
    if (review === null) teach({ content: correction.value as string }, [correction.id], correction.choice)
    else dropped.push('a reviewer decided otherwise')
  }
  for (const preference of latest(said.filter(isPreference), ({ value: { chosen, rejected, choices } }) => [chosen, rejected].map((id, i) => `${id} ${choices?.[i] ?? 0}`).sort().join(' '))) prefer(preference)
  const opinions = said.filter(({ kind }) => kind === 'thumb' || kind === 'rating')
  for (const [choice, words] of Map.groupBy(opinions, ({ choice }) => choice)) judge(words, choice)
  return { rows, dropped }

  function teach (answer: Answer, feedback: readonly string[], choice: number): void {
    if (answer.content.trim() === '') { dropped.push('the better answer is empty'); return }
    const own = choices[choice] ?? null
    const same = own !== null && own.calls.length === 0 && own.content.trim() === answer.content.trim()
    rows.push({ ...common('demonstration', feedback, choice), kind: 'demonstration', answer, rejected: own === null || same || broken(own) ? null : answerOf(own) })
  }

  function prefer ({ id, value: { chosen, rejected, choices: [better, worse] = [0, 0] } }: Word & { readonly kind: 'preference' }): void {
    // Made where the chosen one is; here it is only known for outweighing.
    if (chosen !== interaction.id) return
    const other = rejected === interaction.id ? interaction : judged.other(rejected)
    const [good, bad] = [choices[better] ?? null, other?.choices[worse] ?? null]
    if (other === null || good === null || bad === null) dropped.push('one of the two answers is not there')
    else if (tipOf(other) !== tipOf(interaction)) dropped.push('the two answers are to different questions')
    else if (unfinished(good) || broken(bad)) dropped.push('the answer was cut off')
    else rows.push({ ...common('preference', [id], better, other.id === interaction.id ? null : other.id), kind: 'preference', answer: answerOf(good), rejected: answerOf(bad) })
  }

  function judge (words: readonly Word[], choice: number): void {
    const opinions = latest(words).map(word => ({ id: word.id, good: opinionOf(word) }))
    const clear = opinions.filter(({ good }) => good !== null)
    if (clear.length === 0) { dropped.push('the rating is neither good nor bad'); return }
    const own = choices[choice] ?? null
    const good = clear[0]!.good!
    if (clear.some(opinion => opinion.good !== good)) dropped.push('people disagree about it')
    else if (own === null || broken(own) || (good && unfinished(own))) dropped.push('the answer was cut off')
    else rows.push({ ...common('verdict', clear.map(({ id }) => id), choice), kind: 'verdict', answer: answerOf(own), good })
  }
}

function isPreference (word: Word): word is Word & { readonly kind: 'preference' } { return word.kind === 'preference' }

/** The last word of each author, in order of record; `of`: on what, where an author may have several. */
function latest<W extends Word> (words: readonly W[], of: (word: W) => string = () => ''): W[] {
  const last = new Map(words.map(one => [JSON.stringify([one.author, of(one)]), one]))
  return words.filter(one => last.get(JSON.stringify([one.author, of(one)])) === one)
}

/** null: neither. */
function opinionOf ({ kind, value }: Word): boolean | null {
  if (kind === 'thumb') return value
  if (kind !== 'rating') return null
  return value >= goodFrom ? true : value <= badTo ? false : null
}

/** The caller left or something failed: how it would have gone on is not known. */
function broken ({ reason }: Choice): boolean { return reason === null }

/** Nobody should learn to stop in the middle. */
function unfinished ({ reason }: Choice): boolean { return reason === null || reason === 'length' }

/** Equal where the conversations are. */
function tipOf ({ keys }: Interaction): string | null { return keys.findLast(key => key !== null) ?? null }

function answerOf ({ content, calls }: Choice): Answer { return { content, ...calls.length > 0 && { calls } } }

function toolsOf ({ tools }: Interaction['params']): readonly Tool[] {
  return Array.isArray(tools) ? (tools as { readonly function: Tool }[]).map(({ function: { name, description, parameters } }) => ({ name, description, parameters })) : []
}
