import type { CompiledQuery } from 'kysely'
import type { Database } from '../database/database.ts'
import { type AdapterRow, type AdapterVersionRow, sql } from '../database/sql.ts'
import type { AdapterInfo, AdapterVersion, Canary } from './adapters.ts'
import { readCanaries } from './canary-rows.ts'
import { Leases } from './leases.ts'

/** One registered version, as it is held in memory. */
export interface Version {
  readonly facts: Omit<AdapterVersion, 'leases'>
  /** sha256 of the base it was checked against. */
  readonly baseDigest: string
  readonly leases: Leases
  /** Its removal is being written: nobody may begin with it any more. */
  leaving: boolean
}

/** What moves when a version goes live, or off, or on a canary. */
export interface Pointers { readonly live: number | null, readonly previous: number | null, readonly pinned: boolean, readonly canary: Canary | null }

/** A name, as it is held in memory. Without versions it is only a counter. */
export interface Name extends Pointers {
  readonly name: string
  base: string
  live: number | null
  previous: number | null
  pinned: boolean
  canary: Canary | null
  /** The number that the next version gets. */
  next: number
  readonly createdAt: string
  /** From the oldest to the newest. */
  readonly versions: Map<number, Version>
}

/** All names ever used, with the versions that are registered. */
export async function readNames (database: Database): Promise<Map<string, Name>> {
  const [names, versions, canaries] = await Promise.all([
    database.all(sql.selectFrom('adapters').selectAll().orderBy('name').compile()),
    database.all(sql.selectFrom('adapter_versions').selectAll().where('removed_at', 'is', null).orderBy('version').compile()),
    readCanaries(database)
  ])
  const read = new Map(names.map(row => [row.name, nameOf(row, canaries.get(row.name) ?? null)]))
  for (const row of versions) read.get(row.name)?.versions.set(row.version, versionOf(row))
  return read
}

/** Writes the name, its pointers and its counter. */
export function saveName ({ name, base, live, previous, pinned, next, createdAt }: Omit<Name, 'versions' | 'canary'>): CompiledQuery {
  const row = { base, live, previous, pinned: Number(pinned), next_version: next }
  return sql.insertInto('adapters').values({ ...row, name, created_at: createdAt })
    .onConflict(conflict => conflict.column('name').doUpdateSet(row)).compile()
}

/** Digests of versions that are not registered, or not any more. */
export async function readRemoved (database: Database): Promise<string[]> {
  const rows = await database.all(sql.selectFrom('adapter_versions').select('digest').distinct().where('removed_at', 'is not', null).compile())
  return rows.map(({ digest }) => digest)
}

/** The version's row, which counts as removed until `setRemoved` says otherwise. */
export function insertVersion ({ facts, baseDigest }: Version): CompiledQuery {
  const { name, version, digest, size, base, baseVerified, rank, alpha, source, createdAt } = facts
  return sql.insertInto('adapter_versions').values({
    name, version, digest, size, base, base_digest: baseDigest, base_verified: Number(baseVerified), rank, alpha, source, created_at: createdAt, removed_at: createdAt
  }).compile()
}

/** The rows stay, for the audit: a removed version keeps its digest and its origin. */
export function setRemoved (name: string, versions: readonly number[], at: string | null): CompiledQuery {
  return sql.updateTable('adapter_versions').set({ removed_at: at }).where('name', '=', name).where('version', 'in', versions).compile()
}

/** A name as others see it now. */
export function infoOf ({ name, base, live, previous, pinned, canary, versions }: Name): AdapterInfo {
  return { name, base, live, previous, pinned, canary, versions: [...versions.values()].reverse().map(shown) }
}

export function shown ({ facts, leases }: Version): AdapterVersion {
  return { ...facts, leases: leases.size }
}

function nameOf (row: AdapterRow, canary: Canary | null): Name {
  return { name: row.name, base: row.base, live: row.live, previous: row.previous, pinned: row.pinned === 1, canary, next: row.next_version, createdAt: row.created_at, versions: new Map() }
}

function versionOf (row: AdapterVersionRow): Version {
  const { name, version, digest, size, base, rank, alpha, source } = row
  return {
    facts: { name, version, digest, size, base, baseVerified: row.base_verified === 1, rank, alpha, source, createdAt: row.created_at },
    baseDigest: row.base_digest,
    leases: new Leases(),
    leaving: false
  }
}
