import { createHash } from 'node:crypto'
import { Template } from '@huggingface/jinja'
import { problem } from '../../errors.ts'
import type { Effort, Input, Message, Tools } from '../engine.ts'
import type { Special } from './native.ts'
import { familyOf, generic } from './tools/families.ts'
import type { Family } from './tools/family.ts'

/** What a prompt is made from; a `Native` has all of it. */
export interface Vocabulary {
  readonly contextSize: number
  readonly chatTemplate: string | null
  readonly specials: readonly Special[]
  readonly vocabularySize: number
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
  /** How this model calls tools; null: nobody knows. */
  readonly family: Family | null
  /** Whether the template knows of thoughts, so that the model may open one by itself. */
  readonly thinks: boolean
  readonly specials: readonly Special[]

  constructor (vocabulary: Vocabulary) {
    this.#vocabulary = vocabulary
    this.#template = vocabulary.chatTemplate === null ? null : new Template(vocabulary.chatTemplate)
    const control = vocabulary.specials.filter(special => special.control)
    this.#control = new Map(control.map(special => [special.text, special]))
    this.#cut = anyOf([...this.#control.keys()])
    this.#stripsRight = new Set(control.filter(special => special.stripsRight).map(special => special.id))
    // Tokenizers make user-defined tokens (Qwen's <tool_call>, Gemma's turns) even from plain text. Those which the
    // template speaks with are kept from callers; the others (runs of spaces, HTML tags) are ordinary text.
    this.specials = vocabulary.specials
    this.thinks = vocabulary.chatTemplate?.includes('<think>') === true
    this.family = familyOf(vocabulary.chatTemplate)
    this.#guard = anyOf(vocabulary.specials.filter(({ control, text }) => !control && /[<[|]/.test(text) && vocabulary.chatTemplate?.includes(text)).map(special => special.text))
  }

