import type { Database } from '../database/database.ts'
import { type KeyRow, sql } from '../database/sql.ts'
import { problem } from '../errors.ts'
import { record } from './audit.ts'
import { keyedPolicy, type Caller, type Policy, type Scope } from './caller.ts'
import { type CheckedRequest, type KeyRequest, checkBootstrapSecret, checkKeyRequest, longestBearer } from './key-request.ts'
import { digestOf, matches, mint, parts } from './secret.ts'
import { withoutKey } from './tokens.ts'

/** A key as it may be shown: everything but the secret. Times are ISO 8601 in UTC. */
export interface KeyInfo {
  readonly id: string
  readonly name: string
  readonly tenant: string
  readonly scopes: readonly Scope[]
  readonly user: string | null
  readonly models: readonly string[] | null
  readonly requestsPerMinute: number | null
  readonly tokensPerDay: number | null
  readonly policy: Policy
  readonly createdAt: string
  readonly expiresAt: string | null
  readonly revokedAt: string | null
  /** To the minute. */
  readonly lastUsedAt: string | null
}

/** The API keys. `by` is who asks, for the audit: a key's id, `local` or `cli`. */
export interface Keys {
  /** Makes a key; the secret is in the answer and nowhere else. Throws `invalid_request`. */
  create (request: KeyRequest, by: string): Promise<{ readonly id: string, readonly secret: string }>
  /** From the oldest to the newest, revoked and expired ones too; without tokens. */
  list (tenant?: string): Promise<KeyInfo[]>
  /** From the moment this resolves the key opens nothing. Revoking again changes nothing. Throws `key_not_found`. */
  revoke (id: string, by: string): Promise<void>
  /** Who holds this bearer text; null for one that is unknown, revoked or expired, whatever it looks like. */
  verify (bearer: string): Promise<Caller | null>
  /** Whether any key would open anything now. */
  any (): Promise<boolean>
  /**
   * Lets the operator's own text be a key with all scopes, under the id
   * `bootstrap`. Another text takes the place of the one before; no text
   * leaves the last one valid until it is revoked. Throws `invalid_request`
   * for a text that is too short, or that was revoked: that is final.
   */
  ensureBootstrap (secret: string): Promise<void>
}

/**
 * Every verification reads the database, so that a revocation counts at once,
 * also one made by another process. That costs about 0.1 ms (worker round trip
 * included), against tens for one token.
 */
export function openKeys (database: Database): Keys {
  /** Keys whose last use is being written now. */
  const noting = new Set<string>()

  async function find (ids: readonly string[]): Promise<KeyRow[]> {
    return await database.all(sql.selectFrom('keys').selectAll().where('id', 'in', ids).compile())
  }

  /** A token ends with the key that it was minted with. */
  async function minterUsable ({ minted_by: minter }: KeyRow): Promise<boolean> {
    if (minter === null || minter === withoutKey) return true
    const [row] = await find([minter])
    return row !== undefined && usable(row)
  }

  /** Never awaited and never fails a request: on a full disk keys still open, and the next use tries again. */
  function noteUse (row: KeyRow): void {
    if (noting.has(row.id) || (row.last_used_at !== null && Date.now() - Date.parse(row.last_used_at) < noteEvery)) return
    noting.add(row.id)
    const update = sql.updateTable('keys').set({ last_used_at: now() }).where('id', '=', row.id).compile()
    database.commit([update]).catch(() => {}).finally(() => noting.delete(row.id))
  }

  return {
    async create (request, by) {
      const checked = checkKeyRequest(request)
      const { id, bearer, digest } = mint()
      const { tenant, scopes } = checked
      await database.commit([
        sql.insertInto('keys').values(rowOf(id, digest, checked)).compile(),
        record(by, 'key.create', id, { tenant, scopes })
      ])
      return { id, secret: bearer }
    },

    async list (tenant) {
      let query = sql.selectFrom('keys').selectAll().where('minted_by', 'is', null).orderBy('created_at').orderBy('id')
      if (tenant !== undefined) query = query.where('tenant', '=', tenant)
      return (await database.all(query.compile())).map(infoOf)
    },

    async revoke (id, by) {
      const [row] = await find([id])
      if (row === undefined) throw problem('key_not_found', { id })
      if (row.revoked_at !== null) return
      await database.commit([
        sql.updateTable('keys').set({ revoked_at: now() }).where('id', '=', id).where('revoked_at', 'is', null).compile(),
        record(by, 'key.revoke', id)
      ])
    },

    async verify (bearer) {
      if (bearer.length > longestBearer) return null
      // The operator's own text may look like one of ours, so both readings are always tried.
      const ours = parts(bearer)
      const rows = await find([ours?.id ?? bootstrapId, bootstrapId])
      const named = rows.find(row => row.id === ours?.id) ?? null
      const bootstrap = rows.find(row => row.id === bootstrapId) ?? null
      const opensNamed = matches(ours?.secret ?? bearer, named?.digest ?? null)
      const opensBootstrap = matches(bearer, bootstrap?.digest ?? null)
      const row = opensNamed ? named : opensBootstrap ? bootstrap : null
      if (row === null || !usable(row) || !await minterUsable(row)) return null
      noteUse(row)
      return callerOf(row)
    },

    async any () {
      const query = sql.selectFrom('keys').select('id').where('minted_by', 'is', null).where('revoked_at', 'is', null)
        .where(either => either.or([either('expires_at', 'is', null), either('expires_at', '>', now())])).limit(1)
      return (await database.all(query.compile())).length > 0
    },

    async ensureBootstrap (secret) {
      checkBootstrapSecret(secret)
      const [row] = await find([bootstrapId])
      const same = matches(secret, row?.digest ?? null)
      if (same && row?.revoked_at != null) throw problem('invalid_request', { detail: `The key in ENGRAFT_BOOTSTRAP_KEY was revoked at ${row.revoked_at}: choose another ('openssl rand -base64 32' makes one).` }, { param: 'ENGRAFT_BOOTSTRAP_KEY' })
      if (same) return
      const fresh = rowOf(bootstrapId, digestOf(secret), bootstrapRequest)
      await database.commit([
        sql.insertInto('keys').values(fresh).onConflict(conflict => conflict.column('id').doUpdateSet(fresh)).compile(),
        // What was minted with the text before ends with it.
        sql.deleteFrom('keys').where('minted_by', '=', bootstrapId).compile(),
        record('local', row === undefined ? 'key.create' : 'key.replace', bootstrapId, { scopes: bootstrapRequest.scopes })
      ])
    }
  }
}

