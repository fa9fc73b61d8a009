import type { Kind, Memory, Role } from '../memories.ts'
import type { Unit } from '../store.ts'

/** One row of `memories`, as migrations/004-memory.sql lays it out. */
export interface MemoryRow {
  number: number
  id: string
  kind: Kind
  session: string | null
  position: number | null
  role: Role | null
  speaker: string | null
  at: number
  recorded_at: number
  ended_at: number | null
  superseded_by: string | null
  external_id: string | null
  interaction: string | null
  source: string | null
}

/** A row of `memory_units` with its memory's. */
export interface UnitRow extends MemoryRow {
  unit: number
  text: string
  second_before: number | null
  before: number | null
  after: number | null
}

export const memoryColumns = 'm.number, m.id, kind, session, position, role, speaker, at, recorded_at, ended_at, superseded_by, external_id, interaction, source'

export function memoryOf (row: MemoryRow, text: string): Memory {
  return {
    id: row.id,
    kind: row.kind,
    text,
    session: row.session,
    position: row.position,
    role: row.role,
    speaker: row.speaker,
    at: row.at,
    recordedAt: row.recorded_at,
    endedAt: row.ended_at,
    supersededBy: row.superseded_by,
    externalId: row.external_id,
    interaction: row.interaction,
    source: row.source
  }
}

export function unitOf (row: UnitRow): Unit {
  return { id: row.unit, text: row.text, neighbours: [row.second_before, row.before, row.after], memory: memoryOf(row, row.text) }
}