  /**
   * The prompt that an answer continues. Throws `context_length_exceeded` for
   * text that cannot fit by far, `template_failed` where the template refuses
   * the conversation or there is none, `tools_unsupported` and
   * `effort_unsupported`. `param` is the field that text came in.
   */
  write (input: Input, param = input.type === 'chat' ? 'messages' : 'prompt'): Prompt {
    switch (input.type) {
      case 'chat': return this.#chat(input, param)
      case 'text': return { tokens: this.#plain(input.text, param), thinking: false }
      case 'tokens': return { tokens: this.#given(input.tokens), thinking: false }
    }
  }

  #chat ({ messages, tools, effort }: Extract<Input, { type: 'chat' }>, param: string): Prompt {
    if (this.#template === null) throw problem('template_failed', { detail: 'its model file has no chat template.' })
    if (tools?.choice === 'auto' && this.family === null) throw problem('tools_unsupported', {}, { param: 'tools' })
    const texts: Marked[] = []
    const mark = (text: string, quoted = false): string => text === '' ? '' : `${space}${open}${texts.push({ text, quoted }) - 1}${shut}${space}`
    const thinking = this.#thinking(effort)
    const turns = this.family === null ? plainTurns(messages, tools) : messages
    let rendered: string
    try {
      rendered = this.#template.render({
        messages: turns.map(message => this.#turn(message, mark)),
        ...(tools !== null && this.family !== null && { tools: tools.list.map(tool => this.#shielded({ type: 'function', function: { name: tool.name, ...(tool.description !== null && { description: tool.description }), parameters: tool.parameters } }, mark)) }),
        ...thinking,
        add_generation_prompt: true,
        bos_token: this.#vocabulary.bos.text,
        eos_token: this.#vocabulary.eosText
      })
    } catch (cause) {
      throw problem('template_failed', { detail: cause instanceof Error ? cause.message : String(cause) }, { param: 'messages', cause })
    }
    const { bos } = this.#vocabulary
    const ids: number[] = bos.prepend && !rendered.startsWith(bos.text) ? [bos.id] : []
    this.#tokenize(pieces(rendered, texts), ids, param)
    return { tokens: Uint32Array.from(ids), thinking: /<think>\s*$/.test(rendered) }
  }

  #turn (message: Message, mark: Mark): Record<string, unknown> {
    return {
      role: message.role,
      content: mark(message.content),
      ...(message.name !== undefined && { name: mark(message.name) }),
      ...(message.reasoning !== undefined && { reasoning_content: mark(message.reasoning) }),
      ...(message.callId !== undefined && { tool_call_id: this.#shielded(this.#callId(message.callId), mark) }),
      ...(message.calls !== undefined && {
        tool_calls: message.calls.map(({ id, name, arguments: given }) => ({
          type: 'function',
          ...this.#shielded({ id: this.#callId(id), function: { name, arguments: JSON.parse(given) as unknown } }, mark) as object
        }))
      })
    }
  }

  #callId (id: string): string { return this.family?.callId?.(id) ?? id }

  /** The template's own switches for reasoning. A model without any cannot be told how long to think. */
  #thinking (effort: Effort | null): Record<string, unknown> {
    if (effort === null) return {}
    const template = this.#vocabulary.chatTemplate ?? ''
    const levels = template.includes('reasoning_effort')
    const onOff = ['enable_thinking', 'thinking'].filter(name => new RegExp(`\\b${name}\\b`).test(template))
    if (!levels && onOff.length === 0 && effort !== 'none') throw problem('effort_unsupported', { effort }, { param: 'reasoning_effort' })
    return {
      ...(levels && { reasoning_effort: effort }),
      ...Object.fromEntries(onOff.map(name => [name, effort !== 'none']))
    }
  }

  /**
   * A value of the caller's, of which the template sees all but the texts that
   * would become special tokens: those it gets as marks. Templates look into
   * schemas (`type == 'string'`), so marking every text would hide too much.
   */
  #shielded (value: unknown, mark: Mark): unknown {
    if (typeof value === 'string') return this.#isSpecial(value) ? mark(value, true) : value
    if (Array.isArray(value)) return value.map(item => this.#shielded(item, mark))
    if (typeof value !== 'object' || value === null) return value
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [this.#isSpecial(key) ? mark(key, true) : key, this.#shielded(item, mark)]))
  }

  #isSpecial (text: string): boolean {
    return text.includes(open) || this.#cut?.test(text) === true || this.#guard?.test(text) === true
  }

  /** A plain text's tokens; never special ones, but for the one that begins every text of this model. */
  #plain (text: string, param: string): Uint32Array {
    const { bos } = this.#vocabulary
    const ids: number[] = bos.prepend ? [bos.id] : []
    this.#tokenize([{ text, own: false }], ids, param)
    return Uint32Array.from(ids)
  }

  #given (tokens: readonly number[]): Uint32Array {
    const unknown = tokens.find(token => token >= this.#vocabulary.vocabularySize)
    if (unknown !== undefined) throw problem('invalid_request', { detail: `the token ${unknown} is not in the model's vocabulary of ${this.#vocabulary.vocabularySize}.` }, { param: 'prompt' })
    return Uint32Array.from(tokens)
  }

  /** `param`: the field that the parts came in. */
  #tokenize (parts: readonly Piece[], ids: number[], param: string): void {
    this.#refuseHopeless(parts, param)
    this.#append(parts, ids)
  }

  /** Megabytes of text would hold up everyone's answers while they are counted (about 1 s for 1.5 MB), so their count is estimated from the first of them. */
  #refuseHopeless (parts: readonly Piece[], param: string): void {
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
    if (count >= limit) throw problem('context_length_exceeded', { count, limit }, { param })
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

/** A caller's text that a mark stands for; `quoted`: inside a JSON string, which the template has written around the mark. */
interface Marked { readonly text: string, readonly quoted: boolean }
type Mark = (text: string, quoted?: boolean) => string

/**
 * A conversation for a template that knows nothing of tools: they are described
 * in the system turn, and calls and their results are ordinary turns.
 */
function plainTurns (messages: readonly Message[], tools: Tools | null): Message[] {
  const turns = messages.map(({ calls, callId, ...message }): Message => {
    if (calls !== undefined) return { ...message, content: [message.content, generic.written(calls)].filter(text => text !== '').join('\n') }
    return message.role === 'tool' ? { role: 'user', content: generic.result(message.content) } : message
  })
  if (tools === null) return turns
  const described = generic.describe(tools)
  const [first, ...others] = turns
  return first?.role === 'system' ? [{ ...first, content: `${first.content}\n\n${described}` }, ...others] : [{ role: 'system', content: described }, ...turns]
}

/** sha256 (hex) of token ids as little-endian 32-bit numbers. */
export function digestOf (tokens: Uint32Array): string {
  // Every machine that llama.cpp's prebuilt files are for stores numbers this way.
  return createHash('sha256').update(new Uint8Array(tokens.buffer, tokens.byteOffset, tokens.byteLength)).digest('hex')
}

/** Private-use characters around a number, nothing that a template writes of its own, in em spaces, which only a trim takes away. */
const space = '\u2003'
const open = '\u{F0E0C}'
const shut = '\u{F0E0D}'
const marked = new RegExp(`(${space}?)${open}(\\d+)${shut}(${space}?)`, 'u')

/** Puts the texts back. A template that trims its contents has trimmed the mark's spaces, so the text is trimmed alike. */
function pieces (rendered: string, texts: readonly Marked[]): Piece[] {
  const parts: Piece[] = []
  const cut = rendered.split(marked)
  for (let i = 0; i < cut.length; i += 4) {
    parts.push({ text: cut[i] ?? '', own: true })
    const number = cut[i + 2]
    if (number === undefined) continue
    const marked = texts[Number(number)]
    let text = marked?.quoted === true ? JSON.stringify(marked.text).slice(1, -1) : marked?.text ?? ''
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
