import { problem } from '../errors.ts'
import { schemaGrammar } from '../grammar/grammar.ts'
import type { JsonObject, Tool, Tools } from '../inference/engine.ts'
import { present } from './fields.ts'
import type { ChatWire } from './schemas/chat.ts'

/** The tools of a request; null where the model shall call none. Throws a 400 that names the field. */
export function toolsFrom ({ tools, tool_choice: choice, parallel_tool_calls: parallel }: Pick<ChatWire, 'tools' | 'tool_choice' | 'parallel_tool_calls'>): Tools | null {
  const wanted = choiceFrom(choice ?? null)
  const [first, ...others] = (tools ?? []).map(toolFrom)
  if (first === undefined) {
    if (wanted !== null && wanted !== 'auto') throw problem('invalid_request', { detail: "'tool_choice' asks for a tool, but 'tools' has none." }, { param: 'tool_choice' })
    return null
  }
  const names = [first, ...others].map(({ name }) => name)
  const twin = names.findIndex((name, i) => names.indexOf(name) !== i)
  if (twin !== -1) throw problem('invalid_request', { detail: `'tools[${twin}].function.name' is the name of another tool too: names must differ.` }, { param: `tools[${twin}].function.name` })
  if (typeof wanted === 'object' && wanted !== null && !names.includes(wanted.name)) throw problem('invalid_request', { detail: "'tool_choice.function.name' names none of the tools." }, { param: 'tool_choice.function.name' })
  return wanted === null ? null : { list: [first, ...others], choice: wanted, parallel: parallel ?? true }
}

/** null: none. */
function choiceFrom (choice: NonNullable<ChatWire['tool_choice']> | null): Tools['choice'] | null {
  if (choice === null || choice === 'auto') return 'auto'
  if (choice === 'none') return null
  if (choice === 'required') return choice
  if (typeof choice === 'object') return { name: choice.function.name }
  throw problem('invalid_request', { detail: "'tool_choice' must be 'none', 'auto', 'required' or one function by name." }, { param: 'tool_choice' })
}

function toolFrom ({ function: { name, description, parameters, strict } }: NonNullable<ChatWire['tools']>[number], i: number): Tool {
  const param = `tools[${i}].function.parameters`
  const schema = present(parameters) ? parameters as JsonObject : { type: 'object', properties: {}, additionalProperties: false }
  if ('type' in schema && schema.type !== 'object') throw problem('invalid_request', { detail: `'${param}.type' must be 'object'.` }, { param: `${param}.type` })
  // Refused here, before it reaches an engine; the engine makes its own grammar of all tools.
  schemaGrammar(schema, { strict: strict ?? false, param })
  return { name, description: description?.toWellFormed() ?? null, parameters: schema }
}
