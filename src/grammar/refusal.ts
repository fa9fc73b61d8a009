/** Why a schema is not used; the door turns it into an error for the caller. */
export class Refusal extends Error {
  override readonly name = 'Refusal'
  readonly code: 'unsupported_schema' | 'invalid_schema'
  /** JSON pointer, as a fragment, of the schema at fault. */
  readonly at: string

  constructor (code: Refusal['code'], at: string, detail: string) {
    super(detail)
    this.code = code
    this.at = at
  }
}

/** Legal, but nothing that an answer can be held to here. */
export const unsupported = (at: string, detail: string): Refusal => new Refusal('unsupported_schema', at, detail)
/** Wrong under JSON Schema, or such that no value can fit. */
export const invalid = (at: string, detail: string): Refusal => new Refusal('invalid_schema', at, detail)

/** The pointer of a member. */
export const within = (at: string, ...keys: (string | number)[]): string =>
  keys.reduce<string>((path, key) => `${path}/${String(key).replaceAll('~', '~0').replaceAll('/', '~1')}`, at)
