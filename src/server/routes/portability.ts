import { Readable } from 'node:stream'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyRequest } from 'fastify'
import { type Caller, requireScope, speakingFor } from '../../access/caller.ts'
import type { Config } from '../../config.ts'
import { PublicError, problem } from '../../errors.ts'
import { callerOf } from '../plugins/auth.ts'
import { linesOf, rowsIn } from '../portable.ts'
import type { Admit, Policies, Portability } from '../ports.ts'
import { ImportReport } from '../schemas/portable.ts'
import { failures } from '../schemas/shapes.ts'
import { UserId } from '../schemas/users.ts'
import type { Uploads } from '../upload.ts'

export interface PortabilityParts {
  readonly portability: Portability
  readonly policies: Pick<Policies, 'of'>
  readonly uploads: Uploads
  readonly admit: Admit
  readonly config: Pick<Config, 'bodyLimit' | 'requestTimeout' | 'stallTimeout'>
}

/** An answer on record holds a request of at most `bodyLimit` bytes, what was put before its messages, and what was answered. */
const bodiesPerLine = 2

/** All that is kept of a person, to take along: out as JSON lines, and in again. */
export const portability: FastifyPluginAsyncTypebox<PortabilityParts> = async (app, { portability, policies, uploads, admit, config: { bodyLimit, requestTimeout, stallTimeout } }) => {
  const config = { access: 'memory' } as const
  const tags = ['users']
  // Whatever it is called, it is read line by line as it comes.
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', (_request, payload, done) => { done(null, payload) })

  app.get('/v1/users/:user/export', {
    config, schema: { tags, summary: 'All that is kept of a user, as JSON lines that import reads', description: 'The last line has type `end`: without it the file was cut off. Asks for the scope `chat` too, since the answers on record are in it.', params: UserId, response: { 200: { description: 'The lines.', content: { 'application/jsonl': { schema: {} } } }, ...failures } }
  }, async (request, reply) => {
    const { tenant, user } = await speaking(request, request.params.user)
    const { socket } = request.raw
    // A reader who takes nothing is given up. When the reply is over, Node sets a time of its own.
    socket.setTimeout(stallTimeout * 1000, () => { socket.destroy() })
    return reply.type('application/jsonl; charset=utf-8').header('cache-control', 'no-store').send(Readable.from(linesOf(user, portability.export({ tenant, user }))))
  })

  app.post('/v1/users/:user/import', {
    config, schema: { tags, summary: 'Brings in what an export holds', description: 'The body is an export as it was made (application/jsonl). What is here already stays as it is, so the same file may be sent again. Asks for the scope `chat` too.', params: UserId, response: { 200: ImportReport, ...failures } }
  }, async request => {
    const caller = await speaking(request, request.params.user)
    const owner = { tenant: caller.tenant, user: caller.user }
    const own = await policies.of(owner)
    if (![caller.policy, own].every(({ write, store }) => write && store)) throw problem('memory_off', { used: 'written', user: encodeURIComponent(owner.user) })
    // What others answered elsewhere is learnt from only where an operator brings it in.
    const training = caller.policy.training && caller.scopes.has('admin')
    return await uploads.stream(request, requestTimeout, async content => {
      const report = await portability.import(owner, rowsIn(content, bodiesPerLine * bodyLimit), { training }).catch((error: unknown) => { throw cut(error) })
      return { object: 'import' as const, user: owner.user, ...report }
    })
  })

  /** The caller, speaking for the user of the path and counted. Throws `user_mismatch` where it may speak only for another. */
  async function speaking (request: FastifyRequest, user: string): Promise<Caller & { user: string }> {
    const caller = speakingFor(callerOf(request), user, 'header')
    requireScope(caller, 'chat')
    if (caller.user !== user) throw problem('user_mismatch', {}, { param: 'user' })
    await admit(caller)
    return { ...caller, user }
  }
}

/** Of a body that ends too early more is kept than of other uploads. */
function cut (error: unknown): unknown {
  return error instanceof PublicError && error.code === 'upload_cut' ? problem('import_incomplete', {}, { cause: error }) : error
}
