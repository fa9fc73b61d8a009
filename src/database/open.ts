import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { Worker } from 'node:worker_threads'
import type { CompiledQuery } from 'kysely'
import { type PublicError, problem } from '../errors.ts'
import type { Database } from './database.ts'
import { DatabaseError, errorOf, openingError } from './failure.ts'
import type { Opening, Query, Reply, Request } from './protocol.ts'

export interface OpenOptions extends Omit<Opening, 'role'> {
  /** `server` (the default) owns the folder alone; a `command` works beside a running server and owns nothing. */
  readonly role?: Opening['role']
  /** Called once if the worker dies unasked. From then on every call rejects, so the process should end and be started anew. */
  readonly onDeath?: (error: PublicError) => void
}

/**
 * Opens the database in its own thread, migrated and checked. A folder or file
 * that does not exist yet is made. Rejects with a `DatabaseError` that names
 * the path and the remedy when the file is in use, damaged, empty, of another
 * program, newer than this code, or not writable.
 */
export async function openDatabase ({ path, migrationsDir, role = 'server', onDeath }: OpenOptions): Promise<Database> {
  try {
    // Everything users said lies in it: for this account only.
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  } catch (thrown) {
    throw openingError(thrown, dirname(path))
  }
  // The build rewrites imports, not URLs: the worker has the ending that this file has.
  const worker = new Worker(new URL(import.meta.url.endsWith('.ts') ? './worker.ts' : './worker.js', import.meta.url), {
    workerData: { path, migrationsDir, role } satisfies Opening,
    // What is preloaded into the process (--import) has no business beside the file.
    execArgv: []
  })
  const connection = connect(worker, onDeath)
  await connection.opened
  return proxy(connection)
}

interface Connection {
  readonly opened: Promise<unknown>
  ask (request: Request): Promise<unknown>
  /** Resolves when the worker has ended, however it did. */
  readonly ended: Promise<void>
}

function connect (worker: Worker, onDeath: OpenOptions['onDeath']): Connection {
  const waiting = new Map<number, { resolve (value: unknown): void, reject (error: Error): void }>()
  let last = 0
  let closing = false
  let death: PublicError | null = null

  function expect (id: number): Promise<unknown> {
    return new Promise((resolve, reject) => { waiting.set(id, { resolve, reject }) })
  }

  function end (cause: unknown): void {
    if (death !== null) return
    death = problem('storage_failed', {}, { cause })
    for (const { reject } of waiting.values()) reject(death)
    waiting.clear()
    if (!closing) onDeath?.(death)
  }

  const opened = expect(0)
  worker.on('message', (reply: Reply) => {
    const call = waiting.get(reply.id)
    waiting.delete(reply.id)
    if ('value' in reply) return call?.resolve(reply.value)
    if (reply.opening === true) closing = true
    call?.reject(reply.opening === true ? new DatabaseError(reply.failure.code, reply.failure.message) : errorOf(reply.failure))
  })
  worker.on('error', end)
  const ended = new Promise<void>(resolve => worker.on('exit', code => {
    end(new DatabaseError('ended', `The database's thread ended with code ${code}.`))
    resolve()
  }))

  return {
    opened,
    ended,
    async ask (request) {
      if (death !== null || closing) throw death ?? problem('storage_failed', {}, { cause: new DatabaseError('closed', 'The database is closed.') })
      const id = ++last
      worker.postMessage({ ...request, id })
      if (request.verb === 'close') closing = true
      return await expect(id)
    }
  }
}

function proxy ({ ask, ended }: Connection): Database {
  let closed: Promise<void> | null = null

  async function close (): Promise<void> {
    try {
      await ask({ verb: 'close' })
    } finally {
      await ended
    }
  }

  return {
    all: async <Row> (query: CompiledQuery<Row>) => await ask({ verb: 'all', query: plain(query) }) as Row[],
    commit: async queries => await ask({ verb: 'commit', queries: queries.map(plain) }) as number[],
    checkpoint: async () => await ask({ verb: 'checkpoint' }) as boolean,
    rewrite: async () => { await ask({ verb: 'rewrite' }) },
    backup: async path => { await ask({ verb: 'backup', path }) },
    check: async () => { await ask({ verb: 'check' }) },
    close: async () => await (closed ??= close())
  }
}

/** Kysely's tree of nodes stays here: it is large, and the worker needs only the text. */
function plain ({ sql, parameters }: Query): Query {
  return { sql, parameters }
}
