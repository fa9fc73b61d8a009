import { problem } from '../errors.ts'
import type { Feedback, NewFeedback, Said, Signal, Told } from '../interactions/feedback.ts'
import { type FeedbackBodyWire, type FeedbackWire, lastChoice, longestText } from './schemas/feedback.ts'
import { maxIdLength, maxUserLength, noControls } from './schemas/shapes.ts'

const allowed = new RegExp(noControls, 'u')

/** What a body says. Throws a 400 or 413 that names the field. */
export function feedbackFrom (body: FeedbackBodyWire): NewFeedback {
  const comment = body.comment?.trim() ? body.comment.toWellFormed() : null
  return { ...saidIn(body, comment), ...placeOf(body), comment, author: body.author ?? null }
}

export function feedbackOf ({ id, completion, choice, session, kind, value, comment, author, said, created }: Feedback): FeedbackWire {
  return { id, object: 'feedback', completion_id: completion, choice, session, kind, value, comment, author, said, created_at: new Date(created).toISOString() }
}

export function signalOf ({ kind, completion, session }: Signal) {
  return { kind, completion_id: completion, session }
}

function placeOf ({ kind, value, completion_id: completion, choice, session }: FeedbackBodyWire): Pick<NewFeedback, 'completion' | 'choice' | 'session'> {
  const place = { completion: completion ?? null, choice: choice ?? 0, session: session ?? null }
  if (kind === 'preference') {
    const { chosen, rejected } = fieldsOf(value)
    if (place.completion !== null && ![chosen, rejected].includes(place.completion)) throw refused("'completion_id' is neither of the two answers: leave it out.", 'completion_id')
    if (place.choice !== 0) throw refused("A preference says in 'value.choices' which answers it is of.", 'choice')
    return place
  }
  if (place.completion !== null && place.session !== null) throw refused("Send either 'completion_id' or 'session'.", 'session')
  if (place.completion === null && (place.session === null || kind === 'correction' || kind === 'edited')) {
    throw refused(kind === 'correction' || kind === 'edited' ? "'completion_id' is missing: it must name the answer." : "'completion_id' is missing: name an answer, or a whole session as 'session'.", 'completion_id')
  }
  if (place.completion === null && place.choice !== 0) throw refused("A whole session has no 'choice': leave it out.", 'choice')
  return place
}

/** What is said by a value of this kind. Throws a 400 or 413 that names the field. */
export function saidIn ({ kind, value }: Pick<FeedbackBodyWire, 'kind' | 'value'>, comment: string | null): Said | Told {
  switch (kind) {
    case 'thumb': {
      if (typeof value !== 'boolean') throw refused("'value' must be true or false.", 'value')
      return { kind, value }
    }
    case 'rating': {
      if (typeof value !== 'number' || !(value >= 0 && value <= 1)) throw refused("'value' must be a number from 0 (worst) to 1 (best).", 'value')
      return { kind, value }
    }
    case 'correction':
    case 'edited': {
      if (typeof value !== 'string' || value.trim() === '') throw refused("'value' must be a text that is not empty.", 'value')
      if (value.length > longestText) throw problem('feedback_too_large', { field: 'value', limit: longestText }, { param: 'value' })
      return { kind, value: value.toWellFormed() }
    }
    case 'preference': {
      const { chosen, rejected, choices } = fieldsOf(value)
      const [better, worse] = [idOf(chosen, 'value.chosen'), idOf(rejected, 'value.rejected')]
      const [first, second] = choices === undefined || choices === null ? [0, 0] : choicesIn(choices)
      if (better === worse && first === second) throw refused("'value.chosen' and 'value.rejected' must be two answers: of one completion, 'value.choices' says which.", 'value')
      return { kind, value: { chosen: better, rejected: worse, ...(first > 0 || second > 0) && { choices: [first, second] } } }
    }
    case 'comment': {
      if (value !== undefined && value !== null) throw refused("A comment has no 'value': send the words as 'comment'.", 'value')
      if (comment === null) throw refused("'comment' is missing.", 'comment')
      return { kind, value: null }
    }
    case 'outcome': {
      const { metric, number } = fieldsOf(value)
      if (typeof metric !== 'string' || metric.length > maxUserLength || !allowed.test(metric)) throw refused(`'value.metric' must be a name of at most ${maxUserLength} characters.`, 'value.metric')
      if (typeof number !== 'number' || !Number.isFinite(number)) throw refused("'value.number' must be a number.", 'value.number')
      return { kind, value: { metric, number } }
    }
  }
}

function fieldsOf (value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw refused("'value' must be an object.", 'value')
  return value as Readonly<Record<string, unknown>>
}

function idOf (id: unknown, param: string): string {
  if (typeof id !== 'string' || id.length > maxIdLength || !allowed.test(id)) throw refused(`'${param}' must be the id of an answer.`, param)
  return id
}

function choicesIn (choices: unknown): [number, number] {
  if (!Array.isArray(choices) || choices.length !== 2 || !choices.every((choice: unknown) => Number.isInteger(choice) && (choice as number) >= 0 && (choice as number) <= lastChoice)) throw refused("'value.choices' must be two whole numbers from 0: which answer is better, and which is worse.", 'value.choices')
  return [choices[0] as number, choices[1] as number]
}

function refused (detail: string, param: string) { return problem('invalid_request', { detail }, { param }) }
