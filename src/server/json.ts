import { problem } from '../errors.ts'

// A quote cannot stand unescaped inside a JSON string, so this only ever finds a key.
const poison = /"(?:_|\\u005[Ff]){2}(?:p|\\u0070)(?:r|\\u0072)(?:o|\\u006[Ff])(?:t|\\u0074)(?:o|\\u006[Ff])(?:_|\\u005[Ff]){2}"\s*:/

/** The value of a JSON text. Throws `invalid_json`; a `__proto__` key is refused, since a later copy would make it a prototype. */
export function parseJson (text: string): unknown {
  if (poison.test(text)) throw problem('invalid_json', { detail: "the key '__proto__' is forbidden." })
  try {
    return JSON.parse(text)
  } catch (error) {
    throw problem('invalid_json', { detail: `${(error as SyntaxError).message}.` })
  }
}
