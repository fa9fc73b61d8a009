import { Template } from '@huggingface/jinja'
import { problem } from '../../errors.ts'
import type { Message } from '../engine.ts'
import type { Special } from './native.ts'

/** What a prompt is made from; a `Native` has all of it. */
export interface Vocabulary {
  readonly contextSize: number
  readonly chatTemplate: string | null
  readonly specials: readonly Special[]
  readonly bos: { readonly id: number, readonly text: string, readonly prepend: boolean }
  readonly eosText: string
  tokenize (text: string): Uint32Array
}

export interface Prompt {
  readonly tokens: Uint32Array
  /** The template has opened a thought already: the answer begins inside it. */
  readonly thinking: boolean
}

/**
 * Renders conversations with a base's own chat template, so that text of the
 * callers never becomes a special token.
 *
 * The template never sees a caller's text. Each text stands in as a mark that
 * cannot occur in a template; the rendered string is cut at the marks and at
 * the special tokens of the template's own parts; and what lies between two
 * special tokens is tokenised as one plain text. For harmless text the result
 * is token for token what llama.cpp makes of the whole rendered string.
 */
export class PromptWriter {
  readonly #vocabulary: Vocabulary
  readonly #template: Template | null
  readonly #control: Map<string, Special>
  readonly #cut: RegExp | null
  readonly #guard: RegExp | null
  /** Tokens that swallow the white space behind them. */
  readonly #stripsRight: ReadonlySet<number>

  constructor (vocabulary: Vocabulary) {
    this.#vocabulary = vocabulary
    this.#template = vocabulary.chatTemplate === null ? null : new Template(vocabulary.chatTemplate)
    const control = vocabulary.specials.filter(special => special.control)
    this.#control = new Map(control.map(special => [special.text, special]))
    this.#cut = anyOf([...this.#control.keys()])
    this.#stripsRight = new Set(control.filter(special => special.stripsRight).map(special => special.id))
    // Tokenizers make user-defined tokens (Qwen's <tool_call>, Gemma's turns) even from plain text. Those which the
    // template speaks with are kept from callers; the others (runs of spaces, HTML tags) are ordinary text.
    this.#guard = anyOf(vocabulary.specials.filter(({ control, text }) => !control && /[<[|]/.test(text) && vocabulary.chatTemplate?.includes(text)).map(special => special.text))
  }

  /** Throws `context_length_exceeded` for text that cannot fit by far, and `template_failed` where the template refuses the conversation, or there is none. */
  write (messages: readonly Message[]): Prompt {
    if (this.#template === null) throw problem('template_failed', { detail: 'its model file has no chat template.' })
    const texts: string[] = []
    const mark = (text: string): string => text === '' ? '' : `${space}${open}${texts.push(text) - 1}${shut}${space}`
    let rendered: string
    try {
      rendered = this.#template.render({
        messages: messages.map(message => ({
          role: message.role,
          content: mark(message.content),
          ...(message.name !== undefined && { name: mark(message.name) }),
          ...(message.reasoning !== undefined && { reasoning_content: mark(message.reasoning) })
        })),
        add_generation_prompt: true,
        bos_token: this.#vocabulary.bos.text,
        eos_token: this.#vocabulary.eosText
      })
    } catch (cause) {
      throw problem('template_failed', { detail: cause instanceof Error ? cause.message : String(cause) }, { param: 'messages', cause })
    }
    const { bos } = this.#vocabulary
    const ids: number[] = bos.prepend && !rendered.startsWith(bos.text) ? [bos.id] : []
    this.#tokenize(pieces(rendered, texts), ids)
    return { tokens: Uint32Array.from(ids), thinking: /<think>\s*$/.test(rendered) }
  }

  /** A plain text's tokens, for counting; never special ones. */
  plain (text: string): Uint32Array {
    const ids: number[] = []
    this.#tokenize([{ text, own: false }], ids)
    return Uint32Array.from(ids)
  }

  #tokenize (parts: readonly Piece[], ids: number[]): void {
    this.#refuseHopeless(parts)
    this.#append(parts, ids)
  }

  /** Megabytes of text would hold up everyone's answers while they are counted (about 1 s for 1.5 MB), so their count is estimated from the first of them. */
  #refuseHopeless (parts: readonly Piece[]): void {
    const length = parts.reduce((sum, { text }) => sum + text.length, 0)
    const limit = this.#vocabulary.contextSize
    if (length < Math.max(sampled, limit * hopeless)) return
    const head: Piece[] = []
    let taken = 0
    for (const { text, own } of parts) {
      if (taken >= sampled) break
      head.push({ text: text.slice(0, sampled - taken), own })
      taken += Math.min(text.length, sampled - taken)
    }
    const ids: number[] = []
    this.#append(head, ids)
    const count = Math.round(ids.length * length / taken)
    if (count >= limit) throw problem('context_length_exceeded', { count, limit }, { param: 'messages' })
  }

  #append (parts: readonly Piece[], ids: number[]): void {
    // Plain text since the last special token; usually one string, more where a guarded token had to be cut.
    let run: [string, ...string[]] = ['']
    const add = (text: string): void => { run[run.length - 1] += text }
    const flush = (): void => {
      for (const text of run) if (text !== '') for (const id of this.#vocabulary.tokenize(text)) ids.push(id)
      run = ['']
    }
    for (const { text, own } of parts) {
      const chunks = (own ? this.#cut : this.#guard)?.[Symbol.split](text) ?? [text]
      for (const [index, chunk] of chunks.entries()) {
        const special = own ? this.#control.get(chunk) : undefined
        if (special !== undefined) {
          flush()
          ids.push(special.id)
        } else if (!own && index % 2 === 1) {
          // A guarded token in a caller's text: cut behind its first character, no tokenizer can put it together again.
          const [head = ''] = chunk
          add(head)
          run.push(chunk.slice(head.length))
        } else {
          add(this.#stripsRight.has(ids.at(-1) ?? -1) && run.join('') === '' ? chunk.trimStart() : chunk)
        }
      }
    }
    flush()
  }
}

/** Text longer than this many times the context cannot fit: tokens of real text average 2 to 6 characters, the longest runs of spaces 32. */
const hopeless = 32
/** Characters that an estimate is made from: 40 ms of counting. */
const sampled = 64 * 1024

interface Piece { readonly text: string, readonly own: boolean }

/** Private-use characters around a number, nothing that a template writes of its own, in em spaces, which only a trim takes away. */
const space = '\u2003'
const open = '\u{F0E0C}'
const shut = '\u{F0E0D}'
const marked = new RegExp(`(${space}?)${open}(\\d+)${shut}(${space}?)`, 'u')

/** Puts the texts back. A template that trims its contents has trimmed the mark's spaces, so the text is trimmed alike. */
function pieces (rendered: string, texts: readonly string[]): Piece[] {
  const parts: Piece[] = []
  const cut = rendered.split(marked)
  for (let i = 0; i < cut.length; i += 4) {
    parts.push({ text: cut[i] ?? '', own: true })
    const number = cut[i + 2]
    if (number === undefined) continue
    let text = texts[Number(number)] ?? ''
    if (cut[i + 1] === '') text = text.trimStart()
    if (cut[i + 3] === '') text = text.trimEnd()
    parts.push({ text, own: false })
  }
  return parts
}

function anyOf (texts: readonly string[]): RegExp | null {
  if (texts.length === 0) return null
  return new RegExp(`(${texts.toSorted((a, b) => b.length - a.length).map(text => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('|')})`, 'u')
}
