import { problem } from '../errors.ts'
import { longestMemory, type Change, type Filter, type Memory, type NewMemory, type Question, type Recalled } from '../memory/memories.ts'
import { type ChangeBodyWire, type MemoryBodyWire, type MemoryWire, type TurnWire, kinds } from './schemas/memories.ts'
import type { Static } from 'typebox'
import type { Found, MemoriesQuery, SearchBody } from './schemas/memories.ts'

/** What a body asks to be remembered. Throws a 400 or 413 that names the field. */
export function newMemoriesFrom ({ content, kind, turns, session, at, external_id: externalId }: MemoryBodyWire): NewMemory[] {
  if (typeof content === 'string') {
    if (turns != null) throw problem('invalid_request', { detail: "Send either 'content' or 'turns'." }, { param: 'turns' })
    return [{ kind: kind ?? 'note', text: textFrom(content, 'content'), session: session ?? null, ...timeIn(at, 'at'), externalId: externalId ?? null }]
  }
  if (turns == null) throw problem('invalid_request', { detail: "'content' is missing: send what is to be remembered, or a history as 'turns'." }, { param: 'content' })
  const alone = Object.entries({ kind, at, external_id: externalId }).find(([, value]) => value != null)
  if (alone !== undefined) throw problem('invalid_request', { detail: `'${alone[0]}' belongs to 'content'; turns have their own.` }, { param: alone[0] })
  return turns.map((turn, i) => turnFrom(turn, session ?? null, `turns[${i}]`))
}

function turnFrom ({ role, name, content, at, external_id: externalId }: TurnWire, session: string | null, place: string): NewMemory {
  return { kind: 'turn', text: textFrom(content, `${place}.content`), session, role: role ?? null, speaker: name ?? null, ...timeIn(at, `${place}.at`), externalId: externalId ?? null }
}

export function changeFrom ({ content, kind, at, ended_at: endedAt }: ChangeBodyWire): Change {
  const change = {
    ...(content != null && { text: textFrom(content, 'content') }),
    ...(kind != null && { kind }),
    ...timeIn(at, 'at'),
    ...(endedAt !== undefined && { endedAt: endedAt === null ? null : timeFrom(endedAt, 'ended_at') })
  }
  if (Object.keys(change).length === 0) throw problem('invalid_request', { detail: "Nothing is to be changed: send 'content', 'kind', 'at' or 'ended_at'." })
  return change
}

export function filterFrom ({ kind, session, external_id: externalId, as_of: asOf }: Static<typeof MemoriesQuery>): Filter {
  return {
    ...(kind !== undefined && { kinds: [kind] }),
    ...(session !== undefined && { session }),
    ...(externalId !== undefined && { externalId }),
    ...(asOf !== undefined && { asOf: timeFrom(asOf, 'as_of') })
  }
}

export function questionFrom ({ query, limit, max_tokens: maxTokens, as_of: asOf, kinds: wanted, explain }: Static<typeof SearchBody>): Question {
  return {
    query: query.toWellFormed(),
    ...(limit != null && { limit }),
    ...(maxTokens != null && { maxTokens }),
    ...(asOf != null && { asOf: timeFrom(asOf, 'as_of') }),
    ...(wanted != null && wanted.length < kinds.length && { kinds: wanted }),
    explain: explain === true
  }
}

export function memoryOf ({ id, kind, text, session, role, speaker, at, recordedAt, endedAt, supersededBy, externalId, interaction, source }: Memory): MemoryWire {
  return {
    id,
    object: 'memory',
    kind,
    content: text,
    session,
    role,
    name: speaker,
    at: isoOf(at),
    recorded_at: isoOf(recordedAt),
    ended_at: endedAt === null ? null : isoOf(endedAt),
    superseded_by: supersededBy,
    external_id: externalId,
    completion_id: interaction,
    source
  }
}

export function foundOf ({ id, kind, text, session, at, externalId, score, source, quote, why }: Recalled): Static<typeof Found>['data'][number] {
  return {
    id,
    kind,
    content: text,
    session,
    at: isoOf(at),
    external_id: externalId,
    score,
    ...(source !== null && { source }),
    ...(why !== undefined && { explain: { quote, ...why, words: [...why.words], factors: { ...why.factors } } })
  }
}

/** What the store would refuse is refused here, where its place in the request is known. */
export function textFrom (text: string, field: string): string {
  if (text.trim() === '') throw problem('invalid_memory', { detail: `'${field}' is empty` }, { param: field })
  if (text.length > longestMemory) throw problem('memory_too_large', { limit: longestMemory }, { param: field })
  return text.toWellFormed()
}

const iso = /^(\d{4}-\d{2}-\d{2})(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(Z|[+-]\d{2}:\d{2})?)?$/i

/** Milliseconds since 1970. A text without a zone would be read in the server's own, and 30 February as 2 March. */
export function timeFrom (text: string, field: string): number {
  const [, day = '', zone] = iso.exec(text) ?? []
  const midnight = Date.parse(day)
  const time = Date.parse(text.length > day.length && zone === undefined ? `${text}Z` : text)
  if (Number.isNaN(midnight) || !new Date(midnight).toISOString().startsWith(day) || Number.isNaN(time)) throw problem('invalid_request', { detail: `'${field}' must be a time in ISO 8601, as 2023-05-08T10:00:00Z.` }, { param: field })
  return time
}

function timeIn (at: string | null | undefined, field: string): { readonly at?: number } {
  return at == null ? {} : { at: timeFrom(at, field) }
}

export function isoOf (time: number): string { return new Date(time).toISOString() }
