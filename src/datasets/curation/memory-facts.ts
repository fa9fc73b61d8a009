import type { Message } from '../../inference/engine.ts'
import type { Filter, Row } from '../row.ts'
import { answerText } from './texts.ts'

export interface MemorySettings {
  /** Whether a block that the answer does not lean on is taken out of the prompt; else it stays, and teaches not to be led astray. */
  readonly dropUnused: boolean
}

export const memoryDefaults: MemorySettings = { dropUnused: false }

/** The frames of memory and profile, as they stand at the head of user messages. */
const frame = /<(memory|profile) note="[^"\n]{0,300}">\n(?:(?!<\/\1>)[^\n]*\n)*<\/\1>\n{0,2}/g
/** The note of a frame and the tags, which say nothing. */
const tags = /<\/?(?:memory|profile)[^>\n]{0,320}>/g
/** Shorter words join others. */
const shortestWord = 5
/** One word may meet by chance; two, beside everything said in the prompt, rarely do. */
const leastWords = 2
/** What an answer says that remembers. */
const remembering = /(?<!\p{L})(?:(?:as|like) you (?:told|mentioned|said)|you (?:told|mentioned to) me|(?:last time|earlier|before),? you (?:said|told|mentioned)|you(?:'ve| have) (?:told me|mentioned)|i (?:remember|recall)(?: that)? you|from our (?:last|earlier|previous) (?:chat|conversation|talk)|wie (?:du|sie) (?:mir )?(?:erzählt|gesagt)|comme (?:tu|vous) (?:me )?l'(?:as|avez) dit|como me (?:dijiste|contaste))(?!\p{L})/iu

/**
 * A model that is taught what only a memory could tell, without that memory
 * before it, learns to invent. An answer leans on memory where one number or
 * name of the quotes, or two of their longer words, stand in it and nowhere
 * else in the prompt. Such a row keeps its quotes; where they are gone, or the
 * answer says that it remembers what the prompt does not hold, it is dropped.
 */
export function memoryFacts (settings: Partial<MemorySettings> = {}): Filter {
  const { dropUnused } = { ...memoryDefaults, ...settings }
  const rows = { leaning: 0, unused: 0, without: 0 }

  return {
    name: 'memory',
    about: `Drops answers that state what only a memory could tell, where the prompt has it no more${dropUnused ? '; takes memories that an answer does not need out of its prompt' : ''}.`,
    settings: { dropUnused },
    judge (row) {
      const bare = row.prompt.map(message => ({ ...message, content: message.content.replace(frame, '') }))
      const here = bare.some(({ content }, i) => content !== row.prompt[i]!.content)
      if (!here && teaches(row) && remembering.test(row.answer.content) && names(row.answer.content).some(name => !sayings(bare).has(name))) return { drop: 'the answer remembers what its prompt does not hold' }
      if (row.quoted === '') {
        rows.without++
        return { keep: row }
      }
      if (leans(row, bare)) {
        rows.leaning++
        return here ? { keep: row } : { drop: 'it leans on a memory that is gone' }
      }
      rows.unused++
      if (!dropUnused) return { keep: row }
      return { keep: { ...row, prompt: bare, remembered: false, quoted: '' }, changed: 'a memory that it does not need' }
    },
    report: () => ({ ...rows })
  }
}

function leans (row: Row, bare: readonly Message[]): boolean {
  const said = sayings(bare)
  const quoted = row.quoted.replace(tags, ' ')
  const answered = new Set(wordsOf(answerText(row.answer)))
  const only = (word: string): boolean => answered.has(word) && !said.has(word)
  if (names(quoted).some(only)) return true
  return [...new Set(wordsOf(quoted))].filter(word => word.length >= shortestWord && only(word)).length >= leastWords
}

function sayings (prompt: readonly Message[]): Set<string> { return new Set(wordsOf(prompt.map(answerText).join('\n'))) }

/** Numbers of two figures and more, and words with a capital letter that is not the sentence's, as they are compared. */
function names (text: string): string[] {
  return (text.match(/(?<=[\p{L},;] )\p{Lu}[\p{L}\p{M}]+|(?<![\p{L}\p{N}])\p{N}[\p{N}.,:]*\p{N}/gu) ?? []).flatMap(wordsOf)
}

function teaches (row: Row): boolean { return row.kind !== 'verdict' || row.good }

/** Words and numbers as they are compared: less case and accents. */
function wordsOf (text: string): string[] {
  return text.normalize('NFKD').replace(/[\u0300-\u036f]/g, '').toLowerCase().match(/\p{N}+(?:[.,:]\p{N}+)*|[\p{L}\p{M}]+/gu) ?? []
}
