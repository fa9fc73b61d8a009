import type { Query } from '../../database/database.ts'
import type { Memory, Owner } from '../memories.ts'
import { type Embedded, type Indexed, type Write, unitsPerMemory } from '../store.ts'

/** The owner's number, looked up by every statement: a number kept from before an erasure would be another's. */
const mine = '(select id from owners where tenant = :tenant and user = :user)'
const unitTables = ['memory_postings', 'memory_units', 'memory_vectors', 'memory_signs', 'memory_tokens', 'memory_unembedded'] as const

type Bound = (sql: string, parameters?: Readonly<Record<string, unknown>>) => Query

function bound ({ tenant, user }: Owner): Bound {
  return (sql, parameters) => ({ sql, parameters: [{ tenant, user, ...parameters }] })
}

/** The queries of one transaction that does all that the write says. */
export function writing (owner: Owner, { put = [], reindex = [], end = [], erase = [] }: Write): Query[] {
  const query = bound(owner)
  return [
    query('insert into owners (tenant, user) values (:tenant, :user) on conflict do nothing'),
    ...erase === 'all' ? eraseAll(query) : erase.flatMap(id => eraseOne(query, id)),
    ...end.map(({ id, endedAt, supersededBy, renamed = id }) => query(
      // The sender's own id stays with the version that goes by the same id.
      `update memories set id = :renamed, ended_at = :endedAt, superseded_by = :supersededBy, external_id = iif(:renamed = :id, external_id, null) where owner = ${mine} and id = :id`,
      { id, renamed, endedAt, supersededBy })),
    ...reindex.flatMap(unit => [
      query(`delete from memory_postings where owner = ${mine} and unit = :unit and term in (select value from memory_units, json_each(terms) where owner = ${mine} and unit = :unit)`, { unit: unit.id }),
      query(`update memory_units set second_before = :secondBefore, before = :before, after = :after, self_length = :self, context_length = :context, terms = :terms where owner = ${mine} and unit = :unit`, unitParameters(unit))
    ]),
    ...put.flatMap(({ number, memory, units }) => [insertMemory(query, number, memory), ...units.flatMap(unit => insertUnit(query, unit))]),
    postings(query, [...reindex, ...put.flatMap(({ units }) => units)])
  ]
}

/** The queries that put vectors in their places. */
export function embedding (owner: Owner, model: string, vectors: readonly Embedded[]): Query[] {
  const query = bound(owner)
  return vectors.flatMap(({ unit, vectors }) => [
    ...vectors === null
      ? []
      : [
          query(`insert or replace into memory_vectors (owner, unit, model, vector) values (${mine}, :unit, :model, :vector)`, { unit, model, vector: new Uint8Array(vectors.mean.buffer, vectors.mean.byteOffset, vectors.mean.byteLength) }),
          query(`insert or replace into memory_signs (owner, unit, model, bits) values (${mine}, :unit, :model, :bits)`, { unit, model, bits: signs(vectors.mean) }),
          query(`insert or replace into memory_tokens (owner, unit, model, bits) values (${mine}, :unit, :model, :bits)`, { unit, model, bits: vectors.tokenBits })
        ],
    query(`delete from memory_unembedded where owner = ${mine} and unit = :unit`, { unit })
  ])
}

/** The query that finds out, once at the start, what lacks this model's vectors. */
export function expecting (model: string): Query[] {
  return [{
    sql: `insert or ignore into memory_unembedded (owner, unit) select owner, unit from memory_units u
      where not exists (select 1 from memory_vectors v where v.owner = u.owner and v.unit = u.unit and v.model = :model)`,
    parameters: [{ model }]
  }]
}

function eraseAll (query: Bound): Query[] {
  return [...unitTables, 'memories'].map(table => query(`delete from ${table} where owner = ${mine}`))
}

function eraseOne (query: Bound, id: string): Query[] {
  const number = `(select number from memories where owner = ${mine} and id = :id)`
  const units = `owner = ${mine} and unit between ${number} * ${unitsPerMemory} and ${number} * ${unitsPerMemory} + ${unitsPerMemory - 1}`
  return [
    query(`delete from memory_postings where ${units} and term in (select value from memory_units, json_each(terms) where ${units})`, { id }),
    ...unitTables.slice(1).map(table => query(`delete from ${table} where ${units}`, { id })),
    query(`delete from memories where owner = ${mine} and id = :id`, { id })
  ]
}

function insertMemory (query: Bound, number: number, memory: Memory): Query {
  return query(`insert into memories (owner, number, id, kind, session, position, role, speaker, at, recorded_at, ended_at, superseded_by, external_id, interaction, source)
    values (${mine}, :number, :id, :kind, :session, :position, :role, :speaker, :at, :recordedAt, :endedAt, :supersededBy, :externalId, :interaction, :source)`, { number, ...memory })
}

function insertUnit (query: Bound, unit: Indexed): Query[] {
  return [
    query(`insert into memory_units (owner, unit, text, second_before, before, after, self_length, context_length, terms)
      values (${mine}, :unit, :text, :secondBefore, :before, :after, :self, :context, :terms)`, { ...unitParameters(unit), text: unit.text }),
    query(`insert into memory_unembedded (owner, unit) values (${mine}, :unit)`, { unit: unit.id })
  ]
}

function unitParameters ({ id, neighbours: [secondBefore, before, after], length, terms }: Indexed): Record<string, unknown> {
  // The terms are kept to find their postings again: an index of postings by unit would double the largest table.
  return { unit: id, secondBefore, before, after, ...length, terms: JSON.stringify([...terms.keys()]) }
}

/** All in one statement and in the order of their keys, so that each page of the largest table is written once. */
function postings (query: Bound, units: readonly Indexed[]): Query {
  const rows = units.flatMap(({ id, length, terms }) => [...terms].map(([term, { self, context }]) => [term, id, self, context, length.self, length.context] as const))
  rows.sort(([a, first], [b, second]) => a < b ? -1 : a > b ? 1 : first - second)
  return query(`insert into memory_postings (owner, term, unit, self, context, self_length, context_length)
    select ${mine}, value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5 from json_each(:rows)`, { rows: JSON.stringify(rows) })
}

/** A bit a dimension, the first in the lowest: as sqlite-vec's vec_quantize_binary makes them. */
function signs (vector: Int8Array): Uint8Array {
  const bits = new Uint8Array(Math.ceil(vector.length / 8))
  vector.forEach((value, i) => { if (value > 0) bits[i >> 3]! |= 1 << (i & 7) })
  return bits
}
