import { choice, empty, sequence, set, text, type Node } from './gbnf.ts'
import type { Resolver } from './merge.ts'
import type { Rules } from './rules.ts'
import type { Sub } from './schema.ts'

/** What the writer of one kind of value needs to write the values inside it. */
export interface Writer {
  readonly rules: Rules
  readonly resolver: Resolver
  /** The values that fit; `depth` counts the values around them. */
  node (sub: Sub, depth: number): Node
  /** Any JSON value. */
  any (): Node
}

/** White space where people and models put some, bounded so that no model goes on with it for ever: one space, or a new line and up to ten levels of two. */
export const space = (rules: Rules): Node => rules.define('space', choice(empty, text(' '), sequence(text('\n'), rules.repeat(set([[0x09, 0x09], [0x20, 0x20]]), 0, 20))))
