import { GrammarBuilder, literal } from '../../../grammar/grammar.ts'
import type { Tool, Tools } from '../../engine.ts'

/** Calls in one answer, where the model may make several: OpenAI's own models make a handful; small ones can repeat themselves until the context is full. */
const mostCalls = 16

/** GBNF of an answer: each tool's call, put together by `answer`, whose argument is the rule of one call. */
export function callGrammar (tools: Tools, call: (name: string, parameters: string) => string, answer: (call: string, more: (expression: string) => string) => string): string {
  const builder = new GrammarBuilder()
  const calls = tools.list.map((tool: Tool) => call(tool.name, builder.rule(tool.parameters, { param: 'tools' })))
  // Repetitions are of a rule of their own: llama.cpp counts what is in brackets against its limit.
  const lines: string[] = [`call ::= ${calls.join(' | ')}`]
  const more = (expression: string): string => {
    if (!tools.parallel) return '""'
    lines.push(`more ::= ${expression}`)
    return `more{0,${mostCalls - 1}}`
  }
  const root = answer('call', more)
  return `${builder.text(root)}${lines.join('\n')}\n`
}

/** `{"name": …, "arguments": …}` as the templates write it. */
export const callObject = (key: string) => (name: string, parameters: string): string =>
  `${literal(`{"name": ${JSON.stringify(name)}, "${key}": `)} ${parameters} "}"`
