import { createHmac, randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Database } from '../database/database.ts'
import { type ErasureRow, query, sql } from '../database/sql.ts'
import { problem } from '../errors.ts'
import type { Owner } from '../memory/memories.ts'
import { countRows, emptyTable, ownedTables } from './owned.ts'
import type { People } from './people.ts'
import type { Policies } from './policies.ts'
import { type Tombstone, bury, tombstones } from './tombstones.ts'

/** That somebody was erased, and what went. Times are milliseconds since 1970 in UTC. */
export interface Receipt {
  readonly id: string
  /** HMAC-SHA256 (hex) of the tenant and the user: the same person has the same one, and nobody can be told from it. */
  readonly subject: string
  readonly requestedAt: number
  /** Null: it is still under way. */
  readonly erasedAt: number | null
  /** How many rows of each table; empty while they are not counted. */
  readonly rows: Readonly<Record<string, number>>
  /** `NAME@VERSION` of the data sets that held rows of theirs. */
  readonly datasets: readonly string[]
  /** `NAME@VERSION` of the adapters that learnt from rows of theirs. */
  readonly adapters: readonly string[]
  /** Exported files outside the data folder that hold some of it: nothing here can change those. */
  readonly outside: readonly string[]
}

/** The files that were made of the database. */
export interface Files {
  /** Those out of reach that hold rows of the owner, while they are in the database. */
  outside (owner: number): Promise<readonly string[]>
  /** Takes out of all others what is not in the database any more; as often as needed. */
  tidy (): Promise<void>
}

export interface Erasures {
  /**
   * Erases all that is kept of a person. Resolves when no byte of it is in the
   * database or its log any more. From the first moment on nothing of it can be
   * read, their keys and tokens open nothing, and who comes back is a new
   * person. Asked for twice at once, it is one; cut off by a crash, it is
   * finished at the next start.
   */
  erase (owner: Owner): Promise<Receipt>
  /** The person's receipts, the newest first. */
  receipts (owner: Owner): Promise<readonly Receipt[]>
}

export interface ErasuresParts {
  readonly database: Database
  /** The tombstones' file. */
  readonly path: string
  readonly people: Pick<People, 'clear'>
  readonly policies: Pick<Policies, 'erased'>
  /** Makes engines reuse nothing that they have read for the tenant. Left out: nobody reads. */
  readonly unread?: (tenant: string) => void
  /** Left out: no files are made of this database. */
  readonly files?: Files
  /** Does the work while nobody makes files or data sets of what is there. Left out: nobody ever does. */
  readonly aside?: (work: () => Promise<Receipt>) => Promise<Receipt>
}

const noFiles: Files = { outside: async () => [], tidy: async () => {} }

/** The log can be emptied when nobody reads, and reads take milliseconds. */
const tries = 50
const pauseMs = 100

export function openErasures ({ database, path, people, policies, unread = () => {}, files = noFiles, aside = async work => await work() }: ErasuresParts): Erasures {
  const running = new Map<string, Promise<Receipt>>()

  async function erase (owner: Owner): Promise<Receipt> {
    const id = await people.clear(owner, async () => {
      const id = `erasure_${randomBytes(12).toString('hex')}`
      await part(database, { id, subject: pseudonym(await saltOf(database), owner), at: Date.now() }, owner)
      policies.erased(owner)
      unread(owner.tenant)
      return id
    })
    return await finish(database, id, path, files)
  }

  return {
    async erase (owner) {
      const key = JSON.stringify([owner.tenant, owner.user])
      const under = running.get(key)
      if (under !== undefined) return await under
      const erasing = aside(async () => await erase(owner)).finally(() => { running.delete(key) })
      running.set(key, erasing)
      return await erasing
    },
    async receipts (owner) {
      const rows = await database.all(sql.selectFrom('erasures').selectAll()
        .where('subject', '=', Buffer.from(pseudonym(await saltOf(database), owner), 'hex')).orderBy('requested_at', 'desc').compile())
      return rows.map(receiptOf)
    }
  }
}

/** Finishes what a crash cut off. To be called before anything else reads the database. */
export async function resume (database: Database, path: string, files: Files = noFiles): Promise<void> {
  const pending = await database.all(sql.selectFrom('erasures').select('id').where('erased_at', 'is', null).orderBy('requested_at').compile())
  for (const { id } of pending) await finish(database, id, path, files)
  await reapply(database, path, files)
}

/**
 * Erases again, in a database that was restored from a backup, who was erased
 * after it was made: whoever has a tombstone in the file at `path` that this
 * database knows nothing of. Pseudonyms need the salt of the same database.
 */
export async function reapply (database: Database, path: string, files: Files = noFiles): Promise<void> {
  const known = new Set((await database.all(sql.selectFrom('erasures').select('id').compile())).map(({ id }) => id))
  const missing = [...(await tombstones(path)).values()].filter(({ id }) => !known.has(id))
  if (missing.length === 0) return
  const salt = await saltOf(database)
  const named = await database.all(query<Owner>("select tenant, user from owners where tenant <> '' union select tenant, user from keys where user is not null"))
  const owners = new Map(named.map(owner => [pseudonym(salt, owner), owner]))
  for (const tombstone of missing) {
    // Who is not there counts as erased too, so that a later return is not mistaken for what was.
    await part(database, tombstone, owners.get(tombstone.subject) ?? null)
    await finish(database, tombstone.id, null, files)
  }
}

