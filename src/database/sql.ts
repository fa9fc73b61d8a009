import { CompiledQuery, DummyDriver, type Generated, Kysely, type RawBuilder, SqliteAdapter, SqliteIntrospector, SqliteQueryCompiler, sql as raw } from 'kysely'

/** One row of `keys`, as migrations/001-access.sql lays it out. Times are ISO 8601 in UTC, which sort as text. */
export interface KeyRow {
  id: string
  /** sha256 of the secret. */
  digest: Uint8Array
  name: string
  tenant: string
  /** JSON array. */
  scopes: string
  user: string | null
  /** JSON array; null: all models. */
  models: string | null
  requests_per_minute: number | null
  tokens_per_day: number | null
  created_at: string
  expires_at: string | null
  revoked_at: string | null
  last_used_at: string | null
  /** 0 or 1, as are all that follow. */
  memory_read: number
  memory_write: number
  store: number
  training: number
  by_body: number
  minted_by: string | null
}

/** One row of `adapters`, as migrations/002-adapters.sql lays it out. */
export interface AdapterRow {
  name: string
  base: string
  live: number | null
  previous: number | null
  /** 0 or 1. */
  pinned: number
  next_version: number
  created_at: string
}

/** One row of `adapter_versions`. */
export interface AdapterVersionRow {
  name: string
  version: number
  /** sha256 in hex. */
  digest: string
  /** Bytes. */
  size: number
  base: string
  base_digest: string
  /** 0 or 1. */
  base_verified: number
  rank: number
  alpha: number
  source: string
  created_at: string
  removed_at: string | null
}

/** One row of `interactions`, as migrations/003-interactions.sql lays it out. */
export interface InteractionRow {
  seq: Generated<number>
  id: string
  owner: number
  tenant: string
  session: string
  /** Milliseconds since 1970 in UTC. */
  created: number
  model: string
  version: number | null
  digest: string
  asked: Uint8Array
  answered: Uint8Array | null
  block: string | null
  profile: string | null
  /** JSON, as are `choices`, `usage`, `timings`, `params` and `metadata`. */
  memories: string
  prompt: Uint8Array | null
  choices: string
  usage: string | null
  timings: string
  params: string
  metadata: string
  key_id: string | null
  error: string | null
  /** 0 or 1. */
  remember: number
  training: number
  canary: Generated<string | null>
}

/** One row of `user_policies`, as migrations/006-privacy.sql lays it out. */
export interface UserPolicyRow {
  owner: number
  /** 0 or 1, as are the three that follow. */
  memory_read: number
  memory_write: number
  store: number
  training: number
  retention_days: number | null
}

/** One row of `erasures`. Times are milliseconds since 1970 in UTC. */
export interface ErasureRow {
  id: string
  subject: Uint8Array
  owner: number | null
  requested_at: number
  erased_at: number | null
  /** JSON. */
  rows: string | null
  /** JSON. */
  datasets: string | null
  /** JSON. */
  outside: string | null
  /** JSON. */
  adapters: string | null
}

/** One row of `reviews`, as migrations/009-reviews.sql lays it out. */
export interface ReviewRow {
  seq: Generated<number>
  id: string
  owner: number
  /** The interaction's seq. */
  interaction: number
  /** Milliseconds since 1970 in UTC. */
  created: number
  reviewer: string
  verdict: 'approved' | 'edited' | 'rejected'
  answer: string | null
  reason: string | null
}

/** One row of `feedback`, as migrations/007-feedback.sql and 013-feedback-choices.sql lay it out. */
export interface FeedbackRow {
  seq: Generated<number>
  id: string
  owner: number
  tenant: string
  completion: string | null
  session: string | null
  interaction: number | null
  rejected: number | null
  choice: Generated<number>
  /** Milliseconds since 1970 in UTC. */
  created: number
  kind: string
  /** JSON. */
  value: string
  comment: string | null
  author: string | null
  key: string | null
  content: Uint8Array | null
}

/** The tables; grows with every migration. `Generated` marks what the database fills in. */
export interface Schema {
  keys: KeyRow
  /** `day` is YYYY-MM-DD in UTC. */
  key_usage: { key_id: string, day: string, tokens: number }
  adapters: AdapterRow
  adapter_versions: AdapterVersionRow
  owners: { id: Generated<number>, tenant: string, user: string }
  /** `digest` is the sha256 of `body`, which is JSON. */
  messages: { id: Generated<number>, owner: number, digest: Uint8Array, body: string }
  interactions: InteractionRow
  interaction_messages: { interaction: number, position: number, message: number }
  capture: { one: Generated<number>, seq: number }
  user_policies: UserPolicyRow
  forgotten_turns: { owner: number, key: Uint8Array }
  erasures: ErasureRow
  reviews: ReviewRow
  privacy: { one: number, salt: Uint8Array }
  feedback: FeedbackRow
  /** The worker's own list of what it applied; `version` counts from 1. */
  migrations: { version: number, name: string, sha256: string, applied_at: string }
  audit: { id: Generated<number>, at: string, actor: string, action: string, subject: string, detail: string }
}

/**
 * Builds queries and runs none: `database.all(sql.selectFrom('keys').selectAll().compile())`.
 * Values become parameters, never text, whoever wrote them.
 */
export const sql = new Kysely<Schema>({
  dialect: {
    createAdapter: () => new SqliteAdapter(),
    createDriver: () => new DummyDriver(),
    createIntrospector: kysely => new SqliteIntrospector(kysely),
    createQueryCompiler: () => new SqliteQueryCompiler()
  }
})

/** A query as text, for tables that are only known when it runs. Its parameters go by name. */
export function query<Row> (text: string, parameters: Readonly<Record<string, unknown>> = {}): CompiledQuery<Row> {
  return CompiledQuery.raw(text, [parameters]) as CompiledQuery<Row>
}

/**
 * Any number of blobs for `where(column, 'in', …)` as one parameter, so that
 * the text of the query, and with it the prepared statement, is always the same.
 */
export function among (blobs: readonly Uint8Array[]): RawBuilder<Uint8Array> {
  const hex = JSON.stringify(blobs.map(blob => Buffer.from(blob).toString('hex')))
  return raw<Uint8Array>`(select unhex(value) from json_each(${hex}))`
}

/** A list as the table `each` of one query, for the same reason. `key` is the place in the list, `value` what JSON has there. */
export function each (list: readonly unknown[]) {
  return raw<{ key: number, value: string }>`json_each(${JSON.stringify(list)})`.as<'each'>(raw.ref('each'))
}
