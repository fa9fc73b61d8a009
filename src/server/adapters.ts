import type { AdapterInfo, AdapterVersion } from '../adapters/adapters.ts'
import type { Trained } from '../lineage/lineage.ts'
import type { Bases } from './ports.ts'
import type { AdapterVersionWire, AdapterWire } from './schemas/adapters.ts'

/** What is known of versions beside the registry: what is in memory, and what they were trained on. */
export interface Known { readonly bases: Pick<Bases, 'find'>, readonly trained: ReadonlyMap<string, Trained> }

/** An adapter as administrators see it. */
export function adapterOf (info: AdapterInfo, known: Known): AdapterWire {
  const { name, base, live, previous, pinned, canary, versions } = info
  return { name, base, live, previous, pinned, canary: canary === null ? null : { ...canary }, versions: versions.map(version => versionOf(version, info, known)) }
}

/** One version of it. `info` is null for a version that is gone again. */
export function versionOf (version: AdapterVersion, info: Pick<AdapterInfo, 'live' | 'previous' | 'canary'> | null, { bases, trained }: Known): AdapterVersionWire {
  const { digest, base } = version
  const origin = trained.get(`${version.name}@${version.version}`) ?? null
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
    state: live ? 'live' : version.version === info?.canary?.version ? 'canary' : version.version === info?.previous ? 'previous' : 'ready',
    live,
    resident: bases.find(base)?.state.adapters.resident.includes(digest) ?? false,
    leases: version.leases,
    trained: origin === null ? null : { run: origin.run, dataset: origin.datasets.at(-1)!.id },
    tainted: origin === null || origin.gone === 0 ? null : { rows: origin.gone }
  }
}
