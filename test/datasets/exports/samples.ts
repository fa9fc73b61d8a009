import type { Message } from '../../../src/inference/engine.ts'
import type { Row } from '../../../src/datasets/row.ts'

type Kind<K extends Row['kind']> = Omit<Extract<Row, { kind: K }>, 'kind'>

const says = (content: string): Message => ({ role: 'user', content })
const answers = (content: string): Message => ({ role: 'assistant', content })

export const system: Message = { role: 'system', content: 'You are short.' }
export const single = [says('What is 2 + 2?')]
export const several = [system, says('Hello'), answers('Hi.'), says('And 3 + 3?')]

function common (i: number): Omit<Kind<'demonstration'>, 'answer' | 'rejected'> {
  return { id: i.toString(16).padStart(32, '0'), owner: 1 + i % 7, group: `person-${i % 7}`, at: 1_700_000_000_000 + i, evidence: { interaction: `chatcmpl-${i}`, feedback: [`fb-${i}`], model: 'tiny' }, prompt: single, tools: [], remembered: false, quoted: '' }
}

/** Rows with nothing special about them but what is given. */
export function demonstration (given: Partial<Kind<'demonstration'>> = {}, i = 0): Row { return { ...common(i), kind: 'demonstration', answer: { content: 'Four.' }, rejected: null, ...given } }
export function preference (given: Partial<Kind<'preference'>> = {}, i = 0): Row { return { ...common(i), kind: 'preference', answer: { content: 'Four.' }, rejected: { content: 'Five.' }, ...given } }
export function verdict (given: Partial<Kind<'verdict'>> = {}, i = 0): Row { return { ...common(i), kind: 'verdict', answer: { content: 'Four.' }, good: true, ...given } }

/** As many rows of all kinds, no two alike: conversations of one and of two questions, with and without a system prompt, in several scripts. */
export function mixed (count: number): Row[] {
  return Array.from({ length: count }, (_, i) => {
    const prompt = [...i % 3 === 0 ? [system] : [], ...i % 4 === 0 ? [says(`Frage ${i} – wie geht’s?`), answers('Gut.')] : [], says(`Question ${i} "quoted" \u2028 日本語 🙂\n\ttabbed`)]
    const answer = { content: `Answer ${i}: ${'ja '.repeat(i % 9)}fine.` }
    if (i % 4 === 1) return preference({ prompt, answer, rejected: { content: `Worse ${i}.` } }, i)
    if (i % 4 === 2) return verdict({ prompt, answer, good: i % 8 === 2 }, i)
    return demonstration({ prompt, answer, rejected: i % 8 === 3 ? { content: `Was ${i}.` } : null }, i)
  })
}

export async function * streamed (rows: Iterable<Row>): AsyncGenerator<Row> { yield * rows }