/** Shorter than every minted id, so it is never one of them. */
const bootstrapId = 'bootstrap'

const bootstrapRequest: CheckedRequest = { name: 'ENGRAFT_BOOTSTRAP_KEY', tenant: 'default', scopes: ['chat', 'memory', 'feedback', 'admin'], user: null, models: null, expiresAt: null, requestsPerMinute: null, tokensPerDay: null, policy: keyedPolicy }

/** One write a minute and key (in ms) is enough to see which keys are dead. */
const noteEvery = 60_000

function usable (row: KeyRow): boolean {
  return row.revoked_at === null && (row.expires_at === null || Date.parse(row.expires_at) > Date.now())
}

function rowOf (id: string, digest: Uint8Array, request: CheckedRequest): KeyRow {
  const { read, write, store, training, byBody } = request.policy
  return {
    id,
    digest,
    name: request.name,
    tenant: request.tenant,
    scopes: JSON.stringify(request.scopes),
    user: request.user,
    models: request.models === null ? null : JSON.stringify(request.models),
    requests_per_minute: request.requestsPerMinute,
    tokens_per_day: request.tokensPerDay,
    created_at: now(),
    expires_at: request.expiresAt?.toISOString() ?? null,
    revoked_at: null,
    last_used_at: null,
    memory_read: Number(read),
    memory_write: Number(write),
    store: Number(store),
    training: Number(training),
    by_body: Number(byBody),
    minted_by: null
  }
}

function callerOf (row: KeyRow): Caller {
  return {
    tenant: row.tenant,
    // A token is counted, and told of, as the key that it was minted with.
    keyId: row.minted_by === withoutKey ? null : row.minted_by ?? row.id,
    scopes: new Set(JSON.parse(row.scopes) as Scope[]),
    user: row.user,
    namedBy: row.user === null ? null : 'key',
    policy: policyOf(row),
    boundUser: row.user,
    models: modelsOf(row),
    requestsPerMinute: row.requests_per_minute,
    tokensPerDay: row.tokens_per_day
  }
}

function infoOf (row: KeyRow): KeyInfo {
  return {
    id: row.id,
    name: row.name,
    tenant: row.tenant,
    scopes: JSON.parse(row.scopes) as Scope[],
    user: row.user,
    models: modelsOf(row),
    requestsPerMinute: row.requests_per_minute,
    tokensPerDay: row.tokens_per_day,
    policy: policyOf(row),
    createdAt: row.created_at,
    expiresAt: row.expires_at,
    revokedAt: row.revoked_at,
    lastUsedAt: row.last_used_at
  }
}

function policyOf (row: KeyRow): Policy {
  return { read: row.memory_read === 1, write: row.memory_write === 1, store: row.store === 1, training: row.training === 1, byBody: row.by_body === 1 }
}

function modelsOf (row: KeyRow): string[] | null {
  return row.models === null ? null : JSON.parse(row.models) as string[]
}

function now (): string { return new Date().toISOString() }
