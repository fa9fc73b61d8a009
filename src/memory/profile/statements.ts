import { clausesOf } from './clauses.ts'
import { commandIn } from './commands.ts'
import { type Sentence, prose, sentences } from './prose.ts'
import type { Rule } from './rule.ts'
import { rules } from './rules.ts'
import { type Statement, longestStatement } from './statement.ts'

/** People do not speak in longer sentences; what is longer is looked at to here. Keeps the work linear. */
const longestSentence = 600
/** As many as a profile holds; a turn that has more is not someone speaking of themselves. */
const mostStatements = 12

/**
 * What a user turn says about its writer or asks for from now on: by rules, no
 * model. A clause is one statement at most. Code, quotations, questions and
 * what is only imagined say nothing.
 */
export function findStatements (text: string): Statement[] {
  const found: Statement[] = []
  for (const sentence of sentences(prose(text))) {
    found.push(...statementsOf(text, sentence))
    if (found.length >= mostStatements) break
  }
  return found.slice(0, mostStatements)
}

function statementsOf (text: string, { text: whole, at }: Sentence): Statement[] {
  const sentence = { text: whole.slice(0, longestSentence), at }
  const command = commandIn(sentence.text)
  if (command === null) return statementsIn(text, sentence)
  const span = trimmed(text, at + command.from, at + command.to)
  if (span[0] === span[1]) return []
  if (command.command === 'forget') return [{ kind: 'fact', slot: null, text: text.slice(...span), span, correction: false, command: 'forget' }]
  // What is to be remembered may be a statement anyway; else it is a fact, or after "to" a wish.
  const [known] = statementsIn(text, { text: sentence.text.slice(command.from).replace(/\?$/, ''), at: span[0] })
  const kind = /^to\b/i.test(text.slice(...span)) ? 'instruction' : 'fact'
  return [{ kind, slot: null, correction: false, ...known, text: text.slice(...span), span, command: 'remember' }]
}

/** Imagined, played or reported. */
const unreal = /^\W*(?:(?:ok|okay|so|now|and|but|well)[\s,]+)*(?:imagine|suppose|pretend|let'?s (?:say|pretend|imagine|suppose)|say (?:i|my|we)\b|what (?:if|would)|if (?:i|we) (?:were|was|had|could|moved|would)|assum(?:e|ing) (?:i|my|we)|hypothetical|as the (?:saying|song) goes|as a rule of thumb|in (?:the|this|that|my|a) (?:game|story|book|novel|film|movie|show|play|dream|song|lyrics|campaign)|my (?:character|avatar|hero|protagonist)|on my (?:cv|resume)|once upon)|\b(?:as the (?:saying|song) goes|just kidding)\b|[🎵🎶♪]/iu
/** A clause after one of these is a condition or a guess, not a statement about oneself. */
const doubt = /\b(?:if|unless|whether|suppose|imagine|pretend|wish|wonder|wondering|wondered)\b/i
/** A clause that asks or gives a task ends the statement before it. */
const turning = /^(?:(?:so|and|but|then)\s+)*(?:what|which|who|where|when|why|how|can|could|would|will|do|does|did|is|are|am|should|any|ideas?|tips|help|give|suggest|find|tell|show|write|please|thanks|swap|scrap|need|looking for)\b/i
/** A whole sentence that says how things shall be, whatever its form. */
const standing = /\b(?:from (?:now|here|today|this point) on(?:wards?)?|going forward|moving forward|henceforth)\b/i
const request = /^(?:can|could|would|will) you\b/i
const change = /\b(?:no longer|any ?more|any longer|actually|these days|nowadays|used to|now)\b|n't .*\bagain\b/i

function statementsIn (text: string, { text: sentence, at }: Sentence): Statement[] {
  if (unreal.test(sentence)) return []
  const clauses = clausesOf(sentence)
  const asked = /\?\W*$/.test(sentence)
  const found: Statement[] = []
  for (let i = 0; i < clauses.length; i++) {
    const { from } = clauses[i]!
    const rule = ruleOf(sentence.slice(from))
    if (rule === null || (rule.kind !== 'instruction' && doubt.test(sentence.slice(0, from)))) continue
    let last = rule.whole === true ? clauses.length - 1 : i
    while (last + 1 < clauses.length && !turning.test(sentence.slice(clauses[last + 1]!.from)) && ruleOf(sentence.slice(clauses[last + 1]!.from)) === null) last++
    const { to } = clauses[last]!
    i = last
    if (asked && last === clauses.length - 1 && !request.test(sentence.slice(from))) continue
    const span = trimmed(text, at + from, at + to)
    found.push({ kind: rule.kind, slot: rule.slot, text: text.slice(...span), span, correction: rule.correction === true || change.test(sentence), command: null })
  }
  const [first] = clauses
  if (first === undefined || !standing.test(sentence) || (asked && !request.test(sentence.slice(first.from))) || found.some(({ kind }) => kind === 'instruction')) return found
  // What else was found is part of it.
  const span = trimmed(text, at + first.from, at + sentence.length)
  return [{ kind: 'instruction', slot: null, text: text.slice(...span), span, correction: false, command: null }]
}

function ruleOf (clause: string): Rule | null {
  return rules.find(({ pattern }) => pattern.test(clause)) ?? null
}

/** Without what ends a sentence, and clipped after a word, or between two characters of what has no words. */
function trimmed (text: string, from: number, to: number): [from: number, to: number] {
  const long = to - from > longestStatement
  const clipped = text.slice(from, long ? from + longestStatement : to).replace(long ? /\s+\S*$/u : /[\s,;:–—(.!?]+$/u, '').replace(/[\uD800-\uDBFF]$/, '')
  return [from, from + clipped.length]
}
