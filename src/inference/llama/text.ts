import type { CallParser } from './tools/family.ts'

/** How an answer's tokens become text. */
export interface Reading {
  detokenize (tokens: readonly number[]): string
  /** Control tokens that give no text of their own, but are part of how this model writes tool calls. */
  readonly marks: ReadonlyMap<number, string>
  readonly stop: readonly string[]
  /** The answer begins inside a thought; null: it has none, whatever it looks like. */
  readonly thinking: boolean | null
  /** Tells tool calls from text; null: all is text. */
  readonly calls: CallParser | null
}

/**
 * Turns the tokens of one answer into pieces that may be shown: whole
 * characters only, thoughts and tool calls apart from the answer, and nothing
 * of a stop string.
 */
export class AnswerText {
  readonly #reading: Reading
  #tokens: number[] = []
  /** Tokens before `#shown` are out; those from `#context` on give the tokenizer the context it joins words by. */
  #context = 0
  #shown = 0
  readonly #thoughts: Thoughts
  readonly #stops: StopStrings
  #stopped = false
  #reasoningTokens = 0
  #called = false

  constructor (reading: Reading) {
    this.#reading = reading
    this.#thoughts = new Thoughts(reading.thinking)
    this.#stops = new StopStrings(reading.stop)
  }

  /** Whether a stop string has ended the answer; what follows is not shown. */
  get stopped (): boolean { return this.#stopped }
  get reasoningTokens (): number { return this.#reasoningTokens }
  /** Whether the answer holds a tool call. */
  get called (): boolean { return this.#called }
  get thinking (): boolean { return this.#thoughts.inside }
  /** What was written since a tool call's opener; null before one. */
  get opened (): string | null { return this.#reading.calls?.opened ?? null }

  push (token: number): Shown[] {
    if (this.#thoughts.inside) this.#reasoningTokens++
    const mark = this.#reading.marks.get(token)
    if (mark !== undefined) {
      const rest = this.#rest()
      this.#tokens = []
      this.#context = this.#shown = 0
      return this.#show(rest + mark)
    }
    this.#tokens.push(token)
    const before = this.#reading.detokenize(this.#tokens.slice(this.#context, this.#shown))
    const text = this.#reading.detokenize(this.#tokens.slice(this.#context))
    // U+FFFD at the end is half a character. A model may also write garbage: longer than the four bytes of UTF-8, it is shown as it is.
    if (text.endsWith('\uFFFD') && this.#tokens.length - this.#shown < 4) return []
    if (text.length <= before.length) return []
    this.#context = this.#shown
    this.#shown = this.#tokens.length
    return this.#show(text.slice(before.length))
  }

  /** What was held back when the answer ended. */
  end (): Shown[] {
    const shown = this.#show(this.#rest())
    if (this.#stopped) return shown
    for (const piece of this.#thoughts.end()) shown.push(...this.#parse(piece))
    for (const piece of this.#reading.calls?.end() ?? []) shown.push(...this.#stop(piece))
    const held = this.#stops.end()
    return held === '' || this.#stopped ? shown : [...shown, { type: 'text', text: held }]
  }

  /** Text of tokens that are no whole character yet. */
  #rest (): string {
    const before = this.#reading.detokenize(this.#tokens.slice(this.#context, this.#shown))
    return this.#reading.detokenize(this.#tokens.slice(this.#context)).slice(before.length)
  }

  #show (text: string): Shown[] {
    return this.#thoughts.push(text).flatMap(piece => this.#parse(piece))
  }

  #parse (piece: Thought): Shown[] {
    const { calls } = this.#reading
    if (piece.type === 'reasoning' || calls === null) return this.#stop(piece)
    return calls.push(piece.text).flatMap(part => this.#stop(part))
  }

  #stop (piece: Shown): Shown[] {
    if (this.#stopped) return []
    if (piece.type === 'call') this.#called = true
    if (piece.type !== 'text') return [piece]
    const { text, stopped } = this.#stops.push(piece.text)
    this.#stopped = stopped
    return text === '' ? [] : [{ type: 'text', text }]
  }
}

interface Thought { readonly type: 'text' | 'reasoning', readonly text: string }
export type Shown = Thought | { readonly type: 'call', readonly index: number, readonly name?: string, readonly arguments: string }

const opener = '<think>'
const closer = '</think>'

/** Splits `<think>…</think>` at the head of an answer from the answer. Later ones are the answer's own text. */
class Thoughts {
  #state: 'head' | 'inside' | 'behind' | 'answer'
  #held = ''

  constructor (thinking: boolean | null) { this.#state = thinking === null ? 'answer' : thinking ? 'inside' : 'head' }

  get inside (): boolean { return this.#state === 'inside' }

  push (text: string): Thought[] {
    this.#held += text
    const shown: Thought[] = []
    if (this.#state === 'head') {
      const start = this.#held.trimStart()
      if (start.startsWith(opener)) {
        this.#held = start.slice(opener.length)
        this.#state = 'inside'
      } else if (opener.startsWith(start)) {
        return shown
      } else {
        this.#state = 'answer'
      }
    }
    if (this.#state === 'inside') {
      const close = this.#held.indexOf(closer)
      const end = close === -1 ? this.#held.length - overlap(this.#held, closer) : close
      if (end > 0) shown.push({ type: 'reasoning', text: this.#held.slice(0, end) })
      this.#held = this.#held.slice(close === -1 ? end : end + closer.length)
      if (close === -1) return shown
      this.#state = 'behind'
    }
    if (this.#state === 'behind') {
      // Models put blank lines between thought and answer.
      this.#held = this.#held.trimStart()
      if (this.#held === '') return shown
      this.#state = 'answer'
    }
    if (this.#held !== '') shown.push({ type: 'text', text: this.#held })
    this.#held = ''
    return shown
  }

  end (): Thought[] {
    if (this.#held === '') return []
    return [{ type: this.#state === 'inside' ? 'reasoning' : 'text', text: this.#held }]
  }
}

/** Ends a text at the first of the stop strings, and keeps back what may become one. */
class StopStrings {
  readonly #stops: readonly string[]
  #held = ''

  constructor (stops: readonly string[]) { this.#stops = stops }

  push (text: string): { text: string, stopped: boolean } {
    this.#held += text
    const found = this.#stops.map(stop => this.#held.indexOf(stop)).filter(index => index !== -1)
    if (found.length > 0) return { text: this.#held.slice(0, Math.min(...found)), stopped: true }
    const keep = Math.max(0, ...this.#stops.map(stop => overlap(this.#held, stop)))
    const show = this.#held.slice(0, this.#held.length - keep)
    this.#held = this.#held.slice(show.length)
    return { text: show, stopped: false }
  }

  end (): string { return this.#held }
}

/** Length of the longest end of `text` that is a beginning of `word`. */
function overlap (text: string, word: string): number {
  for (let length = Math.min(text.length, word.length - 1); length > 0; length--) {
    if (text.endsWith(word.slice(0, length))) return length
  }
  return 0
}
