import { readdirSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import type { Test } from 'tap'
import type { Adapters, BaseFile } from '../../src/adapters/adapters.ts'
import { type RegistryOptions, openRegistry } from '../../src/adapters/registry.ts'
import { type Vault, openVault } from '../../src/adapters/vault.ts'
import type { Database } from '../../src/database/database.ts'
import type { Probe } from '../../src/inference/engine.ts'
import { freshFolder, opened } from '../database/fixtures.ts'
import { gguf } from '../gguf/builder.ts'
import { adapterFile } from './builder.ts'

const width = 8
const weight = 'blk.0.attn_q.weight'

/** A base that adapters can be checked against; `label` makes its bytes its own. */
export async function writeBase (folder: string, name: string, label = name): Promise<BaseFile> {
  const bytes = gguf({
    pairs: [['general.architecture', 'string', 'llama'], ['general.name', 'string', label]],
    tensors: [{ name: weight, shape: [width, width] }],
    data: width * width * 4
  })
  const path = join(folder, `${name}-${label}.gguf`)
  await writeFile(path, bytes)
  return { name, path, digest: sha256(bytes) }
}

/** An adapter that fits that base; each seed has bytes of its own. */
export function tinyAdapter (seed: number): Buffer {
  return adapterFile({ targets: { [weight]: [width, width] }, rank: 2, seed })
}

export function sha256 (bytes: Uint8Array): string { return createHash('sha256').update(bytes).digest('hex') }

/** The bytes as they arrive over a socket, in pieces. */
export async function * arriving (bytes: Buffer): AsyncGenerator<Uint8Array, void, undefined> {
  for (let at = 0; at < bytes.length; at += 100) yield bytes.subarray(at, at + 100)
}

/** What a sound adapter's trial finds. */
export const sound: Probe = { finite: true, change: 1, reversible: true }

export interface World {
  readonly folder: string
  readonly database: Database
  readonly vault: Vault
  readonly bases: readonly BaseFile[]
  readonly adapters: Adapters
  /** What the engines were told, in order. */
  readonly told: string[]
  readonly logged: { readonly message: string, readonly fields: Record<string, unknown> }[]
  /** The same folder, closed and opened anew. */
  reopen (over?: Partial<RegistryOptions>): Promise<World>
  /** Digests of the files in the vault, sorted. */
  kept (): string[]
}

/**
 * The real registry on a real database and vault; only the engines are recorded
 * instead of run. `disturb` may come between the registry and the database; a
 * world that was reopened is undisturbed.
 */
export async function openWorld (t: Test, over: Partial<RegistryOptions> = {}, folder = freshFolder(t), disturb: (database: Database) => Database = calm): Promise<World> {
  const database = await opened(t, join(folder, 'engraft.db'))
  const vaultDir = join(folder, 'vault')
  const vault = await openVault(vaultDir)
  const bases = over.bases ?? [await writeBase(folder, 'tiny'), await writeBase(folder, 'other')]
  const told: string[] = []
  const logged: World['logged'] = []
  const adapters = await openRegistry({
    database: disturb(database),
    vault,
    bases,
    engines: {
      async load (base, adapters) { told.push(`load ${base} ${adapters.map(({ digest }) => digest.slice(0, 6)).join()}`) },
      pin (base, digests) { told.push(`pin ${base} ${digests.map(digest => digest.slice(0, 6)).join()}`) }
    },
    probe: async () => sound,
    fetch: async () => { throw new Error('nothing is fetched here') },
    adapterLimit: 1_000_000,
    drainTimeout: 60,
    log: (message, fields) => { logged.push({ message, fields }) },
    ...over
  })
  return {
    folder,
    database,
    vault,
    bases,
    adapters,
    told,
    logged,
    async reopen (changed = {}) {
      await database.close()
      return await openWorld(t, { bases, ...over, ...changed }, folder)
    },
    kept: () => readdirSync(vaultDir, { recursive: true, encoding: 'utf8' }).flatMap(path => /([0-9a-f]{64})\.gguf$/.exec(path)?.[1] ?? []).sort()
  }
}

/** The real registry beside whatever else stands in a database, with a vault in the folder and engines that do nothing. */
export async function registryOf (database: Database, folder: string, base: BaseFile): Promise<Adapters> {
  return await openRegistry({
    database,
    vault: await openVault(join(folder, 'vault')),
    bases: [base],
    engines: { load: async () => {}, pin: () => {} },
    probe: async () => sound,
    fetch: async () => { throw new Error('nothing is fetched here') },
    adapterLimit: 1_000_000,
    drainTimeout: 60,
    log: () => {}
  })
}

/** Brings the adapter of this seed, as an upload. */
export async function add (adapters: Adapters, name: string, seed: number, base: string | null = null): ReturnType<Adapters['add']> {
  return await adapters.add({ name, base, content: arriving(tinyAdapter(seed)) }, 'cli')
}

function calm (database: Database): Database { return database }
