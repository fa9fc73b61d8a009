import { createHash } from 'node:crypto'
import { literal } from '../../../grammar/grammar.ts'
import type { ToolCall } from '../../engine.ts'
import { callGrammar, callObject } from './calls.ts'
import type { Family, PlainFamily } from './family.ts'
import { SyntaxParser, type Syntax } from './parser.ts'

/** A family whose calls are objects with `arguments`, each between an opener and a closer. */
function tagged (name: string, opener: string, closer: string, gap: string): Family {
  const syntax: Syntax = { opener, closer, bare: false, named: false }
  const call = (object: string): string => `${literal(gap)} ${object} ${literal(gap + closer)}`
  const next = `${literal(gap + opener)} ${call('call')}`
  return {
    name,
    marks: [opener, closer],
    grammar: tools => callGrammar(tools, callObject('arguments'), (object, more) => `${literal(opener)} ${call(object)} ${more(next)}`),
    // Where the model chose to call, its own white space is as good.
    rest: tools => callGrammar(tools, callObject('arguments'), (object, more) => `[ \\n]? ${object} ${literal(gap + closer)} ${more(next)}`),
    parser: tools => new SyntaxParser(syntax, tools)
  }
}

/** A family whose calls are a list of objects behind an opener. */
function listed (name: string, opener: string, closer: string, gap: string): Family {
  const syntax: Syntax = { opener, closer, bare: false, named: false }
  // Mistral's older models were shown their calls with ids of nine characters.
  const object = (name: string, parameters: string): string => `${callObject('arguments')(name, parameters).slice(0, -'"}"'.length)} (", \\"id\\": \\"" [a-zA-Z0-9]{9} "\\"")? "}"`
  const list = (object: string, more: (expression: string) => string): string => `"[" ${object} ${more('", " call')} ${literal(`]${closer}`)}`
  return {
    name,
    marks: closer === '' ? [opener] : [opener, closer],
    grammar: tools => callGrammar(tools, object, (object, more) => `${literal(opener + gap)} ${list(object, more)}`),
    rest: tools => callGrammar(tools, object, (object, more) => `" "? ${list(object, more)}`),
    parser: tools => new SyntaxParser(syntax, tools)
  }
}

/** Qwen 2.5 and 3, Hermes 2 Pro and 3, Granite 4, and many that were trained on their data. */
const hermes = tagged('hermes', '<tool_call>', '</tool_call>', '\n')
/** Phi-4-mini. */
const phi = tagged('phi', '<|tool_call|>', '<|/tool_call|>', '')
/** Granite 3. */
const granite = listed('granite', '<|tool_call|>', '', '')
/** Mistral 7B v0.3, Nemo, Small up to 3.1. Their templates want call ids of nine letters and digits. */
const mistral: Family = { ...listed('mistral', '[TOOL_CALLS]', '', ' '), callId: nineOf }

/** Mistral's models since Small 3.2 and Devstral: each call is its name, a mark and its arguments. */
const mistralNamed: Family = {
  name: 'mistral-named',
  marks: ['[TOOL_CALLS]', '[ARGS]', '[CALL_ID]'],
  callId: nineOf,
  grammar: tools => callGrammar(tools, namedCall, (call, more) => `"[TOOL_CALLS]" ${call} ${more('"[TOOL_CALLS]" call')}`),
  rest: tools => callGrammar(tools, namedCall, (call, more) => `${call} ${more('"[TOOL_CALLS]" call')}`),
  parser: tools => new SyntaxParser({ opener: '[TOOL_CALLS]', closer: '', bare: false, named: true }, tools)
}

/** Nine letters and digits that stand for an id, the same in a call and in its result. */
function nineOf (id: string): string {
  return /^[a-zA-Z0-9]{9}$/.test(id) ? id : createHash('sha256').update(id).digest('hex').slice(0, 9)
}

function namedCall (name: string, parameters: string): string {
  return `${literal(name)} ("[CALL_ID]" [a-zA-Z0-9]{9})? "[ARGS]" ${parameters}`
}

/** Llama 3.1 to 3.3: an object with `parameters` at the head of the answer, one at a time, sometimes behind a mark. */
const llama3: Family = {
  name: 'llama3',
  marks: ['<|python_tag|>'],
  grammar: tools => callGrammar({ ...tools, parallel: false }, callObject('parameters'), call => call),
  // Known to be a call by `{"name":`, which is where this begins.
  rest: tools => callGrammar({ ...tools, parallel: false }, (name, parameters) => `" "? ${literal(`${JSON.stringify(name)}, "parameters": `)} ${parameters} "}"`, call => call),
  parser: tools => new SyntaxParser({ opener: '<|python_tag|>', closer: '', bare: true, named: false }, tools)
}

/** For models whose own syntax is not known: the one that most were trained on, described in the system turn. */
export const generic: PlainFamily = {
  ...hermes,
  name: 'generic',
  describe: tools => [
    'You can call these functions to help the user. Each line is one, as JSON:',
    '<tools>',
    ...tools.list.map(({ name, description, parameters }) => JSON.stringify({ name, ...(description !== null && { description }), parameters })),
    '</tools>',
    'To call a function, write its name and its arguments as JSON between <tool_call> tags, and nothing else:',
    '<tool_call>',
    '{"name": "function name", "arguments": {"argument": "value"}}',
    '</tool_call>',
    ...(tools.parallel ? ['For several calls, write one such block after the other.'] : ['Make one call at a time.'])
  ].join('\n'),
  written: calls => calls.map(callText).join('\n'),
  result: content => `<tool_response>\n${content}\n</tool_response>`
}

const callText = ({ name, arguments: given }: ToolCall): string => `<tool_call>\n{"name": ${JSON.stringify(name)}, "arguments": ${given}}\n</tool_call>`

/**
 * The family whose calls a chat template shows; null where the template shows
 * none that is known, or takes no tools. In the history, all of them want
 * arguments as objects.
 */
export function familyOf (template: string | null): Family | null {
  // Some templates only speak of tools, or take them by another name (SmolLM3's `xml_tools`).
  if (template === null || !/\{%[^%]*(?<![\w.'"])tools\b/.test(template)) return null
  if (template.includes('[TOOL_CALLS]')) return template.includes('[ARGS]') ? mistralNamed : mistral
  // Qwen 3 Coder and others put XML between the same tags.
  if (template.includes('<tool_call>')) return /<function=|<arg_key>|<parameter=/.test(template) ? null : hermes
  if (template.includes('<|/tool_call|>')) return phi
  if (template.includes('<|tool_call|>')) return granite
  if (template.includes('<|start_header_id|>') && /["']parameters\\?["']/.test(template)) return llama3
  return null
}
