import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'

/** A new key: its public id, and the bearer text its owner gets to see once. */
export interface Minted { readonly id: string, readonly bearer: string, readonly digest: Buffer }

export function mint (): Minted {
  // 80 bits in base32: no two keys ever get the same id, and it can be read out over a telephone.
  const id = Array.from(randomBytes(16), byte => alphabet[byte & 31]).join('')
  const secret = randomBytes(32).toString('base64url')
  return { id, bearer: `ek_${id}_${secret}`, digest: digestOf(secret) }
}

/** The two parts of a bearer text in our own format; null for any other text. */
export function parts (bearer: string): { readonly id: string, readonly secret: string } | null {
  const match = /^ek_([a-z2-7]{16})_([A-Za-z0-9_-]{43})$/.exec(bearer)
  return match === null ? null : { id: match[1]!, secret: match[2]! }
}

/**
 * What is kept of a secret. A fast hash is right here: slow ones make guessing
 * costly where people choose the secret, but nobody guesses 256 random bits,
 * and each request pays for the hash.
 */
export function digestOf (secret: string): Buffer {
  return createHash('sha256').update(secret).digest()
}

/** Compares in time that depends on neither. Without a kept digest it compares all the same, and says no. */
export function matches (secret: string, kept: Uint8Array | null): boolean {
  return timingSafeEqual(digestOf(secret), kept ?? nobody) && kept !== null
}

const alphabet = 'abcdefghijklmnopqrstuvwxyz234567'
const nobody = randomBytes(32)
