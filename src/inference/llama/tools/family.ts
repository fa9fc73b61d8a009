import type { ToolCall, Tools } from '../../engine.ts'

/** The way a family of models writes tool calls. */
export interface Family {
  readonly name: string
  /** Texts of control tokens that are part of the syntax; the parser gets them as text. */
  readonly marks: readonly string[]
  /** A call's id as the template takes it; left out: any. */
  callId? (id: string): string
  /** GBNF of an answer that is nothing but calls, one or, where `parallel`, several. Its root is `root`. */
  grammar (tools: Tools): string
  /** GBNF of what may follow an opener, to the end of the answer. */
  rest (tools: Tools): string
  /** A parser of one answer's text. */
  parser (tools: Tools): CallParser
}

/** The syntax for models that know none of their own: their template cannot say it, so it is said in plain text. */
export interface PlainFamily extends Family {
  /** What the system turn says about the tools. */
  describe (tools: Tools): string
  /** Calls of an earlier turn, as the model would have written them. */
  written (calls: readonly ToolCall[]): string
  /** A tool's result, as a user turn. */
  result (content: string): string
}

export type ParsedPiece =
  | { readonly type: 'text', readonly text: string }
  /** The name comes with a call's first piece; `arguments` is more of its JSON text. */
  | { readonly type: 'call', readonly index: number, readonly name?: string, readonly arguments: string }

/** Tells calls from text as an answer grows, in whatever cuts it arrives. Broken calls become text; nothing throws. */
export interface CallParser {
  push (text: string): ParsedPiece[]
  /** What was held back. */
  end (): ParsedPiece[]
  /** The text since an opener was seen, the opener not included; null before the first. */
  readonly opened: string | null
}
