import { problem } from '../errors.ts'
import { type Policy, type Scope, keyedPolicy, scopes } from './caller.ts'

/** What a new key shall be. */
export interface KeyRequest {
  readonly name: string
  readonly tenant: string
  readonly scopes: readonly string[]
  /** The only user the key may speak for; none: any. */
  readonly user?: string | null
  /** Names of the models it may use; none: all. */
  readonly models?: readonly string[] | null
  readonly expiresAt?: Date | null
  readonly requestsPerMinute?: number | null
  readonly tokensPerDay?: number | null
  /** What may be kept of those it speaks for; what is not said is as in `keyedPolicy`. */
  readonly policy?: Partial<Policy>
}

/** A request found to be in order: null where nothing was said, each scope once. */
export type CheckedRequest = { readonly [K in keyof Required<KeyRequest>]: Exclude<KeyRequest[K], undefined> } & { readonly scopes: readonly Scope[], readonly policy: Policy }

/** Throws `invalid_request` with the first field at fault as `param`, and what it must be. */
export function checkKeyRequest (request: KeyRequest): CheckedRequest {
  const { user = null, models = null, expiresAt = null, requestsPerMinute = null, tokensPerDay = null, policy } = request
  checkText('name', request.name)
  checkText('tenant', request.tenant)
  if (user !== null) checkText('user', user)
  if (models !== null) checkModels(models)
  if (expiresAt !== null && !(expiresAt.getTime() > Date.now() && expiresAt.getTime() < endOfTime)) refuse('expiresAt', 'must be a time in the future, before the year 10000')
  checkCeiling('requestsPerMinute', requestsPerMinute, 1_000_000)
  // A trillion a day is more than any machine writes; far below 2^53, so sums stay exact.
  checkCeiling('tokensPerDay', tokensPerDay, 1_000_000_000_000)
  return { name: request.name, tenant: request.tenant, scopes: checkScopes(request.scopes), user, models, expiresAt, requestsPerMinute, tokensPerDay, policy: { ...keyedPolicy, ...policy } }
}

/**
 * The same for a key text that the operator chose. It must be long because it
 * is kept under a fast hash, and random for the same reason, which only the
 * operator can see to.
 */
export function checkBootstrapSecret (secret: string): void {
  if (secret.length < 32) refuse('ENGRAFT_BOOTSTRAP_KEY', `has ${secret.length} characters but must have at least 32, random ones: 'openssl rand -base64 32' makes one`)
  if (secret.length > longestBearer) refuse('ENGRAFT_BOOTSTRAP_KEY', `must have at most ${longestBearer} characters`)
  if (!/^[\x21-\x7e]+$/.test(secret)) refuse('ENGRAFT_BOOTSTRAP_KEY', "must be ASCII without spaces, because it travels in a header: 'openssl rand -base64 32' makes one")
}

/** Longer than any key; nothing longer is looked at. */
export const longestBearer = 1024

/** Later years are written with a sign and no longer sort as text. */
const endOfTime = Date.UTC(10_000, 0)

const longestText = 256

function checkText (field: string, text: string): void {
  if (text.length < 1 || text.length > longestText) refuse(field, `must have 1 to ${longestText} characters`)
  // Half a surrogate pair is stored as U+FFFD: two names that differ would become one.
  if (/\p{Cc}/u.test(text) || !text.isWellFormed()) refuse(field, 'must be text without control characters')
}

function checkModels (models: readonly string[]): void {
  if (models.length < 1 || models.length > 256) refuse('models', 'must name 1 to 256 models; leave it out to allow all')
  for (const model of models) checkText('models', model)
}

function checkScopes (asked: readonly string[]): readonly Scope[] {
  if (asked.length === 0) refuse('scopes', `must name at least one of ${scopes.join(', ')}`)
  const unknown = asked.find(scope => !(scopes as readonly string[]).includes(scope))
  if (unknown !== undefined) refuse('scopes', `must be of ${scopes.join(', ')}; there is no scope ${JSON.stringify(unknown)}`)
  return scopes.filter(scope => asked.includes(scope))
}

function checkCeiling (field: string, ceiling: number | null, most: number): void {
  if (ceiling !== null && !(Number.isInteger(ceiling) && ceiling >= 1 && ceiling <= most)) refuse(field, `must be a whole number from 1 to ${most}; leave it out for no ceiling`)
}

function refuse (field: string, detail: string): never {
  throw problem('invalid_request', { detail: `'${field}' ${detail}.` }, { param: field })
}
