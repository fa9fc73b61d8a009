import { remembersByDefault, type Caller } from '../access/caller.ts'
import type { UserPolicy } from '../privacy/policies.ts'

/** What a request says about memory and the record; null: nothing. */
export interface Wish {
  readonly memory: 'on' | 'off' | 'read' | 'write' | null
  readonly store: boolean | null
}

/** What is done for one request. */
export interface Keeping {
  /** Memories are recalled into the prompt. */
  readonly read: boolean
  /** What is said becomes memories. */
  readonly write: boolean
  /** The answer is recorded; without that nothing of it can become a memory. */
  readonly store: boolean
  /** Rows of data sets may be made of it. */
  readonly training: boolean
}

/** What the key and the user both allow, less what the request leaves out. A request can ask for less, never for more. */
export function keepingOf (caller: Caller, own: UserPolicy, { memory, store }: Wish): Keeping {
  const { policy } = caller
  const remembered = remembersByDefault(caller)
  const wants = (part: 'read' | 'write'): boolean => memory === null || memory === 'on' || memory === part
  // A program on this machine that names nobody is tried out, not used by a person: nothing is kept unless it asks.
  const stored = policy.store && own.store && (store ?? (caller.user !== null || caller.keyId !== null))
  return {
    read: remembered && policy.read && own.read && wants('read'),
    write: remembered && policy.write && own.write && wants('write') && stored,
    store: stored,
    training: policy.training && own.training && stored
  }
}
