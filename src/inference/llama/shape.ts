import type { Generation, Tools } from '../engine.ts'
import type { Prompt, PromptWriter } from './prompt.ts'
import { generic } from './tools/families.ts'
import type { CallParser } from './tools/family.ts'

/** What an answer may look like, and how it is read. */
export interface Shape {
  /** GBNF of the answer, thoughts apart; null: anything. */
  readonly grammar: string | null
  /** GBNF of what follows a tool call's opener; null: none is looked for. */
  readonly rest: string | null
  readonly marks: ReadonlyMap<number, string>
  /** Whether it was made to call one tool by name. */
  readonly named: boolean
  /** A parser of an answer's own; null: there are no calls in it. */
  parser (): CallParser | null
}

/** The shape of the answers to a request whose prompt is written. */
export function shapeOf ({ input, grammar }: Generation, { family, specials, thinks }: Pick<PromptWriter, 'family' | 'specials' | 'thinks'>, prompt: Prompt): Shape {
  const tools = input.type === 'chat' ? input.tools : null
  // A model that opens its thoughts by itself may do so before it keeps to the grammar.
  const kept = (gbnf: string | null): string | null => gbnf === null || prompt.thinking || !thinks || input.type !== 'chat' ? gbnf : afterThoughts(gbnf)
  if (tools === null) return { grammar: kept(grammar), rest: null, marks: new Map(), named: false, parser: () => null }
  const { marks, ...syntax } = family ?? generic
  const free = tools.choice === 'auto'
  const calls = syntax.grammar(chosen(tools))
  return {
    grammar: kept(free ? grammar && either(grammar, calls) : calls),
    rest: free && grammar === null ? syntax.rest(tools) : null,
    marks: new Map(specials.filter(({ text }) => marks.includes(text)).map(({ id, text }) => [id, text])),
    named: typeof tools.choice === 'object',
    parser: () => syntax.parser(tools)
  }
}

/** What fits one of two grammars. Their rules may have the same names. */
function either (one: string, other: string): string {
  const apart = (gbnf: string, prefix: string): string => gbnf.replace(/"(?:\\.|[^"\\])*"|\[(?:\\.|[^\]\\])*\]|[a-zA-Z][\w-]*/g, part => /^[a-zA-Z]/.test(part) ? `${prefix}-${part}` : part)
  return `root ::= one-root | other-root\n${apart(one, 'one')}\n${apart(other, 'other')}`
}

/** The grammar, and before it a thought if the model wants one. */
function afterThoughts (gbnf: string): string {
  return `${gbnf.replace(/^root ::=/m, 'after-thoughts ::=')}
root ::= ("<think>" thought "</think>" [ \\n]*)? after-thoughts
thought ::= ([^<] | "<" [^/] | "</" [^t] | "</t" [^h])*
`
}

/** Only the tool that is named, once; all of them where none is. */
function chosen (tools: Tools): Tools {
  const { choice } = tools
  if (typeof choice === 'string') return tools
  const tool = tools.list.find(({ name }) => name === choice.name)
  return tool === undefined ? tools : { ...tools, list: [tool], parallel: false }
}
