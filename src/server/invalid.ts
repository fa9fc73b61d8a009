import { problem, type PublicError } from '../errors.ts'
import { maxIdLength } from './schemas/shapes.ts'

/** What a compiled schema says of a value that it refuses (Ajv's form). */
export interface Fault {
  readonly keyword: string
  readonly instancePath: string
  readonly params: Readonly<Record<string, unknown>>
  readonly message?: string | undefined
}

const typeNames: Readonly<Record<string, string>> = { integer: 'a whole number', number: 'a number', string: 'a text', boolean: 'true or false', array: 'a list', object: 'an object' }

/** The error for a part of the request (`body`, `params`, …) that its schema refuses: a sentence, and the field in dotted form. */
export function invalid (faults: readonly Fault[], part: string): PublicError {
  const fault = faults[0]
  if (fault === undefined) return problem('invalid_request', { detail: `The ${part} is not valid.` })
  if (part === 'params' && fault.keyword === 'maxLength') return problem('uri_too_long', { limit: maxIdLength })
  // The one wildcard stands for a model's name, which may hold slashes.
  const param = part === 'params' ? dotted(fault).replace('*', 'model') : dotted(fault)
  const subject = param === '' ? `The ${part}` : `'${param}'`
  return problem('invalid_request', { detail: `${subject} ${expectation(fault)}.` }, param === '' ? {} : { param })
}

function expectation ({ keyword, params, message }: Fault): string {
  const limit = String(params.limit)
  switch (keyword) {
    case 'required': return 'is missing'
    case 'additionalProperties': return 'does not belong here'
    case 'type': return `must be ${types(params.type)}`
    case 'enum': return `must be one of ${(params.allowedValues as unknown[]).filter(value => value !== null).join(', ')}`
    case 'minimum': return `must be at least ${limit}`
    case 'exclusiveMinimum': return `must be greater than ${limit}`
    case 'maximum': return `must be at most ${limit}`
    case 'minLength': return limit === '1' ? 'must not be empty' : `must have at least ${limit} characters`
    case 'maxLength': return `must have at most ${limit} characters`
    case 'minItems': return limit === '1' ? 'must not be empty' : `must have at least ${limit} items`
    case 'maxItems': return `must have at most ${limit} items`
    case 'maxProperties': return `must have at most ${limit} entries`
    case 'pattern': return 'has a character that is not allowed'
    default: return message ?? 'is not valid'
  }
}

function types (type: unknown): string {
  const names = (Array.isArray(type) ? type : String(type).split(',')).filter(name => name !== 'null').map(name => typeNames[String(name)] ?? String(name))
  return names.join(' or ')
}

/** A field's name that the caller made up: never more of it in an error than a line holds. */
export function shownName (name: string): string { return name.slice(0, 64) }

/** `/messages/0/content/1` → `messages[0].content[1]`. */
function dotted ({ instancePath, params }: Fault): string {
  const leaf = params.missingProperty ?? params.additionalProperty
  const steps = instancePath.split('/').slice(1).map(step => step.replaceAll('~1', '/').replaceAll('~0', '~'))
  if (leaf !== undefined) steps.push(shownName(String(leaf)))
  return steps.reduce((path, step) => /^\d+$/.test(step) && path !== '' ? `${path}[${step}]` : path === '' ? step : `${path}.${step}`, '')
}
