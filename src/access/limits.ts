import { RateLimiterMemory } from 'rate-limiter-flexible'
import type { Database } from '../database/database.ts'
import { problem } from '../errors.ts'
import { openBudgets } from './budgets.ts'
import type { Caller } from './caller.ts'

/** What one key and one end user may use. */
export interface Limits {
  /**
   * Counts one request. Rejects with `rate_limit_exceeded` or
   * `token_budget_exceeded`, and the seconds after which it is worth trying again.
   */
  admit (caller: Caller): Promise<void>
  /**
   * Counts the tokens of an answer, after it: how many there will be is not
   * known before. So the answers under way when a day's budget runs out may
   * overdraw it, each once; the next request is refused.
   */
  spend (caller: Caller, tokens: number): void
  /** Writes what is not written yet. Call it before the database closes. */
  close (): Promise<void>
}

export interface LimitOptions {
  /** Ceiling of one end user of a tenant; 0: none. */
  readonly userRequestsPerMinute: number
  /** The clock that days are counted by, in ms since 1970. */
  readonly now?: () => number
}

/**
 * Requests are counted in windows of a minute that begin with their first
 * request, in this process only: a restart forgives at most one minute. Around
 * the end of a window up to twice the ceiling may pass within a minute.
 */
export async function openLimits (database: Database, { userRequestsPerMinute, now = Date.now }: LimitOptions): Promise<Limits> {
  const budgets = await openBudgets(database, now)
  // Each key has its own ceiling, so the limiter only counts, and never refuses itself.
  const windows = new RateLimiterMemory({ points: Number.MAX_SAFE_INTEGER, duration: 60 })

  async function count (window: string, limit: number, subject: string): Promise<boolean> {
    const { consumedPoints, msBeforeNext, isFirstInDuration } = await windows.consume(window)
    if (consumedPoints > limit) {
      const seconds = Math.max(1, Math.ceil(msBeforeNext / 1000))
      throw problem('rate_limit_exceeded', { subject, limit, seconds }, { retryAfter: seconds })
    }
    return isFirstInDuration
  }

  async function countUser (tenant: string, user: string): Promise<void> {
    // JSON keeps ('a', 'b:c') and ('a:b', 'c') apart.
    const window = JSON.stringify(['user', tenant, user])
    if (!await count(window, userRequestsPerMinute, 'user')) return
    try {
      await count(JSON.stringify(['users', tenant]), usersPerMinute, 'tenant')
    } catch (thrown) {
      await windows.delete(window)
      throw thrown
    }
  }

  return {
    async admit (caller) {
      budgets.check(caller)
      // The user first: one who asks too often must not use up the key that others share.
      if (caller.user !== null && userRequestsPerMinute > 0) await countUser(caller.tenant, caller.user)
      if (caller.keyId !== null && caller.requestsPerMinute !== null) await count(JSON.stringify(['key', caller.keyId]), caller.requestsPerMinute, 'key')
    },
    spend: budgets.spend,
    close: budgets.close
  }
}

/**
 * Users of one tenant that may appear within a minute. Callers choose user ids
 * freely and each costs about half a KiB until its window ends; far more users
 * than one machine can answer in a minute.
 */
export const usersPerMinute = 10_000
