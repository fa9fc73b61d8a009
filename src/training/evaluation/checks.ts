import { type Context, createContext, runInContext } from 'node:vm'
import { type PublicError, problem } from '../../errors.ts'
import type { Check } from '../check.ts'
import { wordsOf } from './words.ts'

/** `late`: the pattern took too long on this answer, which counts as not kept. */
export type Judged = 'kept' | 'broken' | 'late'

export interface CompiledCheck {
  readonly name: string
  /** `approved`: the answer that a person approved of; null: none is known, and then only the form is looked at. */
  judge (answer: string, approved: string | null): Judged
}

/** Characters of an answer that are looked at; 512 tokens, the most an answer here has, are about 2,000. */
const longest = 8_192
/** An ordinary pattern takes microseconds. Others wait meanwhile, so no more than an answer's token or two. */
const timeoutMs = 50
/** On a busy machine this thread may be the one that waits: a pattern is slow only if it is so again and again. */
const tries = 3
/** A pattern that was too slow on so many answers is slow: it is not tried on the others, or everybody would wait for each. */
const mostLate = 3

/**
 * Makes the checks ready. A pattern is a JavaScript one with the flag `u`.
 * Throws `invalid_request` that names the check whose pattern is none, or that
 * no answer can keep to.
 */
export function compile (checks: readonly Check[]): readonly CompiledCheck[] {
  // Patterns run in a context of their own only because that can be given a time limit.
  const context = createContext(Object.create(null))
  return checks.map((check, i) => {
    if (checks.findIndex(({ name }) => name === check.name) !== i) throw refusal(check.name, 'another one has its name')
    return { name: check.name, judge: judgeOf(check, context) }
  })
}

function judgeOf (check: Check, context: Context): CompiledCheck['judge'] {
  if (check.type === 'words') {
    const { name, least, most } = check
    if (!(least <= most)) throw refusal(name, 'its least words are more than its most')
    return answer => {
      const words = wordsOf(answer)
      return words >= least && words <= most ? 'kept' : 'broken'
    }
  }
  const { name, pattern } = check
  let late = 0
  const find = (text: string): Found => {
    const found = late >= mostLate ? 'late' : search(pattern, text, context)
    if (found === 'late') late++
    return found
  }
  try {
    find('')
  } catch (cause) {
    throw refusal(name, `its pattern is none (${(cause as Error).message})`)
  }
  if (check.type === 'absent') {
    return answer => {
      const found = find(answer)
      return found === 'late' ? 'late' : found === null ? 'kept' : 'broken'
    }
  }
  return (answer, approved) => {
    const found = find(answer)
    if (found === 'late' || found === null) return found ?? 'broken'
    const wanted = approved === null || found.length === 0 ? null : find(approved)
    if (wanted === 'late') return 'late'
    return wanted === null || wanted.every((text, i) => same(text, found[i]!)) ? 'kept' : 'broken'
  }
}

/** The texts of the pattern's groups; null: it is not found. */
type Found = readonly string[] | null | 'late'

/** Throws a syntax error of the pattern. */
function search (pattern: string, text: string, context: Context): Found {
  Object.assign(context, { pattern, text: text.slice(0, longest) })
  for (let left = tries; left > 0; left--) {
    try {
      const found = runInContext('new RegExp(pattern, "u").exec(text)', context, { timeout: timeoutMs }) as RegExpExecArray | null
      return found === null ? null : Array.from(found, group => group ?? '').slice(1)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ERR_SCRIPT_EXECUTION_TIMEOUT') throw error
    }
  }
  return 'late'
}

/** Case and white space apart. */
function same (one: string, other: string): boolean { return plain(one) === plain(other) }

function plain (text: string): string { return text.toLowerCase().replace(/\s+/g, ' ').trim() }

function refusal (name: string, detail: string): PublicError {
  return problem('invalid_request', { detail: `The check '${name.slice(0, 120)}' cannot be used: ${detail}.` }, { param: 'checks' })
}
