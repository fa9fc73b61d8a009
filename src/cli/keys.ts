import type { Policy } from '../access/caller.ts'
import type { KeyInfo, Keys } from '../access/keys.ts'
import { ServerError } from './server.ts'
import { table } from './table.ts'

/** The flags of `engraft keys create`, as the command line gives them. */
export interface CreateFlags {
  readonly name: string
  readonly tenant: string
  readonly scope: readonly string[]
  readonly user?: string
  readonly model?: readonly string[]
  /** A time (ISO 8601) or a span from now: `90d`, `12h`, `30m`. */
  readonly expires?: string
  readonly requestsPerMinute?: string
  readonly tokensPerDay?: string
  /** `false`: nothing is remembered; `read` or `write`: only that. */
  readonly memory?: boolean | 'read' | 'write'
  readonly store?: boolean
  readonly training?: boolean
  readonly memoryByBody?: boolean
}

export type Print = (line: string) => void

/** Makes a key and prints it, this once. Throws `invalid_request` as `Keys.create` does. */
export async function createKey (keys: Keys, flags: CreateFlags, print: Print): Promise<void> {
  const { id, secret } = await keys.create({
    name: flags.name,
    tenant: flags.tenant,
    scopes: flags.scope,
    user: flags.user ?? null,
    models: flags.model ?? null,
    expiresAt: flags.expires === undefined ? null : timeOf(flags.expires),
    requestsPerMinute: numberOf(flags.requestsPerMinute),
    tokensPerDay: numberOf(flags.tokensPerDay),
    policy: policyOf(flags)
  }, 'cli')
  print(secret)
  print('')
  print(`This is the only time the key is shown: copy it now. If it is lost, or seen by others, run 'engraft keys revoke ${id}' and make another.`)
}

/** Prints one aligned line a key, those of one tenant if it is given. */
export async function listKeys (keys: Keys, { tenant }: { readonly tenant?: string }, print: Print): Promise<void> {
  const infos = await keys.list(tenant)
  if (infos.length === 0) {
    print("There are no keys yet: 'engraft keys create' makes one.")
    return
  }
  const rows = [['ID', 'NAME', 'TENANT', 'SCOPES', 'USER', 'KEEPS', 'STATE', 'LAST USED'], ...infos.map(cells)]
  for (const line of table(rows)) print(line)
}

/** Revokes a key and says so. Throws `key_not_found`. */
export async function revokeKey (keys: Keys, id: string, print: Print): Promise<void> {
  await keys.revoke(id, 'cli')
  print(`The key ${id} opens nothing any more.`)
}

function cells (key: KeyInfo): string[] {
  return [key.id, key.name, key.tenant, key.scopes.join(','), key.user ?? '-', keptBy(key), stateOf(key), minuteOf(key.lastUsedAt) ?? 'never']
}

function policyOf ({ memory = true, store = true, training = false, memoryByBody: byBody = false }: CreateFlags): Policy {
  if (typeof memory === 'string' && memory !== 'read' && memory !== 'write') throw new ServerError(`--memory is '${String(memory)}', but must be read or write; leave it out for both, and --no-memory is neither.`)
  return { read: memory === true || memory === 'read', write: memory === true || memory === 'write', store, training, byBody }
}

function keptBy ({ policy: { read, write, store, training } }: KeyInfo): string {
  const memory = read && write ? 'memory' : read ? 'memory (read)' : write ? 'memory (write)' : null
  return [memory, store ? 'answers' : null, training ? 'training' : null].filter(word => word !== null).join(', ') || 'nothing'
}

function stateOf (key: KeyInfo): string {
  if (key.revokedAt !== null) return `revoked ${minuteOf(key.revokedAt)}`
  if (key.expiresAt === null) return 'valid'
  return `${Date.parse(key.expiresAt) > Date.now() ? 'valid until' : 'expired'} ${minuteOf(key.expiresAt)}`
}

function minuteOf (time: string | null): string | null {
  return time === null ? null : `${time.slice(0, 16)}Z`
}

/** What is neither a span nor a time becomes an invalid date, which `Keys.create` refuses by name. */
function timeOf (text: string): Date {
  const [, count, unit] = /^(\d+)([mhd])$/.exec(text) ?? []
  return unit === undefined ? new Date(text) : new Date(Date.now() + Number(count) * unitLength[unit as keyof typeof unitLength])
}

const unitLength = { m: 60_000, h: 3_600_000, d: 86_400_000 }

function numberOf (text: string | undefined): number | null {
  return text === undefined ? null : Number(text)
}
