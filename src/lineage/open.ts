import type { Database } from '../database/database.ts'
import { query } from '../database/sql.ts'
import { problem } from '../errors.ts'
import type { Learnt, Lineages, Trained } from './lineage.ts'

/** Lineage in this database, always as it is now. */
export function openLineages (database: Pick<Database, 'all'>): Lineages {
  const learnt = 'from adapter_sources s join dataset_rows r on r.dataset = s.dataset and r.split <> \'test\''
  const one = `${learnt} where s.name || '@' || s.version = :reference and s.removed_at is null`

  return {
    async trained () {
      const found = await database.all(query<{ reference: string, run: string, gone: number, id: string, name: string, version: number }>(`select s.name || '@' || s.version as reference, s.run, s.gone, d.id, d.name, d.version
        from adapter_sources s join datasets d on d.id = s.dataset where s.removed_at is null order by d.created`))
      return new Map([...Map.groupBy(found, ({ reference }) => reference)].map(([reference, sources]): [string, Trained] => [reference, {
        run: sources[0]!.run,
        datasets: sources.map(({ id, name, version }) => ({ id, name, version })),
        gone: sources.reduce((sum, { gone }) => sum + gone, 0)
      }]))
    },

    async rows (reference, { after, limit }) {
      const [counts] = await database.all(query<{ people: number, rows: number }>(`select count(distinct r.owner) as people, count(distinct r.row) as rows ${one}`, { reference }))
      if (after !== null && (await database.all(query(`select 1 ${one} and r.row = :after limit 1`, { reference, after }))).length === 0) throw problem('invalid_request', { detail: `'after' names no row that '${reference}' learnt from.` }, { param: 'after' })
      const data = await database.all(query<Learnt>(`select r.row, r.interaction, r.dataset, r.split ${one} and r.row > :after group by r.row order by r.row limit :limit`, { reference, after: after ?? '', limit: limit + 1 }))
      return { ...counts!, data: data.slice(0, limit), more: data.length > limit }
    },

    async learntFrom (rows) {
      const found = await database.all(query<{ row: string, reference: string }>(`select distinct r.row, s.name || '@' || s.version as reference ${learnt}
        where r.row in (select value from json_each(:rows)) order by s.name, s.version`, { rows: JSON.stringify(rows) }))
      return new Map([...Map.groupBy(found, ({ row }) => row)].map(([row, places]) => [row, places.map(({ reference }) => reference)]))
    },

    async answeredBy (interaction) {
      const [row] = await database.all(query<{ model: string }>('select model from interactions where id = :interaction', { interaction }))
      return row?.model ?? null
    }
  }
}
