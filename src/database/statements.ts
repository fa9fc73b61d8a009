import type Sqlite from 'better-sqlite3'

export type Prepare = (text: string) => Sqlite.Statement

/** More texts than the product has; ones with lists of varying length come and go. About 10 KiB each. */
const kept = 256

/** Prepares each SQL text once and keeps the statements used last. */
export function statements (db: Sqlite.Database): Prepare {
  const cache = new Map<string, Sqlite.Statement>()
  return text => {
    const statement = cache.get(text) ?? db.prepare(text)
    // A map keeps the order of insertion, so the first entry is the one unused longest.
    cache.delete(text)
    cache.set(text, statement)
    if (cache.size > kept) cache.delete(cache.keys().next().value!)
    return statement
  }
}
