import { createHash } from 'node:crypto'
import type { AdapterInfo, AdapterVersion, Adapters, Canary } from '../../src/adapters/adapters.ts'
import { type ErrorCode, PublicError, problem } from '../../src/errors.ts'

interface Entry { readonly base: string, live: number | null, previous: number | null, pinned: boolean, canary: Canary | null, readonly versions: AdapterVersion[], next: number }

/**
 * Adapters in memory, by the rules of the port: what the routes are tested
 * against. A content that begins with `bad:` is refused with the code after it.
 */
export class MemoryAdapters implements Adapters {
  readonly calls: (readonly unknown[])[] = []
  /** Bytes of an upload that ended in an error; null: none did. */
  cutAfter: number | null = null
  /** Milliseconds to wait for after each chunk. */
  slow = 0
  readonly #entries = new Map<string, Entry>()

  readonly add: Adapters['add'] = async ({ name, base, content }, by) => {
    this.calls.push(['add', name, base, typeof content === 'string' ? content : 'bytes', by])
    if (!/^[a-z0-9][\w.-]{0,99}$/i.test(name)) throw problem('name_invalid', { name: name.slice(0, 40) }, { param: 'name' })
    if (name === 'tiny') throw problem('name_taken', { name }, { param: 'name' })
    const on = base ?? 'tiny'
    if (!['tiny', 'org/big:q4@1'].includes(on)) throw problem('model_not_found', { model: on }, { param: 'base' })
    const bytes = typeof content === 'string' ? Buffer.from(content) : await this.#read(content)
    const [, code] = /^bad:(\w+)/.exec(bytes.subarray(0, 64).toString()) ?? []
    if (code !== undefined) throw PublicError.revive(code as ErrorCode, 'refused')
    const digest = createHash('sha256').update(bytes).digest('hex')
    const entry = this.#entries.get(name) ?? { base: on, live: null, previous: null, pinned: false, canary: null, versions: [], next: 1 }
    const known = entry.versions.find(version => version.digest === digest)
    if (known !== undefined) return { version: known, created: false }
    const version = { name, version: entry.next++, digest, size: bytes.length, base: on, baseVerified: false, rank: 8, alpha: 16, source: typeof content === 'string' ? content : 'upload', createdAt: '2026-01-02T03:04:05.678Z', leases: 0 }
    entry.versions.unshift(version)
    this.#entries.set(name, entry)
    return { version, created: true }
  }

  readonly list: Adapters['list'] = () => [...this.#entries].map(([name, entry]) => info(name, entry))
  readonly find: Adapters['find'] = name => this.#entries.has(name) ? info(name, this.#entry(name)) : null

  readonly promote: Adapters['promote'] = async (name, version, by) => {
    const entry = this.#change('promote', name, version, by)
    if (!entry.versions.some(known => known.version === version)) throw problem('adapter_not_found', { adapter: `${name}@${version}` })
    if (entry.live !== version) Object.assign(entry, { live: version, previous: entry.live })
    entry.canary = null
    return info(name, entry)
  }

  readonly rollback: Adapters['rollback'] = async (name, by) => {
    const entry = this.#change('rollback', name, by)
    if (entry.previous === null) throw problem('no_previous_version', { adapter: name })
    Object.assign(entry, { live: entry.previous, previous: entry.live })
    return info(name, entry)
  }

  readonly retire: Adapters['retire'] = async (name, by) => info(name, Object.assign(this.#change('retire', name, by), { live: null, previous: null }))
  readonly pin: Adapters['pin'] = async (name, pinned, by) => info(name, Object.assign(this.#change('pin', name, pinned, by), { pinned }))

  readonly startCanary: Adapters['startCanary'] = async (name, { version, percent }, by) => {
    const entry = this.#change('startCanary', name, version, percent, by)
    if (entry.canary !== null) throw problem('canary_running', { adapter: name })
    return info(name, Object.assign(entry, { canary: { id: `canary_${name}`, version, percent } }))
  }

  readonly endCanary: Adapters['endCanary'] = async (name, id, { outcome }, by) => {
    const entry = this.#change('endCanary', name, outcome, by)
    if (entry.canary?.id !== id) return null
    return info(name, Object.assign(entry, outcome === 'promoted' ? { live: entry.canary.version, previous: entry.live, canary: null } : { canary: null }))
  }

  readonly remove: Adapters['remove'] = async (name, version, by) => {
    const entry = this.#change('remove', name, version, by)
    if (version !== null && !entry.versions.some(known => known.version === version)) throw problem('adapter_not_found', { adapter: `${name}@${version}` })
    if (entry.live !== null && (version ?? entry.live) === entry.live) throw problem('adapter_in_use', { adapter: name, detail: 'live' })
    entry.versions.splice(0, Infinity, ...entry.versions.filter(known => version !== null && known.version !== version))
    if (entry.versions.length === 0) this.#entries.delete(name)
  }

  readonly lease: Adapters['lease'] = () => null

  #change (verb: string, name: string, ...rest: readonly unknown[]): Entry {
    this.calls.push([verb, name, ...rest])
    return this.#entry(name)
  }

  #entry (name: string): Entry {
    const entry = this.#entries.get(name)
    if (entry === undefined) throw problem('adapter_not_found', { adapter: name })
    return entry
  }

  async #read (content: AsyncIterable<Uint8Array>): Promise<Buffer> {
    const chunks: Uint8Array[] = []
    try {
      for await (const chunk of content) {
        chunks.push(chunk)
        if (this.slow > 0) await new Promise(resolve => setTimeout(resolve, this.slow))
      }
      return Buffer.concat(chunks)
    } catch (error) {
      this.cutAfter = Buffer.concat(chunks).length
      throw error
    }
  }
}

function info (name: string, { next, ...entry }: Entry): AdapterInfo { return { name, ...entry, versions: [...entry.versions] } }
