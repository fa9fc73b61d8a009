import type { Query } from '../../database/database.ts'
import type { Reader } from '../../database/reader.ts'
import type { Filter, Kind, Memory, Owner, Page } from '../memories.ts'
import { type Among, type Lexicon, type Near, type Posting, type Store, type Stored, type Unit, unitsPerMemory } from '../store.ts'
import { type MemoryRow, type UnitRow, memoryColumns, memoryOf, unitOf } from './rows.ts'
import { embedding, expecting, writing } from './writes.ts'

/** Runs queries as one transaction and resolves once it would survive a power cut, to the number of rows each changed. */
export type Commit = (queries: readonly Query[]) => Promise<readonly number[]>

/**
 * Above so many vectors an owner the sign bits are compared first: with fewer,
 * reading the bits costs more than it saves (4,000: about 4 ms without them).
 */
const manyVectors = 4_000
/** Of those, so many go on to the comparison of the vectors themselves. A tenth keeps .99 of the true top 10; at 100,000 this is a fiftieth, and that is not measured. */
const kept = 2_000

/**
 * Terms of more units than this and than this share of an owner's are left
 * out where a question has rarer ones: they tell little and cost the most.
 */
const fewPostings = 2_000
const commonShare = 0.03

/**
 * Memories in the one SQLite file: read here, in the thread that recalls;
 * written by the database's worker. sqlite-vec compares vectors in plain tables
 * whose keys begin with the owner, so that nobody's vectors are in the way of
 * another's.
 */
export class SqliteStore implements Store {
  readonly #reader: Reader
  readonly #commit: Commit

  /** The reader must have loaded sqlite-vec (extension.ts). */
  constructor (reader: Reader, commit: Commit) {
    this.#reader = reader
    this.#commit = commit
  }

