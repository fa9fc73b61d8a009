import type { FastifyReply } from 'fastify'

/**
 * A signal that fires when the caller leaves before the answer is complete.
 *
 * Watches the response, not the request: a request closes as soon as its body
 * has been read, which would cancel every POST (fastify pull 6725).
 */
export function departure (reply: FastifyReply): AbortSignal {
  const controller = new AbortController()
  const left = () => {
    if (!reply.raw.writableFinished) controller.abort(new Error('The caller left before the answer was complete.'))
  }
  // It may have left while its key was looked up: then no event comes any more.
  if (reply.raw.closed) left()
  else reply.raw.once('close', left)
  return controller.signal
}
