import type { FastifyRequest } from 'fastify'
import type { Wish } from '../chat/keeping.ts'
import { problem } from '../errors.ts'
import { headerText } from './headers.ts'
import { maxUserLength, noControls } from './schemas/shapes.ts'

/** What clients say in headers that cannot add fields to a body. */
export interface Wishes {
  readonly memory: Wish['memory']
  readonly session: string | null
}

const words = ['on', 'off', 'read', 'write'] as const
const allowed = new RegExp(noControls, 'u')

/** Throws a 400 that names the header. */
export function wishesOf ({ headers }: Pick<FastifyRequest, 'headers'>): Wishes {
  const memory = headers['x-engraft-memory']
  const given = headers['x-engraft-session']
  const session = typeof given === 'string' ? headerText(given) : given
  const word = words.find(word => word === memory)
  if (memory !== undefined && word === undefined) throw problem('invalid_request', { detail: `'x-engraft-memory' must be one of ${words.join(', ')}.` }, { param: 'x-engraft-memory' })
  if (session !== undefined && (typeof session !== 'string' || session.length > maxUserLength || !allowed.test(session))) throw problem('invalid_request', { detail: `'x-engraft-session' must be given once, not empty, and have at most ${maxUserLength} characters.` }, { param: 'x-engraft-session' })
  return { memory: word ?? null, session: session ?? null }
}
