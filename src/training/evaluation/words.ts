const segmenter = new Intl.Segmenter('en', { granularity: 'word' })

/** How many words a text has, in any script. */
export function wordsOf (text: string): number {
  let count = 0
  for (const { isWordLike } of segmenter.segment(text)) if (isWordLike === true) count++
  return count
}
