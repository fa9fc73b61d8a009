import { once } from 'node:events'
import { createServer } from 'node:net'
import type { Config } from './config.ts'

/** What a start and an end need besides the parts they start and end. */

/** Something an operator must change before the server can start. */
export class StartError extends Error { override readonly name = 'StartError' }

type Address = Pick<Config, 'host' | 'port'>

/** Tries the address before anything that takes long. Throws `StartError` when nobody can listen there. */
export async function probeAddress (address: Address): Promise<void> {
  const server = createServer()
  try {
    await once(server.listen(address), 'listening')
  } catch (error) {
    throw listenError(error, address)
  }
  server.close()
  await once(server, 'close')
}

/** Why nobody can listen there, in words for an operator; anything else as it is. */
export function listenError (error: unknown, { host, port }: Address): unknown {
  switch ((error as NodeJS.ErrnoException).code) {
    case 'EADDRINUSE': return new StartError(`Something listens on port ${port} of ${host} already, perhaps another Engraft. Stop it, or choose another port with --port (0 takes a free one).`, { cause: error })
    case 'EACCES': return new StartError(`This user may not listen on port ${port} of ${host}. Choose another with --port; those below 1024 are often the administrator's.`, { cause: error })
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND': return new StartError(`${host} is no address of this machine. Name one with --host: 127.0.0.1 for programs on this machine, 0.0.0.0 for all of its addresses.`, { cause: error })
    default: return error
  }
}

/** What `work` becomes, unless the signal fires first: then its reason is thrown, and whoever began the work ends it. */
export async function unlessAborted<T> (signal: AbortSignal, work: Promise<T>): Promise<T> {
  const fired = Promise.withResolvers<never>()
  const fire = (): void => fired.reject(signal.reason)
  signal.addEventListener('abort', fire, { once: true })
  if (signal.aborted) fire()
  try {
    return await Promise.race([work, fired.promise])
  } finally {
    signal.removeEventListener('abort', fire)
  }
}

/** Runs every step, the last one first, whatever the others do. Throws what failed: one error as it is, several as an `AggregateError`. */
export async function endAll (steps: readonly (() => Promise<void>)[]): Promise<void> {
  const failures: unknown[] = []
  for (const step of steps.toReversed()) {
    try {
      await step()
    } catch (error) {
      failures.push(error)
    }
  }
  if (failures.length > 1) throw new AggregateError(failures, `${failures.length} steps of the shutdown failed.`)
  if (failures.length === 1) throw failures[0]
}
