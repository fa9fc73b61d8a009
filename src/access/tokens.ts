import type { Database } from '../database/database.ts'
import { type KeyRow, sql } from '../database/sql.ts'
import { problem } from '../errors.ts'
import { type Caller, type Scope, requireScope } from './caller.ts'
import { mint } from './secret.ts'

/** A token as it may be shown. Times are ISO 8601 in UTC. */
export interface TokenInfo {
  readonly id: string
  readonly user: string
  readonly scopes: readonly Scope[]
  readonly createdAt: string
  readonly expiresAt: string
}

export interface TokenRequest {
  /** The only user it speaks for. */
  readonly user: string
  /** Seconds until it expires; never later than the key that mints it. */
  readonly ttl: number
  /** Of those of the key; null: all of them but `admin`. */
  readonly scopes: readonly Scope[] | null
}

/**
 * Short-lived keys that an application gives to its users' browsers. A token
 * may do what the key that mints it may, for one user and without `admin`: it
 * has its policy and models, is counted with it, and ends with it. They are
 * many and soon gone, so the audit does not tell of them.
 */
export interface Tokens {
  /** The secret is in the answer and nowhere else. Throws `insufficient_scope`, `token_denied` to a key of one user, `user_mismatch` to a request that names another, and `too_many_tokens`. */
  mint (caller: Caller, request: TokenRequest): Promise<TokenInfo & { readonly secret: string }>
  /** Those that this caller has minted, for the user whom the request names if it names one, and that open something; the newest first. */
  list (caller: Caller): Promise<TokenInfo[]>
  /** From the moment this resolves it opens nothing. Throws `token_not_found` for what `list` does not have. */
  revoke (caller: Caller, id: string): Promise<void>
}

/** What stands for the key where there is none: shorter than every minted id. */
export const withoutKey = 'local'

/** Tokens of one key at the same time: some 30 MB of the database. */
export const mostTokens = 100_000

export function openTokens (database: Pick<Database, 'all' | 'commit'>, { most = mostTokens } = {}): Tokens {
  const ofMinter = (caller: Caller) => sql.selectFrom('keys').where('minted_by', '=', minterOf(caller)).where('expires_at', '>', new Date().toISOString())
  /** What a request sees that names a user: an application may let it through as it is. */
  const seenBy = (caller: Caller) => caller.user === null ? ofMinter(caller) : ofMinter(caller).where('user', '=', caller.user)

  return {
    async mint (caller, { user, ttl, scopes }) {
      // A token would otherwise bring forth others for ever.
      if (caller.boundUser !== null) throw problem('token_denied', {})
      if (caller.user !== null && caller.user !== user) throw problem('user_mismatch', {}, { param: 'user' })
      const granted = scopes ?? [...caller.scopes].filter(scope => scope !== 'admin')
      for (const scope of granted) requireScope(caller, scope)
      if (granted.length === 0 || granted.includes('admin')) throw problem('insufficient_scope', { scope: granted[0] ?? 'chat' })
      const [{ count }] = await database.all(ofMinter(caller).select(({ fn }) => fn.countAll<number>().as('count')).compile()) as [{ count: number }]
      if (count >= most) throw problem('too_many_tokens', { limit: most })
      const [minter] = await database.all(sql.selectFrom('keys').select('expires_at').where('id', '=', minterOf(caller)).compile())
      const now = new Date()
      const wanted = new Date(now.getTime() + ttl * 1000).toISOString()
      const expiresAt = minter?.expires_at != null && minter.expires_at < wanted ? minter.expires_at : wanted
      const { id, bearer, digest } = mint()
      const token = { id, user, scopes: granted, createdAt: now.toISOString(), expiresAt }
      await database.commit([
        sql.deleteFrom('keys').where('minted_by', 'is not', null).where('expires_at', '<=', token.createdAt).compile(),
        sql.insertInto('keys').values(rowOf(token, digest, caller)).compile()
      ])
      return { ...token, secret: bearer }
    },

    async list (caller) {
      const rows = await database.all(seenBy(caller).selectAll().orderBy('created_at', 'desc').compile())
      return rows.map(({ id, user, scopes, created_at: createdAt, expires_at: expiresAt }) => ({ id, user: user!, scopes: JSON.parse(scopes) as Scope[], createdAt, expiresAt: expiresAt! }))
    },

    async revoke (caller, id) {
      if (caller.boundUser !== null) throw problem('token_denied', {})
      const [gone] = await database.commit([sql.deleteFrom('keys').where('id', '=', id).where('id', 'in', seenBy(caller).select('id')).compile()])
      if (gone === 0) throw problem('token_not_found', { id })
    }
  }
}

function minterOf ({ keyId }: Caller): string { return keyId ?? withoutKey }

function rowOf ({ id, user, scopes, createdAt, expiresAt }: TokenInfo, digest: Uint8Array, { tenant, keyId, models, requestsPerMinute, tokensPerDay, policy }: Caller): KeyRow {
  return {
    id,
    digest,
    name: 'token',
    tenant,
    scopes: JSON.stringify(scopes),
    user,
    models: models === null ? null : JSON.stringify(models),
    requests_per_minute: requestsPerMinute,
    tokens_per_day: tokensPerDay,
    created_at: createdAt,
    expires_at: expiresAt,
    revoked_at: null,
    last_used_at: null,
    memory_read: Number(policy.read),
    memory_write: Number(policy.write),
    store: Number(policy.store),
    training: Number(policy.training),
    by_body: Number(policy.byBody),
    minted_by: keyId ?? withoutKey
  }
}
