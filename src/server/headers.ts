import { isUtf8 } from 'node:buffer'

/** A header as its sender meant it: Node reads each byte as a character, but terminals and most clients send UTF-8. */
export function headerText (value: string): string {
  const bytes = Buffer.from(value, 'latin1')
  return isUtf8(bytes) ? bytes.toString() : value
}

// Node refuses a header with other characters, and clients refuse headers beyond a few KiB.
const maxListLength = 1024

/** Words as one header value: what a header cannot hold becomes `?`. */
export function headerSafe (words: readonly string[]): string {
  return words.map(word => word.replace(/[^\x21-\x2b\x2d-\x7e]/g, '?')).join(', ').slice(0, maxListLength)
}
