import { isAbsolute } from 'node:path'
import type { Print } from './keys.ts'
import { type Server, ServerError, ask } from './server.ts'

interface Kept { readonly memory: { readonly read: boolean, readonly write: boolean }, readonly store: boolean, readonly training: boolean, readonly retention_days: number | null }
interface User extends Kept { readonly user: string, readonly effective: Kept }
interface Receipt { readonly id: string, readonly erased_at: string | null, readonly rows: Readonly<Record<string, number>>, readonly adapters: readonly string[], readonly outside: readonly string[] }

/** The flags of `engraft users policy`; what is not given stays as it is. */
export interface PolicyFlags {
  readonly memory?: string
  readonly store?: string
  readonly training?: string
  /** Whole days, or `server`: as long as the server keeps. */
  readonly retentionDays?: string
}

/** Prints what a user lets be kept, and what of it holds with this key. */
export async function showUser (server: Server, user: string, print: Print): Promise<void> {
  const { body } = await ask<User>(server, 'GET', at(user))
  tell(body, print)
}

/** Sets what may be kept of a user from now on, and prints it. */
export async function setPolicy (server: Server, user: string, flags: PolicyFlags, print: Print): Promise<void> {
  const { memory, store, training, retentionDays: days } = flags
  const parts = memory === undefined ? undefined : partsOf(memory)
  const { body } = await ask<User>(server, 'PATCH', at(user), {
    ...parts !== undefined && { memory: parts },
    ...store !== undefined && { store: onOf('store', store) },
    ...training !== undefined && { training: onOf('training', training) },
    ...days !== undefined && { retention_days: days === 'server' ? null : Number(days) }
  })
  tell(body, print)
}

/** Erases all that is kept of a user, and prints the receipt. */
export async function eraseUser (server: Server, user: string, { yes }: { readonly yes?: boolean }, print: Print): Promise<void> {
  if (yes !== true) throw new ServerError(`This erases all that is kept of ${user}, for good: say --yes to do it.`)
  const { body } = await ask<Receipt>(server, 'DELETE', at(user))
  print(JSON.stringify(body, null, 2))
  for (const name of body.adapters) print(`${name} learnt from what they said: train it anew.`)
  for (const name of body.outside) print(`${name}${isAbsolute(name) ? ' on the server\'s machine' : ' in the data folder'} still holds what was there when it was made: delete it when you need it no more.`)
}

/** Erases one memory wherever its words are kept. */
export async function forgetMemory (server: Server, id: string, print: Print): Promise<void> {
  await ask(server, 'DELETE', `/v1/memories/${encodeURIComponent(id)}`)
  print(`${id} is forgotten.`)
}

function at (user: string): string { return `/v1/users/${encodeURIComponent(user)}` }

function tell ({ user, effective, ...own }: User, print: Print): void {
  print(`${user} lets be kept: ${words(own)}`)
  print(`with this key and server holds: ${words(effective)}`)
}

function words ({ memory: { read, write }, store, training, retention_days: days }: Kept): string {
  return `memory read ${word(read)}, write ${word(write)}; answers ${word(store)}; training ${word(training)}; ${days === null ? 'until it is erased' : `${days} day${days === 1 ? '' : 's'}`}`
}

function word (on: boolean): string { return on ? 'on' : 'off' }

function partsOf (memory: string): Kept['memory'] {
  if (!['on', 'off', 'read', 'write'].includes(memory)) throw new ServerError(`--memory is '${memory}', but must be on, off, read or write.`)
  return { read: memory === 'on' || memory === 'read', write: memory === 'on' || memory === 'write' }
}

function onOf (name: string, given: string): boolean {
  if (given !== 'on' && given !== 'off') throw new ServerError(`--${name} is '${given}', but must be on or off.`)
  return given === 'on'
}
