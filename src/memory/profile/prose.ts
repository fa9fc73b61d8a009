/** Stands for a letter of what is not the writer's own speech, so that all offsets stay as they are. */
const hidden = '_'

/**
 * What the writer of a turn says in their own words, at the same offsets:
 * code, quotations, tags and addresses become `_`, as does material that is
 * handed over to be worked on ("translate: …", a pasted document). Apostrophes
 * become straight ones.
 */
export function prose (text: string): string {
  let speech = text.replaceAll('’', "'")
  for (const pattern of foreign) speech = speech.replace(pattern, match => match.replace(/[^\n]/g, hidden))
  return speech
}

/** Each looks at a bounded stretch or at a stretch that it hides, so that together they take linear time. */
const foreign = [
  // Code: fenced, also where the fence never closes; then inline.
  /```[^]*?(?:```|$)/g,
  /`[^`\n]{1,300}`/g,
  // Quoted mail, and a document with a heading up to the first empty line.
  /^[ \t]*>.*$/gm,
  /^#{1,6} .*(?:\n(?!\n).*)*/gm,
  // Quotations. A straight single quote opens after a space and closes before one; an apostrophe does neither.
  /"[^"\n]{1,600}"|“[^”\n]{1,600}”|„[^“”\n]{1,600}[“”]|«[^»\n]{1,600}»/g,
  /(?<![^\s(])'[^'\n]{1,300}'(?![^\s.,;:!?)])/g,
  /<[^<>\n]{1,300}>/g,
  /\bhttps?:\/\/\S+/g,
  /\b(?:translate|proofread|rewrite|rephrase|paraphrase|summari[sz]e|correct|edit|improve|polish|check|write|draft|continue|finish|starts? with|begins? with|role-?play|übersetze|traduis|traduce|traducir?)\b[^:.!?\n]{0,80}:[^]*/gi
] as const

export interface Sentence {
  /** As `prose` leaves it. */
  readonly text: string
  /** Where it begins in the turn. */
  readonly at: number
}

/** The sentences of prose, with what ends them. */
export function sentences (speech: string): Sentence[] {
  const ends = /(?<=[.!?…][)"'”\]]?)\s+|\n\s*|(?=\p{Extended_Pictographic})/gu
  const found: Sentence[] = []
  let at = 0
  for (const { index, 0: gap } of [...speech.matchAll(ends), { index: speech.length, 0: '' }]) {
    const text = speech.slice(at, index)
    if (/\p{L}/u.test(text)) found.push({ text, at })
    at = index + gap.length
  }
  return found
}
