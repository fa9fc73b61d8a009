import { createHash } from 'node:crypto'
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import type Sqlite from 'better-sqlite3'
import { DatabaseError, restore } from './failure.ts'

export interface Migration { readonly version: number, readonly name: string, readonly sql: string, readonly sha256: string }

/** The migrations of this code, in order: `NNN-name.sql`, numbered from 001 without a gap. */
export function readMigrations (folder: string): Migration[] {
  return readdirSync(folder).filter(name => name.endsWith('.sql')).sort().map((name, index) => {
    const version = Number(/^(\d{3})-[a-z0-9-]+\.sql$/.exec(name)?.[1])
    if (version !== index + 1) throw new DatabaseError('bad_migrations', `${join(folder, name)} should be number ${index + 1}: migrations are named NNN-name.sql and numbered from 001 without a gap.`)
    // Git may check files out with other line endings; the checksum is of the text.
    const text = readFileSync(join(folder, name), 'utf8').replaceAll('\r\n', '\n')
    return { version, name, sql: text, sha256: createHash('sha256').update(text).digest('hex') }
  })
}

/** Makes an empty database ready for its first migration. */
export function prepareForMigrations (db: Sqlite.Database): void {
  db.transaction(() => {
    db.exec('create table migrations (version integer primary key, name text not null, sha256 text not null, applied_at text not null) strict')
    db.pragma(`application_id = ${applicationId}`)
  }).immediate()
}

/**
 * The migrations that are still to be applied. Throws when the file is not
 * ours, is newer than this code, or was made by a migration that has changed since.
 */
export function pendingMigrations (db: Sqlite.Database, path: string, known: readonly Migration[]): readonly Migration[] {
  if (db.pragma('application_id', { simple: true }) !== applicationId) throw new DatabaseError('not_a_database', `${path} is an SQLite file of another program, not an Engraft database. Move it away, or choose another folder with --data.`)
  const applied = db.prepare('select version, name, sha256 from migrations order by version').all() as Omit<Migration, 'sql'>[]
  if (db.pragma('user_version', { simple: true }) !== applied.length) throw new DatabaseError('damaged', `${path} does not agree with itself about its version. ${restore(path)}`)
  const newest = applied.at(-1)
  if (newest !== undefined && newest.version > known.length) throw new DatabaseError('newer_schema', `${path} is at version ${newest.version} (${newest.name}), but this Engraft knows only version ${known.length}. Start the newer Engraft that wrote it, or restore the copy made before the upgrade (${copyName(path, known.length + 1)}).`)
  for (const [index, row] of applied.entries()) {
    const migration = known[index]
    if (migration?.version !== row.version || migration.sha256 !== row.sha256) throw new DatabaseError('changed_migration', `${path} was made by another text of migration ${row.name} than this Engraft has. Put the original migration back (reinstall Engraft), or start the Engraft that wrote the file.`)
  }
  return known.slice(applied.length)
}

/** Applies one migration whole or not at all. */
export function applyMigration (db: Sqlite.Database, path: string, migration: Migration): void {
  // References are checked at the end instead: rebuilding a table breaks them for a moment.
  db.pragma('foreign_keys = off')
  try {
    db.transaction(() => {
      db.exec(migration.sql)
      db.prepare('insert into migrations values (?, ?, ?, ?)').run(migration.version, migration.name, migration.sha256, new Date().toISOString())
      db.pragma(`user_version = ${migration.version}`)
      if ((db.pragma('foreign_key_check') as unknown[]).length > 0) throw new Error('it leaves references to rows that do not exist')
    }).immediate()
  } catch (thrown) {
    const reason = thrown instanceof Error ? thrown.message : String(thrown)
    throw new DatabaseError('migration_failed', `Migration ${migration.name} failed on ${path}: ${reason}. The file is as it was before it: go back to the Engraft you had, and report this.`, thrown)
  } finally {
    db.pragma('foreign_keys = on')
  }
}

/** Where the copy made before migration `version` lies. It holds all that the file held then, forgotten texts included, until it is deleted. */
export function copyName (path: string, version: number): string {
  return `${path}.before-${String(version).padStart(3, '0')}`
}

/** 'engr' in ASCII: tells our files from those of other programs. */
const applicationId = 0x656e6772
