import { problem } from '../errors.ts'
import { literal, type Node } from './gbnf.ts'
import { measure } from './measure.ts'
import { Refusal, invalid, within } from './refusal.ts'
import { Rules } from './rules.ts'
import { Values } from './values.ts'

export { literal }

export interface Options {
  /** OpenAI's strict mode: every object allows only its declared properties and requires all of them. */
  readonly strict?: boolean
  /** The field of the request that holds the schema, for errors. */
  readonly param?: string
}

/**
 * GBNF of which every text is JSON that fits the schema (JSON Schema 2020-12
 * and draft 7, as far as a grammar can say it), with keys in the order they
 * are declared in. It need not have all texts that fit. Throws
 * `unsupported_schema` and `invalid_schema`, which name the keyword and its
 * place.
 */
export function schemaGrammar (schema: unknown, options: Options = {}): string {
  const builder = new GrammarBuilder()
  return builder.text(builder.rule(schema, options))
}

/** GBNF of any JSON object. */
export function objectGrammar (): string { return schemaGrammar({ type: 'object' }) }

/** Several schemas in one grammar. */
export class GrammarBuilder {
  readonly #rules = new Rules()

  /** A rule for the values that fit the schema, by its name. Throws as `schemaGrammar` does. */
  rule (schema: unknown, { strict = false, param }: Options = {}): string {
    try {
      measure(schema)
      if (strict) objectAtRoot(schema)
      const root = new Values(this.#rules, schema, strict).root()
      this.#rules.check(root, '#')
      return nameOf(root)
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      throw problem(error.code, { at: error.at.slice(0, longestPointer), detail: error.message }, param === undefined ? {} : { param })
    }
  }

  /** The whole grammar. `root` is GBNF of rules' names and literals, on one line. */
  text (root: string): string { return `root ::= ${root}\n${this.#rules.text()}` }
}

/** Characters of a pointer in a message. */
const longestPointer = 200

function nameOf (node: Node): string {
  if (node.type !== 'rule') throw new TypeError('A schema is always a rule.')
  return node.name
}

function objectAtRoot (schema: unknown): void {
  if (typeof schema !== 'object' || schema === null) throw invalid('#', 'it must be an object.')
  const { type } = schema as { type?: unknown }
  if (type !== 'object') throw invalid(within('#', 'type'), `schema must be a JSON Schema of 'type: "object"', got '${typeof type === 'string' ? `type: "${type.slice(0, 50)}"` : 'no type'}'.`)
  if ('anyOf' in schema) throw invalid(within('#', 'anyOf'), "the root of a strict schema cannot be 'anyOf'.")
}
