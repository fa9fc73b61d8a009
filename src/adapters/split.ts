import { createHash } from 'node:crypto'
import type { Asker } from './adapters.ts'

/** As many bits of the hash as are exact in a number; far more than a percentage needs. */
const bytes = 6

/**
 * Whether who asks is among the share of a canary. It goes by the user, or by
 * the session where nobody is named, and by the canary's own id: the same
 * person always gets the same version, and the next canary draws anew. Null:
 * there is nothing to go by.
 */
export function isDrawn (canary: string, asker: Asker | null, percent: number): boolean | null {
  if (asker === null) return null
  const { tenant, user, session } = asker
  const who = user !== null ? ['user', user] : session !== null ? ['session', session] : null
  if (who === null) return null
  const digest = createHash('sha256').update(JSON.stringify([canary, tenant, ...who])).digest()
  return digest.readUIntBE(0, bytes) / 256 ** bytes < percent / 100
}
