import { createHash } from 'node:crypto'
import { query } from '../database/sql.ts'
import { problem } from '../errors.ts'
import type { Split, Version } from './datasets.ts'
import type { Row } from './row.ts'
import { find, listOf, type Listed, type Reading } from './store.ts'

/** Rows that are read at once: some milliseconds, which others wait for. */
const page = 100

/** What stands in the database of a row; whose it is stands beside it. */
export function bodyOf ({ owner: _, ...row }: Row): string { return JSON.stringify(row) }

export function sha256Of (...parts: readonly string[]): string {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(part)
  return hash.digest('hex')
}

/** The digest of a manifest and its list, as they are kept. */
export function digestOf (manifest: string, listed: string): string { return sha256Of(manifest, '\n', listed) }

/** `Datasets.rows`; a `split` of null: all of them, each with its own. */
export async function * rowsOf (database: Reading, id: string, split: Split | null): AsyncGenerator<{ readonly row: Row, readonly split: Split }> {
  const version = await find(database, id)
  const known = await listedOf(database, version)
  let after = -1
  while (true) {
    // Who has taken back their leave since is left out, as who was erased.
    const rows = await database.all(query<{ position: number, owner: number, row: string, split: Split, body: string }>(`
      select r.position, r.owner, r.row, r.split, t.body from dataset_rows r join dataset_texts t on t.id = r.body
      where r.dataset = :id and r.position > :after and coalesce(:split, r.split) = r.split
        and not exists (select 1 from user_policies p where p.owner = r.owner and p.training = 0)
      order by r.position limit :page`, { id, after, split, page }))
    for (const { position, owner, row: name, split, body } of rows) {
      const [expected, sha256, place] = known[position] ?? []
      if (expected !== name || place !== split || sha256Of(body) !== sha256) throw damaged(version, `row ${name} is not the one that was built`)
      after = position
      yield { row: { ...JSON.parse(body) as Omit<Row, 'owner'>, owner } as Row, split }
    }
    if (rows.length < page) return
  }
}

/** The list of a version's rows, checked. Throws `dataset_not_ready` and `dataset_damaged`. */
export async function listedOf (database: Reading, version: Version): Promise<readonly Listed[]> {
  const kept = await listOf(database, version.id)
  if (kept === null) throw problem('dataset_not_ready', { dataset: nameOf(version), state: version.state, id: version.id })
  if (digestOf(kept.manifest, kept.listed) !== kept.sha256) throw damaged(version, 'its manifest is not the one that was built')
  return JSON.parse(kept.listed) as Listed[]
}

export function nameOf ({ name, version }: Pick<Version, 'name' | 'version'>): string { return `${name}@${version}` }

function damaged (version: Version, detail: string) { return problem('dataset_damaged', { dataset: nameOf(version), detail }) }
