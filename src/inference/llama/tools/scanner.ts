/** What the keys of a call mean. Families say `arguments` or `parameters`; models mix them up, so each reader knows both. */
const argumentKeys = new Set(['arguments', 'parameters'])
/** Other keys that calls are written with; what they say is not needed. */
const otherKeys = new Set(['type', 'id'])

type State = 'before' | 'key' | 'colon' | 'value' | 'comma' | 'done' | 'broken'

/**
 * Reads one call, a JSON object with a name and arguments, character by
 * character. The arguments are raw JSON text, whose inside is only followed as
 * far as its end must be found.
 */
export class CallScanner {
  readonly #names: ReadonlySet<string>
  #state: State = 'before'
  #value = new Value()
  #key = ''
  #hadArguments = false
  #name: string | null = null
  #pending = ''

  constructor (names: ReadonlySet<string>) { this.#names = names }

  get done (): boolean { return this.#state === 'done' }
  get broken (): boolean { return this.#state === 'broken' }
  get name (): string | null { return this.#name }
  /** Whether the name's value has begun or is due. */
  get naming (): boolean { return this.#key === 'name' && this.#state === 'value' }

  /** The arguments' text since the last time; null while there is none, or its call has no name yet. */
  take (): string | null {
    if (this.#name === null || this.#pending === '') return null
    const taken = this.#pending
    this.#pending = ''
    return taken
  }

  push (char: string): void {
    switch (this.#state) {
      case 'before': return this.#expect(char, { '{': 'key' })
      case 'key': return this.#keyed(char)
      case 'colon': return this.#expect(char, { ':': 'value' })
      case 'value': return this.#valued(char)
      case 'comma': return this.#expect(char, { ',': 'key', '}': 'done' })
    }
  }

  #expect (char: string, next: Readonly<Record<string, State>>): void {
    if (isSpace(char)) return
    this.#state = next[char] ?? 'broken'
    // A call without arguments has empty ones.
    if (this.#state === 'done' && !this.#hadArguments) this.#pending = '{}'
    if (this.#state === 'done' && this.#name === null) this.#state = 'broken'
  }

  #keyed (char: string): void {
    if (this.#value.empty && char !== '"') return this.#expect(char, { '}': 'done' })
    if (!this.#value.push(char)) return
    const key = this.#value.parsed()
    this.#value = new Value()
    this.#key = typeof key === 'string' ? key : ''
    this.#state = this.#key === 'name' || argumentKeys.has(this.#key) || otherKeys.has(this.#key) ? 'colon' : 'broken'
  }

  #valued (char: string): void {
    const value = this.#value
    if (value.empty && isSpace(char)) return
    // Numbers and words end before what follows them.
    if (value.word && (char === ',' || char === '}')) {
      this.#ended()
      return this.push(char)
    }
    const ended = value.push(char)
    if (argumentKeys.has(this.#key)) {
      if (value.word) this.#state = 'broken'
      else if (!value.quoted) this.#pending += char
    }
    if (ended) this.#ended()
  }

  #ended (): void {
    const value = this.#value
    this.#value = new Value()
    this.#state = 'comma'
    if (this.#key === 'name') {
      const name = value.parsed()
      if (typeof name === 'string' && this.#names.has(name)) this.#name = name
      else this.#state = 'broken'
    } else if (argumentKeys.has(this.#key)) {
      this.#hadArguments = true
      if (value.quoted) this.#unquote(value)
    }
  }

  /** Some models write the arguments as OpenAI's API does: as JSON text in a string. */
  #unquote (value: Value): void {
    const text = value.parsed()
    if (typeof text === 'string' && /^\s*\{/.test(text) && parse(text) !== undefined) this.#pending += text
    else this.#state = 'broken'
  }
}

/** One JSON value, followed to its end by its quotes and brackets. */
export class Value {
  #text = ''
  #depth = 0
  #inString = false
  #escaped = false

  get empty (): boolean { return this.#text === '' }
  get quoted (): boolean { return this.#text[0] === '"' }
  /** A number, `true`, `false` or `null`: nothing marks its end. */
  get word (): boolean { return !this.empty && !'"{['.includes(this.#text[0] ?? '') }

  /** Whether the value ends with this character. */
  push (char: string): boolean {
    // Of objects and lists nobody asks the text again, and they can be long.
    if (this.#depth === 0) this.#text += char
    if (this.#inString) {
      if (this.#escaped) this.#escaped = false
      else if (char === '\\') this.#escaped = true
      else if (char === '"') this.#inString = false
      return !this.#inString && this.#depth === 0
    }
    if (char === '"') this.#inString = true
    else if (char === '{' || char === '[') this.#depth++
    else if (char === '}' || char === ']') return --this.#depth === 0
    return false
  }

  parsed (): unknown { return parse(this.#text) }
}

export const isSpace = (char: string): boolean => char === ' ' || char === '\n' || char === '\t' || char === '\r'

function parse (text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
