import { PublicError, problem } from '../../errors.ts'
import { parseJson } from '../json.ts'

/** What a client may send. */
export type ClientFrame =
  | { readonly type: 'create', readonly id: string, readonly body: unknown }
  | { readonly type: 'cancel', readonly id: string }

/** What the server sends. No `id` where the client's frame could not be read; `cancelled` where the client ended the answer; `ignored` lists fields without effect. */
export type ServerFrame =
  | { readonly type: 'chunk', readonly id: string, readonly data: unknown }
  | { readonly type: 'done', readonly id: string, readonly cancelled?: true, readonly ignored?: readonly string[] }
  | { readonly type: 'error', readonly id?: string, readonly error: unknown }

/** A frame that cannot be used, with its id if it had one. */
export class UnusableFrame extends Error {
  override readonly name = 'UnusableFrame'
  readonly id: string | null
  readonly problem: PublicError
  constructor (detail: string, id: string | null = null) {
    super(detail)
    this.id = id
    this.problem = problem('invalid_frame', { detail })
  }
}

// Long enough for any uuid or path of names; ids come back in every frame.
const maxIdLength = 128

/** Reads one message. Throws `UnusableFrame`. */
export function readFrame (message: string | null): ClientFrame {
  if (message === null) throw new UnusableFrame('it is binary; send JSON text.')
  const frame = json(message)
  if (typeof frame !== 'object' || frame === null || Array.isArray(frame)) throw new UnusableFrame('it must be a JSON object.')
  const { type, id, body } = frame as { type?: unknown, id?: unknown, body?: unknown }
  if (typeof id !== 'string' || id === '' || id.length > maxIdLength) throw new UnusableFrame(`'id' must be a text of 1 to ${maxIdLength} characters.`)
  if (type === 'create') return { type, id, body }
  if (type === 'cancel') return { type, id }
  throw new UnusableFrame("'type' must be 'create' or 'cancel'.", id)
}

function json (message: string): unknown {
  try {
    return parseJson(message)
  } catch (error) {
    throw new UnusableFrame((error as PublicError).message)
  }
}
