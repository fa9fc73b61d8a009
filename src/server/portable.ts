import { isUtf8 } from 'node:buffer'
import { createHash } from 'node:crypto'
import type { TSchema } from 'typebox'
import { Compile, type Validator } from 'typebox/compile'
import { PublicError, problem } from '../errors.ts'
import type { Portable } from '../privacy/portable.ts'
import { saidIn } from './feedback.ts'
import { type Fault, invalid } from './invalid.ts'
import { parseJson } from './json.ts'
import { isoOf, memoryOf, textFrom, timeFrom } from './memories.ts'
import { End, Head, type RowWire, Rows, format } from './schemas/portable.ts'

/**
 * The lines of an export: a first one that says what it is, a row each, and a
 * last one with their number and the sha256 of all bytes before it, without
 * which a file is known to be cut off.
 */
export async function * linesOf (user: string, rows: AsyncIterable<Portable>): AsyncGenerator<string, void, undefined> {
  const hash = createHash('sha256')
  const line = (value: object): string => {
    const text = `${JSON.stringify(value)}\n`
    hash.update(text)
    return text
  }
  let count = 0
  yield line({ type: 'engraft.export', format, user, at: isoOf(Date.now()) })
  for await (const row of rows) {
    count++
    yield line(wireOf(row))
  }
  yield line({ type: 'end', rows: count, sha256: hash.copy().digest('hex') })
}

/**
 * The rows in the lines of an export, each checked. Throws `import_invalid`
 * with the number of the first line at fault, `import_incomplete` where the last
 * line is missing and `import_damaged` where it tells of other bytes. A line of
 * more than `longest` bytes is at fault.
 */
export async function * rowsIn (chunks: AsyncIterable<Uint8Array>, longest: number): AsyncGenerator<Portable, void, undefined> {
  const hash = createHash('sha256')
  let number = 0
  let ended = false
  for await (const bytes of linesIn(chunks, longest, () => number + 1)) {
    number++
    if (ended) throw refused(number, 'the export has ended with the line before')
    const value = lineAt(number, bytes)
    if (number === 1) {
      if (value.type !== 'engraft.export') throw refused(1, 'this is no export: GET /v1/users/{user}/export makes one')
      const head = checked(1, schemas.head, value)
      if (head.format !== format) throw refused(1, `this is form ${head.format} of an export, and this version reads form ${format}`)
    } else if (value.type === 'end') {
      const end = checked(number, schemas.end, value)
      const found = hash.copy().digest('hex')
      if (end.sha256 !== found || end.rows !== number - 2) throw problem('import_damaged', {})
      ended = true
    } else {
      yield rowAt(number, value)
    }
    hash.update(bytes).update('\n')
  }
  if (!ended) throw problem('import_incomplete', {})
}

const schemas = { head: Compile(Head), end: Compile(End) }
const rowSchemas = new Map<unknown, Validator>(Object.entries(Rows).map(([type, schema]) => [type, Compile(schema as TSchema) as Validator]))

function rowAt (number: number, value: Readonly<Record<string, unknown>>): Portable {
  const schema = rowSchemas.get(value.type)
  if (schema === undefined) throw refused(number, `'type' must be one of ${[...rowSchemas.keys()].join(', ')} or end`)
  try {
    return rowFrom(checked(number, schema, value) as RowWire)
  } catch (error) {
    throw error instanceof PublicError && error.code !== 'import_invalid' ? refused(number, error.message) : error
  }
}

/** A checked value. Throws `import_invalid`. */
function checked<T> (number: number, schema: { Check (value: unknown): value is T, Errors (value: unknown): object[] }, value: unknown): T {
  if (schema.Check(value)) return value
  throw refused(number, invalid(schema.Errors(value) as Fault[], 'line').message)
}

