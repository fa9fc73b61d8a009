import { masked } from '../../privacy/secrets/masked.ts'
import type { Filter, Judgement, Row } from '../row.ts'
import { createExposure } from './exposure.ts'
import { personalIn } from './personal/find.ts'
import type { PersonalKind } from './personal/found.ts'
import { type Pseudonyms, createPseudonyms } from './personal/pseudonyms.ts'
import { mapTexts } from './row-texts.ts'

export interface RedactionSettings {
  /** Kinds that stay as they are: an operator's own numbers and pages, say. Secrets never do. */
  readonly keep: readonly PersonalKind[]
}

/**
 * Secrets become `[secret: <kind>]`, personal data become pseudonyms: the same
 * person's same datum has the same one in the prompt, in the answers and in all
 * rows of the person, and another one in rows of others. `key` is the tenant's
 * secret: with another key all pseudonyms are others, without it none leads back.
 */
export function redaction (key: Uint8Array, settings: Partial<RedactionSettings> = {}): Filter {
  const { keep = [] } = settings
  const pseudonyms = createPseudonyms(key)
  const exposure = createExposure()
  const found = new Map<string, number>()
  let answers = 0

  return {
    name: 'redaction',
    about: 'Names, addresses, numbers and other personal data become pseudonyms, secrets their kind; drops nothing.',
    settings: { keep },
    judge (row) {
      const { row: safe, kinds, inAnswer } = redacted(row, pseudonyms, keep)
      exposure.see(safe)
      for (const kind of kinds) found.set(kind, (found.get(kind) ?? 0) + 1)
      if (inAnswer) answers++
      return judgement(safe, kinds)
    },
    // Rows that hold a kind, rows in whose answers there was anything, and who could still be told.
    report: () => ({ rows: Object.fromEntries([...found].sort(([a], [b]) => a < b ? -1 : 1)), answers, exposure: exposure.report() })
  }
}

function judgement (keep: Row, kinds: ReadonlySet<string>): Judgement {
  const secret = kinds.has('secret')
  const personal = kinds.size > Number(secret)
  if (!secret && !personal) return { keep }
  return { keep, changed: secret && personal ? 'secrets and personal data' : secret ? 'secrets' : 'personal data' }
}

function redacted (row: Row, pseudonyms: Pseudonyms, keep: readonly PersonalKind[]): { readonly row: Row, readonly kinds: ReadonlySet<string>, readonly inAnswer: boolean } {
  const kinds = new Set<string>()
  const touched = new Set<string>()
  const texts: string[] = []
  mapTexts(row, (text, part) => {
    const { text: safe } = masked(text)
    if (safe !== text) {
      kinds.add('secret')
      touched.add(part)
    }
    texts.push(safe)
    return text
  })
  const personal = personalIn(texts)
  let at = 0
  const safe = mapTexts(row, (_, part) => {
    const text = texts[at]!
    let out = ''
    let from = 0
    for (const { kind, ...place } of personal[at++]!) {
      if (keep.includes(kind)) continue
      const written = text.slice(place.from, place.to)
      const pseudonym = pseudonyms.of(row.group, kind, written)
      out += text.slice(from, place.from) + pseudonym
      from = place.to
      if (pseudonym === written) continue
      kinds.add(kind)
      touched.add(part)
    }
    return out + text.slice(from)
  })
  return { row: safe, kinds, inAnswer: touched.has('answer') }
}
