import type { AdapterInfo, AdapterVersion } from '../adapters/adapters.ts'
import type { Bases } from './ports.ts'
import type { AdapterVersionWire, AdapterWire } from './schemas/adapters.ts'

/** An adapter as administrators see it; the engine of its base says what is in memory. */
export function adapterOf (info: AdapterInfo, bases: Pick<Bases, 'find'>): AdapterWire {
  const { name, base, live, previous, pinned, versions } = info
  return { name, base, live, previous, pinned, versions: versions.map(version => versionOf(version, info, bases)) }
}

/** One version of it. `info` is null for a version that is gone again. */
export function versionOf (version: AdapterVersion, info: Pick<AdapterInfo, 'live' | 'previous'> | null, bases: Pick<Bases, 'find'>): AdapterVersionWire {
  const { digest, base } = version
  const live = version.version === info?.live
  return {
    name: version.name,
    version: version.version,
    digest,
    size_bytes: version.size,
    base,
    base_verified: version.baseVerified,
    rank: version.rank,
    alpha: version.alpha,
    source: version.source,
    created_at: version.createdAt,
    state: live ? 'live' : version.version === info?.previous ? 'previous' : 'ready',
    live,
    resident: bases.find(base)?.state.adapters.resident.includes(digest) ?? false,
    leases: version.leases
  }
}
