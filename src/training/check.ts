/**
 * What an answer must keep to. Made by an operator, so a pattern may be any
 * JavaScript one; it runs on answers of bounded length.
 */
export type Check =
  /**
   * The pattern is found in the answer. Where it has a group, the group's text
   * is what the approved answer has there too (case and white space apart): an
   * answer with the right form about the wrong thing fails.
   */
  | { readonly name: string, readonly type: 'pattern', readonly pattern: string }
  /** The pattern is not found in the answer. */
  | { readonly name: string, readonly type: 'absent', readonly pattern: string }
  /** So many words. */
  | { readonly name: string, readonly type: 'words', readonly least: number, readonly most: number }