function lineAt (number: number, bytes: Uint8Array): Readonly<Record<string, unknown>> {
  if (!isUtf8(bytes)) throw refused(number, 'it is not UTF-8')
  let value: unknown
  try {
    value = wellFormed(parseJson(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString()))
  } catch (error) {
    throw refused(number, (error as Error).message)
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw refused(number, 'it is no JSON object')
  return value as Record<string, unknown>
}

/** Half characters become U+FFFD, as in every request. */
function wellFormed (value: unknown): unknown {
  if (typeof value === 'string') return value.toWellFormed()
  if (Array.isArray(value)) return value.map(wellFormed)
  return typeof value === 'object' && value !== null ? Object.fromEntries(Object.entries(value).map(([name, inner]) => [name.toWellFormed(), wellFormed(inner)])) : value
}

/** The text between line feeds; what is after the last one too. */
async function * linesIn (chunks: AsyncIterable<Uint8Array>, longest: number, next: () => number): AsyncGenerator<Uint8Array, void, undefined> {
  let parts: Uint8Array[] = []
  let size = 0
  const take = (part: Uint8Array): void => {
    size += part.byteLength
    if (size > longest) throw refused(next(), `it is longer than ${longest} bytes, the most this server takes (--body-limit)`)
    parts.push(part)
  }
  for await (const chunk of chunks) {
    let from = 0
    for (let to = chunk.indexOf(lineFeed); to !== -1; to = chunk.indexOf(lineFeed, from)) {
      take(chunk.subarray(from, to))
      yield Buffer.concat(parts)
      parts = []
      size = 0
      from = to + 1
    }
    take(chunk.subarray(from))
  }
  if (size > 0) yield Buffer.concat(parts)
}

const lineFeed = 0x0a

function refused (line: number, detail: string): PublicError {
  return problem('import_invalid', { line, detail: detail.replace(/\.$/, '') }, { param: `line ${line}` })
}

function wireOf (row: Portable): RowWire {
  switch (row.type) {
    case 'memory': {
      const { object: _, ...wire } = memoryOf(row.memory)
      return { type: 'memory', ...wire, position: row.memory.position }
    }
    case 'interaction': {
      const { created, memories, messages, choices, ...rest } = row.interaction
      return {
        type: 'interaction',
        ...rest,
        created: isoOf(created),
        memories: [...memories],
        messages: messages.map(({ calls, ...message }) => ({ ...message, ...calls !== undefined && { calls: [...calls] } })),
        choices: choices.map(choice => ({ ...choice, calls: [...choice.calls] }))
      }
    }
    case 'policy': {
      const { read, write, store, training, retentionDays } = row.policy
      return { type: 'policy', memory: { read, write }, store, training, retention_days: retentionDays }
    }
    case 'feedback': {
      const { created, completion, ...rest } = row.feedback
      return { type: 'feedback', ...rest, completion_id: completion, created_at: isoOf(created) }
    }
    case 'forgotten': return row
  }
}

function rowFrom (row: RowWire): Portable {
  switch (row.type) {
    case 'memory': {
      const { type, content, name, at, recorded_at: recordedAt, ended_at: endedAt, superseded_by: supersededBy, external_id: externalId, completion_id: interaction, ...rest } = row
      if ((rest.position === null) !== (rest.session === null)) throw problem('invalid_request', { detail: "'position' and 'session' are either both null or neither." })
      return {
        type,
        memory: {
          ...rest,
          text: textFrom(content, 'content'),
          speaker: name,
          at: timeFrom(at, 'at'),
          recordedAt: timeFrom(recordedAt, 'recorded_at'),
          endedAt: endedAt === null ? null : timeFrom(endedAt, 'ended_at'),
          supersededBy,
          externalId,
          interaction
        }
      }
    }
    case 'interaction': {
      const { type, ...interaction } = row
      return { type, interaction: { ...interaction, created: timeFrom(row.created, 'created') } }
    }
    case 'policy': {
      const { type, memory: { read, write }, store, training, retention_days: retentionDays } = row
      return { type, policy: { read, write, store, training, retentionDays } }
    }
    case 'feedback': {
      const { type, completion_id: completion, choice = 0, created_at: created, kind, value, comment, ...rest } = row
      if (completion === null && rest.session === null) throw problem('invalid_request', { detail: "'completion_id' and 'session' are both null." })
      return { type, feedback: { ...rest, ...saidIn({ kind, value }, comment), comment, completion, choice, created: timeFrom(created, 'created_at') } }
    }
    case 'forgotten': return row
  }
}