/** Notes the erasure and takes the person's name from what is theirs: from here on nobody can ask for it. No tenant's name is empty. */
async function part (database: Database, { id, subject, at }: Tombstone, owner: Owner | null): Promise<void> {
  const mine = '(select id from owners where tenant = :tenant and user = :user)'
  const parameters = { id, subject: Buffer.from(subject, 'hex'), at, ...owner ?? { tenant: null, user: null } }
  await database.commit([
    query(`insert into erasures (id, subject, owner, requested_at) values (:id, :subject, ${mine}, :at)`, parameters),
    // What waits to be embedded is looked up by name: it must not be found under the new one.
    query(`delete from memory_unembedded where owner = ${mine}`, parameters),
    query('update owners set tenant = \'\', user = :id where tenant = :tenant and user = :user', parameters),
    // Their keys bear the name, and opened what is gone; without the name they must open nothing.
    query('delete from keys where minted_by is not null and tenant = :tenant and user = :user', parameters),
    query('update keys set name = \'erased\', user = :id, revoked_at = coalesce(revoked_at, :now) where tenant = :tenant and user = :user', { ...parameters, now: new Date().toISOString() })
  ])
}

/** Empties every table of the person, then the log, and only then says that it is done. `path`: where it is told for later restores; null: it is there already. */
async function finish (database: Database, id: string, path: string | null, files: Files): Promise<Receipt> {
  const [row] = await database.all(sql.selectFrom('erasures').selectAll().where('id', '=', id).compile())
  const { owner, subject, requested_at: at } = row!
  const tables = await ownedTables(database)
  if (row!.rows === null) await database.commit([sql.updateTable('erasures').set({ rows: JSON.stringify(await countRows(database, tables, owner ?? 0)), datasets: JSON.stringify(await datasetsOf(database, owner ?? 0)), adapters: JSON.stringify(await adaptersOf(database, owner ?? 0)) }).where('id', '=', id).compile()])
  // Before the rows go, by which the files are found.
  if (row!.outside === null) await database.commit([sql.updateTable('erasures').set({ outside: JSON.stringify(owner === null ? [] : await files.outside(owner)) }).where('id', '=', id).compile()])
  if (owner !== null) for (const table of tables) await emptyTable(database, table, owner)
  await files.tidy()
  await leaveNoTrace(database)
  if (path !== null) await bury(path, { id, subject: hex(subject), at })
  await database.commit([
    sql.updateTable('erasures').set({ owner: null, erased_at: Date.now() }).where('id', '=', id).compile(),
    sql.deleteFrom('owners').where('id', '=', owner ?? 0).compile()
  ])
  const [done] = await database.all(sql.selectFrom('erasures').selectAll().where('id', '=', id).compile())
  return receiptOf(done!)
}

/** Makes what was deleted vanish from the database's files. Throws `storage_failed` where a reader stays in the way. */
export async function leaveNoTrace (database: Pick<Database, 'rewrite' | 'checkpoint'>): Promise<void> {
  await database.rewrite()
  await emptyLog(database)
}

/** Throws `storage_failed` where a reader stays in the way. */
export async function emptyLog (database: Pick<Database, 'checkpoint'>): Promise<void> {
  for (let attempt = 0; attempt < tries; attempt++) {
    if (await database.checkpoint()) return
    await sleep(pauseMs)
  }
  throw problem('storage_failed', {}, { cause: new Error('the write-ahead log could not be emptied, because somebody reads it all the time') })
}

/** The versions of data sets that hold rows of the owner. */
async function datasetsOf (database: Pick<Database, 'all'>, owner: number): Promise<string[]> {
  const rows = await database.all(query<{ name: string }>(`select name || '@' || version as name from datasets
    where state = 'ready' and id in (select dataset from dataset_rows where owner = :owner) order by name, version`, { owner }))
  return rows.map(({ name }) => name)
}

/** The registered versions of adapters that learnt from rows of the owner. */
async function adaptersOf (database: Pick<Database, 'all'>, owner: number): Promise<string[]> {
  const rows = await database.all(query<{ name: string }>(`select distinct name || '@' || version as name from adapter_sources
    where removed_at is null and dataset in (select dataset from dataset_rows where owner = :owner and split <> 'test') order by name, version`, { owner }))
  return rows.map(({ name }) => name)
}

async function saltOf (database: Pick<Database, 'all'>): Promise<Uint8Array> {
  const [row] = await database.all(sql.selectFrom('privacy').select('salt').compile())
  return row!.salt
}

function pseudonym (salt: Uint8Array, { tenant, user }: Owner): string {
  return createHmac('sha256', salt).update(JSON.stringify([tenant, user])).digest('hex')
}

function hex (bytes: Uint8Array): string { return Buffer.from(bytes).toString('hex') }

function receiptOf ({ id, subject, requested_at: requestedAt, erased_at: erasedAt, rows, datasets, adapters, outside }: ErasureRow): Receipt {
  return { id, subject: hex(subject), requestedAt, erasedAt, rows: JSON.parse(rows ?? '{}') as Record<string, number>, datasets: JSON.parse(datasets ?? '[]') as string[], adapters: JSON.parse(adapters ?? '[]') as string[], outside: JSON.parse(outside ?? '[]') as string[] }
}
