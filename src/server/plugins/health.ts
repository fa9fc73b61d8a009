import type { FastifyPluginAsync } from 'fastify'
import Type from 'typebox'
import { problem } from '../../errors.ts'
import { shuttingDown, type Answers } from '../answers.ts'
import type { Bases } from '../ports.ts'
import { Failure } from '../schemas/shapes.ts'

const Status = Type.Object({ status: Type.String() })
// A small base loads within this; a large one is asked about a few times more.
const askAgainSeconds = 5

export const health: FastifyPluginAsync<{ answers: Answers, bases: Pick<Bases, 'list'>, version: string }> = async (app, { answers, bases, version }) => {
  for (const path of ['/healthz', '/health']) {
    app.get(path, {
      config: { access: 'open' },
      schema: { tags: ['operations'], summary: 'The process lives', response: { 200: Status } }
    }, async () => ({ status: 'ok' }))
  }

  app.get('/readyz', {
    config: { access: 'open' },
    schema: { tags: ['operations'], summary: 'It can answer', response: { 200: Status, 503: Failure } }
  }, async () => {
    if (answers.draining) throw shuttingDown()
    const base = bases.list().find(base => base.default)
    if (base === undefined || base.state.status !== 'ready') {
      const detail = base?.state.detail ?? base?.state.status ?? 'no base model is served'
      throw problem('model_loading', { model: base?.name ?? 'default', detail, seconds: askAgainSeconds }, { retryAfter: askAgainSeconds })
    }
    return { status: 'ready' }
  })

  app.get('/version', {
    config: { access: 'open' },
    schema: { tags: ['operations'], summary: 'Which version this is', response: { 200: Type.Object({ version: Type.String() }) } }
  }, async () => ({ version }))
}
