import { invalid, unsupported } from './refusal.ts'

/** Schemas in schemas (and lists in lists); OpenAI takes 10 levels of objects, each of which is 2 of these and more with `anyOf`. */
const deepest = 64
/** OpenAI takes 5,000 properties, 1,000 enumerated values and 120,000 characters of names and values; descriptions come on top, so the whole text may have more. */
const most = { values: 50_000, characters: 1_000_000, properties: 5000, listed: 1000 }

/** Refuses what is too large or too deep to be worth reading. Goes down with no recursion, so that no depth can hurt. */
export function measure (root: unknown): void {
  if (typeof root !== 'boolean' && (typeof root !== 'object' || root === null || Array.isArray(root))) throw invalid('#', 'it must be an object.')
  const sums = { values: 0, characters: 0, properties: 0, listed: 0 }
  let level: unknown[] = [root]
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > deepest) throw unsupported('#', `it is nested deeper than ${deepest} levels.`)
    const next: unknown[] = []
    for (const value of level) {
      sums.values++
      if (typeof value === 'string') sums.characters += value.length
      if (typeof value !== 'object' || value === null) continue
      for (const [key, inner] of Object.entries(value)) {
        if (!Array.isArray(value)) sums.characters += key.length
        if (key === 'enum' && Array.isArray(inner)) sums.listed += inner.length
        if (key === 'properties' && typeof inner === 'object' && inner !== null) sums.properties += Object.keys(inner).length
        next.push(inner)
      }
    }
    if (sums.values > most.values || sums.characters > most.characters) throw unsupported('#', `it is larger than ${most.values} values or ${most.characters} characters.`)
    if (sums.properties > most.properties) throw unsupported('#', `it has more than ${most.properties} properties.`)
    if (sums.listed > most.listed) throw unsupported('#', `it lists more than ${most.listed} values in 'enum'.`)
    level = next
  }
}
