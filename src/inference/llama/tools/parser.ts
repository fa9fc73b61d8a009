import type { Tools } from '../../engine.ts'
import type { CallParser, ParsedPiece } from './family.ts'
import { CallScanner, Value, isSpace } from './scanner.ts'

/** How calls stand in an answer. */
export interface Syntax {
  /** Opens calls, wherever it comes. */
  readonly opener: string
  /** Follows a call, or the list of calls; may be missing. Empty where there is none. */
  readonly closer: string
  /** An object at the head of the answer is a call too, if it begins as one. */
  readonly bare: boolean
  /** A call may be its name, `[ARGS]` (or `[CALL_ID]`, an id and `[ARGS]`), and its arguments. */
  readonly named: boolean
}

/** Where the reader is: in text; behind an opener, where a call is due; in one of its two forms; or behind a call. */
type State = 'text' | 'due' | 'object' | 'name' | 'arguments' | 'after'

/** The name of a call in the form without an object, and what ends it. */
const nameForm = /^([\w.-]{1,128})(?:\[CALL_ID\]\w{0,64})?(?:\[ARGS\])?\s*\{$/
/** The longest beginning of that form: a name, an id, the marks between them and a few spaces. */
const longestName = 256

/** Reads the answers of one syntax. Calls in a list, one after the other or alone are all understood. */
export class SyntaxParser implements CallParser {
  readonly #syntax: Syntax
  readonly #names: ReadonlySet<string>
  #state: State = 'text'
  /** Of text: what may become an opener, and the white space before. Of a call: all of it, until it is sure to be one. */
  #held = ''
  #opened: string | null = null
  #scanner: CallScanner
  #value = new Value()
  #nameText = ''
  #inList = false
  #calls = 0
  /** Whether the call that is being read has been told of. */
  #told = false
  #atHead = true
  #pieces: ParsedPiece[] = []

  constructor (syntax: Syntax, tools: Tools) {
    this.#syntax = syntax
    this.#names = new Set(tools.list.map(({ name }) => name))
    this.#scanner = new CallScanner(this.#names)
  }

  get opened (): string | null { return this.#opened }

  push (text: string): ParsedPiece[] {
    for (const char of text) this.#char(char)
    return this.#flush()
  }

  end (): ParsedPiece[] {
    // Of a call that was told of, nothing is missing but its end; and what was cut off before another call is no text.
    if (this.#calls > 0 && this.#held.trim() === '') this.#held = ''
    if (this.#state === 'text' || !(this.#told || this.#state === 'after')) this.#text(this.#held)
    this.#held = ''
    return this.#flush()
  }

  #flush (): ParsedPiece[] {
    const delta = this.#state === 'object' ? this.#scanner.take() : null
    if (delta !== null) this.#tell(this.#scanner.name, delta)
    const pieces = this.#pieces
    this.#pieces = []
    return pieces
  }

  #char (char: string): void {
    if (this.#opened !== null) this.#opened += char
    switch (this.#state) {
      case 'text': return this.#plain(char)
      case 'due': return this.#due(char)
      case 'object': return this.#object(char)
      case 'name': return this.#name(char)
      case 'arguments': return this.#arguments(char)
      case 'after': return this.#after(char)
    }
  }

  #plain (char: string): void {
    const { opener, bare } = this.#syntax
    this.#held += char
    const body = this.#held.trimStart()
    if (body === opener) {
      // What a bare call is known by comes later than the opener.
      if (!bare) this.#opened = ''
      this.#state = 'due'
      return
    }
    if (bare && this.#atHead && body === '{') {
      this.#state = 'due'
      this.#begin()
      this.#scanner.push(char)
      return
    }
    if (opener.startsWith(body)) return
    // The longest end that may still become an opener stays, with the space before it.
    let keep = Math.min(body.length - 1, opener.length - 1)
    while (keep > 0 && !opener.startsWith(body.slice(-keep))) keep--
    const shown = this.#held.slice(0, this.#held.length - keep).trimEnd()
    this.#text(shown)
    this.#held = this.#held.slice(shown.length)
  }

  #begin (): void {
    this.#scanner = new CallScanner(this.#names)
    this.#value = new Value()
    this.#told = false
    this.#state = 'object'
  }

  #due (char: string): void {
    this.#held += char
    if (isSpace(char) || (this.#inList && char === ',')) return
    if (char === '{') {
      this.#begin()
      this.#scanner.push(char)
    } else if (char === '[' && !this.#inList && !this.#syntax.bare) {
      this.#inList = true
    } else if (char === ']' && this.#inList) {
      this.#inList = false
      this.#held = ''
      this.#state = 'after'
    } else if (this.#syntax.named && !this.#inList) {
      this.#told = false
      this.#nameText = char
      this.#state = 'name'
    } else {
      this.#break()
    }
  }

  #name (char: string): void {
    this.#held += char
    this.#nameText += char
    if (char !== '{') {
      if (this.#nameText.length > longestName) this.#break()
      return
    }
    const name = nameForm.exec(this.#nameText)?.[1]
    if (name === undefined || !this.#names.has(name)) return this.#break()
    this.#value = new Value()
    this.#state = 'arguments'
    this.#value.push(char)
    this.#tell(name, char)
  }

  #arguments (char: string): void {
    const ended = this.#value.push(char)
    this.#tell(null, char)
    if (ended) this.#state = 'after'
  }

  #object (char: string): void {
    this.#held += char
    const scanner = this.#scanner
    const wasNaming = scanner.naming
    scanner.push(char)
    if (this.#syntax.bare && this.#opened === null && scanner.naming && !wasNaming) this.#opened = ''
    if (scanner.broken) return this.#break()
    // Told at once: what is told cannot be taken back as text.
    const delta = scanner.take()
    if (delta !== null) this.#tell(scanner.name, delta)
    if (!scanner.done) return
    this.#held = ''
    this.#state = this.#inList ? 'due' : 'after'
  }

  #after (char: string): void {
    const { opener, closer } = this.#syntax
    this.#held += char
    const body = this.#held.trimStart()
    if (body === '') return
    if (closer !== '' && body === closer) {
      this.#held = ''
      this.#state = 'text'
    } else if (body === opener) {
      this.#state = 'due'
    } else if (!(closer !== '' && closer.startsWith(body)) && !opener.startsWith(body)) {
      // Text again, in which an opener may have begun.
      const rest = this.#held
      this.#held = ''
      this.#state = 'text'
      for (const again of rest) this.#plain(again)
    }
  }

  /** No call after all: what of it was not told of is text. */
  #break (): void {
    const text = this.#held
    this.#held = ''
    this.#state = 'text'
    this.#inList = false
    if (this.#calls === 0) this.#opened = null
    this.#text(text)
  }

  #text (text: string): void {
    if (text === '') return
    this.#atHead = false
    const last = this.#pieces.at(-1)
    if (last?.type === 'text') this.#pieces[this.#pieces.length - 1] = { type: 'text', text: last.text + text }
    else this.#pieces.push({ type: 'text', text })
  }

  #tell (name: string | null, delta: string): void {
    this.#held = ''
    if (!this.#told) {
      this.#told = true
      this.#atHead = false
      this.#pieces.push({ type: 'call', index: this.#calls++, ...(name !== null && { name }), arguments: delta })
      return
    }
    const index = this.#calls - 1
    const last = this.#pieces.at(-1)
    if (last?.type === 'call' && last.index === index) this.#pieces[this.#pieces.length - 1] = { ...last, arguments: last.arguments + delta }
    else this.#pieces.push({ type: 'call', index, arguments: delta })
  }
}
