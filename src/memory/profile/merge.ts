import { estimatedTokens } from '../block.ts'
import { contentTerms } from '../text.ts'
import type { Statement } from './statement.ts'
import { findStatements } from './statements.ts'

/** A memory that holds, of one of the kinds a profile is made of. */
export interface Item {
  readonly id: string
  readonly kind: Statement['kind']
  readonly text: string
  /** When it was said, in milliseconds since 1970. */
  readonly at: number
}

/** What a statement makes of a profile. */
export interface Edits {
  /** It says something new and becomes an item. */
  readonly add: boolean
  /** Items whose place it takes; they stay as its history. */
  readonly supersedes: readonly string[]
  /** Items that the person asked to be forgotten. */
  readonly forget: readonly string[]
}

/** Memory notes §4: an item is a repetition when this share of its content words are in one that is there. */
const repeated = 0.8
/** Memory notes §4: from this share of the shorter one's content words on, two items are about the same. */
const related = 0.6

/** What one statement changes in a person's items. */
export function merge (items: readonly Item[], statement: Statement): Edits {
  if (statement.command === 'forget') return { add: false, supersedes: [], forget: forgotten(items, statement.text) }
  const terms = contentTerms(statement.text)
  const peers = items.filter(item => slotOf(item) === statement.slot && (statement.slot !== null || item.kind === statement.kind)).map(({ id, text }) => ({ id, terms: contentTerms(text) }))
  if (!statement.correction && peers.some(peer => share(terms, peer.terms) >= repeated)) return { add: false, supersedes: [], forget: [] }
  const replaced = statement.slot !== null ? peers : peers.filter(peer => statement.correction && overlap(terms, peer.terms) >= related)
  return { add: true, supersedes: replaced.map(({ id }) => id), forget: [] }
}

/** Items of a profile: architecture §4; memory notes §4. */
export const mostItems = 12
/** Tokens of their lines, estimated. */
export const mostTokens = 256

/**
 * The items that a profile shows, in a stable order: by kind, then first said
 * first. Where they are more than fit, preferences go first, then facts, the
 * oldest first; instructions stay as long as they fit by themselves.
 */
export function shown (items: readonly Item[]): Item[] {
  const newest = [...items].sort((a, b) => b.at - a.at || order(b.id, a.id))
  const kept: Item[] = []
  let tokens = 0
  for (const kind of ['instruction', 'fact', 'preference'] as const) {
    for (const item of newest) {
      if (item.kind !== kind) continue
      const cost = estimatedTokens(item.text) + lineCost
      if (kept.length === mostItems || tokens + cost > mostTokens) break
      kept.push(item)
      tokens += cost
    }
  }
  return kept.sort((a, b) => order(a.kind, b.kind) || a.at - b.at || order(a.id, b.id))
}

/** The hyphen and the end of a line. */
const lineCost = 2

/** The slot is read again from the text, so that an item that its owner has edited is in the right one. */
function slotOf ({ text }: Item): Statement['slot'] { return findStatements(text)[0]?.slot ?? null }

/** What is to be forgotten is named by some of its words, or is everything. */
function forgotten (items: readonly Item[], what: string): string[] {
  if (/^(?:everything|all)\b/i.test(what) && !/\babout (?!me\b|us\b)/i.test(what)) return items.map(({ id }) => id)
  const slot = nouns.find(([, noun]) => noun.test(what))?.[0]
  const terms = contentTerms(what)
  return items.filter(item => overlap(terms, contentTerms(item.text)) >= related || (slot !== undefined && slotOf(item) === slot)).map(({ id }) => id)
}

/** What people call the slots that their statements do not name. */
const nouns: readonly (readonly [Statement['slot'], RegExp])[] = [
  ['name', /\bname\b/i],
  ['pronouns', /\bpronouns\b/i],
  ['home', /\b(?:home|address|city|where i live)\b/i],
  ['work', /\b(?:job|work|employer|profession)\b/i],
  ['birthday', /\bbirthday\b/i],
  ['age', /\b(?:age|how old)\b/i],
  ['diet', /\bdiet\b/i]
]

/** How many of the first terms are among the second, of 1. */
function share (terms: readonly string[], others: readonly string[]): number {
  return terms.length === 0 ? 0 : terms.filter(term => others.includes(term)).length / terms.length
}

/** The share of the shorter one's terms that both have, of 1. */
function overlap (a: readonly string[], b: readonly string[]): number {
  return a.length < b.length ? share(a, b) : share(b, a)
}

function order (a: string, b: string): number { return a < b ? -1 : a > b ? 1 : 0 }
