/**
 * Turns the tokens of one answer into pieces of text that may be shown: whole
 * characters only, thoughts apart from the answer, and nothing of a stop string.
 */
export class AnswerText {
  readonly #detokenize: (tokens: readonly number[]) => string
  readonly #tokens: number[] = []
  /** Tokens before `#shown` are out; those from `#context` on give the tokenizer the context it joins words by. */
  #context = 0
  #shown = 0
  readonly #thoughts: Thoughts
  readonly #stops: StopStrings
  #stopped = false
  #reasoningTokens = 0

  constructor (detokenize: (tokens: readonly number[]) => string, stop: readonly string[], thinking: boolean) {
    this.#detokenize = detokenize
    this.#thoughts = new Thoughts(thinking)
    this.#stops = new StopStrings(stop)
  }

  /** Whether a stop string has ended the answer; what follows is not shown. */
  get stopped (): boolean { return this.#stopped }
  get reasoningTokens (): number { return this.#reasoningTokens }

  push (token: number): Shown[] {
    this.#tokens.push(token)
    if (this.#thoughts.inside) this.#reasoningTokens++
    const before = this.#detokenize(this.#tokens.slice(this.#context, this.#shown))
    const text = this.#detokenize(this.#tokens.slice(this.#context))
    // U+FFFD at the end is half a character. A model may also write garbage: longer than the four bytes of UTF-8, it is shown as it is.
    if (text.endsWith('\uFFFD') && this.#tokens.length - this.#shown < 4) return []
    if (text.length <= before.length) return []
    this.#context = this.#shown
    this.#shown = this.#tokens.length
    return this.#show(text.slice(before.length))
  }

  /** What was held back when the answer ended. */
  end (): Shown[] {
    const before = this.#detokenize(this.#tokens.slice(this.#context, this.#shown))
    const rest = this.#detokenize(this.#tokens.slice(this.#context)).slice(before.length)
    const shown = this.#show(rest)
    if (this.#stopped) return shown
    for (const piece of this.#thoughts.end()) shown.push(...this.#stop(piece))
    const held = this.#stops.end()
    return held === '' || this.#stopped ? shown : [...shown, { type: 'text', text: held }]
  }

  #show (text: string): Shown[] {
    return this.#thoughts.push(text).flatMap(piece => this.#stop(piece))
  }

  #stop (piece: Shown): Shown[] {
    if (this.#stopped) return []
    if (piece.type === 'reasoning') return [piece]
    const { text, stopped } = this.#stops.push(piece.text)
    this.#stopped = stopped
    return text === '' ? [] : [{ type: 'text', text }]
  }
}

export interface Shown { readonly type: 'text' | 'reasoning', readonly text: string }

const opener = '<think>'
const closer = '</think>'

/** Splits `<think>…</think>` at the head of an answer from the answer. Later ones are the answer's own text. */
class Thoughts {
  #state: 'head' | 'inside' | 'behind' | 'answer'
  #held = ''

  constructor (thinking: boolean) { this.#state = thinking ? 'inside' : 'head' }

  get inside (): boolean { return this.#state === 'inside' }

  push (text: string): Shown[] {
    this.#held += text
    const shown: Shown[] = []
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

  end (): Shown[] {
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