  async postings (owner: Owner, terms: readonly string[], kinds?: readonly Kind[]): Promise<Lexicon> {
    const id = this.#owner(owner)
    const [totals] = this.#reader.all<{ units: number, self: number, context: number }>('select units, self_length as self, context_length as context from memory_totals where owner = ?', id)
    const most = Math.max(fewPostings, commonShare * (totals?.units ?? 0))
    const condition = `from memory_postings where owner = :owner and term = :term ${ofKinds(kinds)}`
    const of = (term: string): Record<string, unknown> => ({ owner: id, term, most, kinds: JSON.stringify(kinds) })
    const rare = terms.filter(term => this.#reader.all(`select 1 ${condition} limit 1 offset :most`, of(term)).length === 0)
    const told = rare.length > 0 ? rare : terms
    const postings = new Map(terms.map(term => [term, !told.includes(term)
      ? []
      : this.#reader.all<Posting>(`select unit, self, context, self_length as selfLength, context_length as contextLength ${condition}`, of(term))]))
    return { units: totals?.units ?? 0, length: { self: totals?.self ?? 0, context: totals?.context ?? 0 }, postings }
  }

  async nearest (owner: Owner, model: string, vector: Int8Array, limit: number, { kinds, units }: Among = {}): Promise<readonly Near[]> {
    const id = this.#owner(owner)
    const ours = `owner = :owner and model = :model ${ofKinds(kinds)}`
    const [many] = units === undefined ? this.#reader.all('select 1 from memory_signs where owner = ? limit 1 offset ?', id, manyVectors) : []
    const some = many === undefined
      ? 'select value from json_each(:units)'
      : `select unit from memory_signs where ${ours} order by vec_distance_hamming(vec_bit(bits), vec_quantize_binary(vec_int8(:vector))) limit ${kept}`
    return this.#reader.all<Near>(`select unit, 1 - vec_distance_cosine(vec_int8(vector), vec_int8(:vector)) as cosine
      from memory_vectors where ${ours} ${many === undefined && units === undefined ? '' : `and unit in (${some})`} order by cosine desc, unit limit :limit`,
    { owner: id, model, vector: bytes(vector), limit, kinds: JSON.stringify(kinds), units: JSON.stringify(units) })
  }

  async tokenBits (owner: Owner, model: string, units: readonly number[]): Promise<ReadonlyMap<number, Uint8Array>> {
    const rows = this.#reader.all<{ unit: number, bits: Buffer }>('select unit, bits from memory_tokens where owner = ? and model = ? and unit in (select value from json_each(?))', this.#owner(owner), model, JSON.stringify(units))
    return new Map(rows.map(({ unit, bits }) => [unit, bits]))
  }

  async units (owner: Owner, ids: readonly number[]): Promise<readonly Unit[]> {
    return this.#reader.all<UnitRow>(`select ${memoryColumns}, u.unit, u.text, second_before, before, after
      from memory_units u join memories m on m.owner = u.owner and m.number = u.unit / ${unitsPerMemory}
      where u.owner = ? and u.unit in (select value from json_each(?))`, this.#owner(owner), JSON.stringify(ids)).map(unitOf)
  }

  async memories (owner: Owner, ids: readonly string[]): Promise<readonly Stored[]> {
    const id = this.#owner(owner)
    const rows = this.#reader.all<MemoryRow>(`select ${memoryColumns} from memories m where owner = ? and (id in (select value from json_each(?)))`, id, JSON.stringify(ids))
    return this.#whole(id, rows)
  }

  async history (owner: Owner, ids: readonly string[], derived?: 'derived'): Promise<readonly Stored[]> {
    const id = this.#owner(owner)
    const rows = this.#reader.all<MemoryRow>(`with recursive older (id) as (
        select value from json_each(:ids) union select m.id from memories m join older o on m.superseded_by = o.id where m.owner = :owner
        ${derived === undefined ? '' : 'union select m.id from memories m join older o on m.source = o.id where m.owner = :owner'})
      select ${memoryColumns} from memories m where owner = :owner and id in older and id not in (select value from json_each(:ids)) order by number desc`, { owner: id, ids: JSON.stringify(ids) })
    return this.#whole(id, rows)
  }

  async list (owner: Owner, { kinds, session, externalId, asOf }: Filter, { after = null, limit }: Page): Promise<{ readonly memories: readonly Memory[], readonly next: string | null }> {
    const id = this.#owner(owner)
    const conditions = ['owner = :owner']
    if (kinds !== undefined) conditions.push('kind in (select value from json_each(:kinds))')
    if (session !== undefined) conditions.push('session = :session')
    if (externalId !== undefined) conditions.push('external_id = :externalId')
    if (asOf !== undefined) conditions.push('at <= :asOf and (ended_at is null or ended_at > :asOf)')
    if (after !== null) conditions.push('number < (select number from memories where owner = :owner and id = :after)')
    const rows = this.#reader.all<MemoryRow>(`select ${memoryColumns} from memories m where ${conditions.join(' and ')} order by number desc limit :limit`,
      { owner: id, kinds: JSON.stringify(kinds), session, externalId, asOf, after, limit: limit + 1 })
    const memories = this.#whole(id, rows.slice(0, limit)).map(({ memory }) => memory)
    return { memories, next: rows.length > limit ? memories.at(-1)!.id : null }
  }

  async known (owner: Owner, externalIds: readonly string[]): Promise<ReadonlyMap<string, string>> {
    const rows = this.#reader.all<{ external: string, id: string }>('select external_id as external, id from memories where owner = ? and external_id in (select value from json_each(?))', this.#owner(owner), JSON.stringify(externalIds))
    return new Map(rows.map(({ external, id }) => [external, id]))
  }

  async line (owner: Owner, session: string, from: number, to: number, reach: number): Promise<readonly Unit[]> {
    const line = `select ${memoryColumns}, u.unit, u.text, second_before, before, after
      from memories m join memory_units u on u.owner = m.owner and u.unit between m.number * ${unitsPerMemory} and m.number * ${unitsPerMemory} + ${unitsPerMemory - 1}
      where m.owner = :owner and m.session = :session and m.ended_at is null`
    const parameters = { owner: this.#owner(owner), session, from, to, reach }
    return [
      ...this.#reader.all<UnitRow>(`${line} and m.position < :from order by m.position desc, u.unit desc limit :reach`, parameters).reverse(),
      ...this.#reader.all<UnitRow>(`${line} and m.position between :from and :to order by m.position, u.unit`, parameters),
      ...this.#reader.all<UnitRow>(`${line} and m.position > :to order by m.position, u.unit limit :reach`, parameters)
    ].map(unitOf)
  }

  async last (owner: Owner, session: string | null): Promise<{ readonly number: number, readonly position: number }> {
    const [row] = this.#reader.all<{ number: number, position: number }>(`select
      (select coalesce(max(number), 0) from memories where owner = :owner) as number,
      (select coalesce(max(position), -1) from memories where owner = :owner and session = :session) as position`, { owner: this.#owner(owner), session })
    return row!
  }

  async write (owner: Owner, write: Parameters<Store['write']>[1]): Promise<number> {
    const queries = writing(owner, write)
    const changes = await this.#commit(queries)
    return changes.reduce((sum, count, i) => queries[i]!.sql.startsWith('delete from memories ') ? sum + count : sum, 0)
  }

  async embed (owner: Owner, model: string, vectors: Parameters<Store['embed']>[2]): Promise<void> { await this.#commit(embedding(owner, model, vectors)) }

  async expect (model: string): Promise<void> { await this.#commit(expecting(model)) }

  async unembedded (limit: number): ReturnType<Store['unembedded']> {
    return this.#reader.all<Owner & { unit: number }>('select tenant, user, unit from memory_unembedded e join owners o on o.id = e.owner limit ?', limit)
      .map(({ tenant, user, unit }) => ({ owner: { tenant, user }, unit }))
  }

  async pending (owner: Owner | null): Promise<{ readonly pending: number, readonly units: number }> {
    const where = owner === null ? '' : 'where owner = :owner'
    const [row] = this.#reader.all<{ pending: number, units: number }>(`select
      (select count(*) from memory_unembedded ${where}) as pending, (select coalesce(sum(units), 0) from memory_totals ${where}) as units`,
    { ...owner !== null && { owner: this.#owner(owner) } })
    return row!
  }

  /** The number under which all of a person's rows are; 0, which no one has, for a stranger. Never kept: an owner who comes back after erasure has another. */
  #owner ({ tenant, user }: Owner): number {
    return this.#reader.all<{ id: number }>('select id from owners where tenant = ? and user = ?', tenant, user)[0]?.id ?? 0
  }

  #whole (owner: number, rows: readonly MemoryRow[]): Stored[] {
    return rows.map(row => {
      const parts = this.#reader.all<{ text: string }>('select text from memory_units where owner = ? and unit between ? and ? order by unit', owner, row.number * unitsPerMemory, (row.number + 1) * unitsPerMemory - 1)
      return { number: row.number, memory: memoryOf(row, parts.map(({ text }) => text).join('')) }
    })
  }
}

/** A condition on units, where kinds are asked for. */
function ofKinds (kinds: readonly Kind[] | undefined): string {
  return kinds === undefined ? '' : `and unit / ${unitsPerMemory} in (select number from memories where owner = :owner and kind in (select value from json_each(:kinds)))`
}

/** The same bytes, as SQLite takes them. */
function bytes (vector: Int8Array): Buffer { return Buffer.from(vector.buffer, vector.byteOffset, vector.byteLength) }
