import { query } from '../database/sql.ts'
import type { Lineage, Origin, Split } from './datasets.ts'
import type { Row } from './row.ts'
import type { Reading } from './store.ts'

/** `Datasets.lineage`. */
export async function lineageOf (database: Reading, of: Origin): Promise<Lineage[]> {
  const rows = await database.all(query<{ row: string, interaction: string, session: string | null, tenant: string, user: string, evidence: string, id: string, name: string, version: number, split: Split }>(`
    select r.row, r.interaction, i.session, o.tenant, o.user, t.body -> 'evidence' as evidence, d.id, d.name, d.version, r.split
    from dataset_rows r join datasets d on d.id = r.dataset join dataset_texts t on t.id = r.body join owners o on o.id = r.owner
      left join interactions i on i.id = r.interaction
    where d.state = 'ready' and ${wheres[of.type]} order by i.seq, r.row, d.created, d.version`, parametersOf(of)))
  return [...Map.groupBy(rows, ({ row }) => row)].map(([row, places]) => {
    const { interaction, session, tenant, user, evidence } = places[0]!
    const { feedback, model } = JSON.parse(evidence) as Row['evidence']
    return { row, interaction, session, tenant, user, feedback, model, versions: places.map(({ id, name, version, split }) => ({ id, name, version, split })) }
  })
}

const wheres = {
  row: 'r.row = :row',
  interaction: '(r.interaction = :interaction or r.other = :interaction)',
  user: 'r.owner = (select id from owners where tenant = :tenant and user = :user)'
} as const satisfies Record<Origin['type'], string>

function parametersOf ({ type, ...parameters }: Origin): Record<string, string> { return parameters }
