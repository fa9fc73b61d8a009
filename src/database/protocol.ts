import type { Failure } from './failure.ts'

/** A compiled query, less what only Kysely needs. */
export interface Query { readonly sql: string, readonly parameters: readonly unknown[] }

/** What the parent asks of the worker. */
export type Request =
  | { readonly verb: 'all', readonly query: Query }
  | { readonly verb: 'commit', readonly queries: readonly Query[] }
  | { readonly verb: 'backup', readonly path: string }
  | { readonly verb: 'check' | 'checkpoint' | 'rewrite' | 'close' }

export type Call = Request & { readonly id: number }

/** The worker's answer to the call of the same id; id 0 tells how opening went. */
export type Reply = { readonly id: number } & ({ readonly value: unknown } | { readonly failure: Failure, readonly opening?: true })

/** How to open: a `server` owns the folder alone, a `command` may work beside it. */
export interface Opening {
  /** The database file. */
  readonly path: string
  readonly migrationsDir: string
  readonly role: 'server' | 'command'
}
