import { problem } from '../errors.ts'

export const scopes = ['chat', 'memory', 'feedback', 'admin'] as const
export type Scope = (typeof scopes)[number]

/** What may be kept of a person's words, and brought to mind. */
export interface Policy {
  /** Memories are recalled into prompts. */
  readonly read: boolean
  /** What is said becomes memories. */
  readonly write: boolean
  /** Answers are recorded. */
  readonly store: boolean
  /** Data sets may be made of what is recorded. */
  readonly training: boolean
  /** Whether naming a user in the body alone switches memory on: applications send `user` for other ends too. */
  readonly byBody: boolean
}

export const keyedPolicy: Policy = Object.freeze({ read: true, write: true, store: true, training: false, byBody: false })
export const keylessPolicy: Policy = Object.freeze({ read: true, write: true, store: true, training: true, byBody: true })

/** Who is asking, as `auth` found out, before a body was read. */
export interface Caller {
  readonly tenant: string
  /** The key's public id; null for a program on this machine without a key. */
  readonly keyId: string | null
  readonly scopes: ReadonlySet<Scope>
  /** The end user this request speaks for, if any. */
  readonly user: string | null
  /** Where the user was named; null: nowhere. */
  readonly namedBy: 'key' | 'header' | 'body' | null
  readonly policy: Policy
  /** The only user this key may speak for; null: any. */
  readonly boundUser: string | null
  /** Names of models this key may use; null: all. */
  readonly models: readonly string[] | null
  /** Ceilings of this key; null: none. */
  readonly requestsPerMinute: number | null
  readonly tokensPerDay: number | null
}

/** A program on this machine that needs no key. */
export const keyless: Caller = Object.freeze({
  tenant: 'local',
  keyId: null,
  scopes: new Set(scopes),
  user: null,
  namedBy: null,
  policy: keylessPolicy,
  boundUser: null,
  models: null,
  requestsPerMinute: null,
  tokensPerDay: null
})

/**
 * The same caller, speaking for `user` unless somebody was named before. A key bound to a user speaks for that
 * user when none is named, and is refused (`user_mismatch`) when another is.
 */
export function speakingFor (caller: Caller, user: string | null, namedBy: 'header' | 'body'): Caller {
  if (caller.boundUser !== null) {
    if (user !== null && user !== caller.boundUser) throw problem('user_mismatch', {}, { param: 'user' })
    return { ...caller, user: caller.boundUser, namedBy: 'key' }
  }
  return user === null || caller.user !== null ? caller : { ...caller, user, namedBy }
}

/** Whether this caller's user is one whose words are remembered, as far as the policy goes. */
export function remembersByDefault ({ user, namedBy, policy }: Caller): boolean {
  return user !== null && (namedBy !== 'body' || policy.byBody)
}

/** The end user. `place`: where else one could be named. Throws `user_required`. */
export function requireUser ({ user }: Caller, place: string): string {
  if (user === null) throw problem('user_required', { place }, { param: 'user' })
  return user
}

/** Throws `insufficient_scope` unless the key has the scope. `admin` does not imply the others. */
export function requireScope (caller: Caller, scope: Scope): void {
  if (!caller.scopes.has(scope)) throw problem('insufficient_scope', { scope })
}

/** Whether this caller may use the model at all; one it may not use does not exist for it. */
export function mayUse (caller: Caller, model: string): boolean {
  return caller.models === null || caller.models.includes(model)
}

/** The same before anything is looked up, for names as callers write them (`house@7`): what a caller may not use must not be told from what is not there. */
export function requireNamed (caller: Caller, references: readonly (string | null)[]): void {
  const refused = references.find(reference => reference !== null && !mayUse(caller, reference) && !mayUse(caller, reference.replace(/@\d+$/, '')))
  if (refused != null) throw problem('model_not_found', { model: refused }, { param: 'model' })
}

/** Throws `model_not_found` for the first of the names that this caller may not use. */
export function requireModels (caller: Caller, names: readonly string[]): void {
  const refused = names.find(name => !mayUse(caller, name))
  if (refused !== undefined) throw problem('model_not_found', { model: refused }, { param: 'model' })
}
