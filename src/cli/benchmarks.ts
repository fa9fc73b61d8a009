import { readFile, stat } from 'node:fs/promises'
import { basename, extname } from 'node:path'
import { ServerError } from './server.ts'

/** What a model will be tested with: texts of one file, under its name without folder and ending. */
export interface Benchmark { readonly name: string, readonly texts: readonly string[] }

/** Bytes. The questions of MMLU, which are more than most have, are 7 MB. */
const largest = 64 * 1024 * 1024
/** Where a record has its question, the first of them that is there. */
const fields = ['question', 'prompt', 'instruction', 'messages', 'text'] as const

/**
 * Reads a benchmark: JSON lines or one array, of texts or of records with one
 * of the usual fields; of `messages`, what the user says. Throws `ServerError`
 * with the line for what holds no question, since what is skipped would be learnt.
 */
export async function benchmarkIn (file: string): Promise<Benchmark> {
  const texts = recordsIn(file, await contentOf(file)).flatMap(([value, at]) => {
    const found = textsOf(value).filter(text => text.trim() !== '')
    if (found.length === 0) throw new ServerError(`${file}, ${at}: there is no question in it. A line is a text, or an object with one of ${fields.join(', ')}.`)
    return found
  })
  if (texts.length === 0) throw new ServerError(`${file} has no questions in it.`)
  return { name: basename(file, extname(file)), texts }
}

async function contentOf (file: string): Promise<string> {
  try {
    const found = await stat(file)
    if (!found.isFile()) throw new Error('it is no file')
    if (found.size > largest) throw new Error(`it has ${found.size} bytes, and ${largest} are read at most`)
    return new TextDecoder('utf-8', { fatal: true }).decode(await readFile(file))
  } catch (error) {
    throw new ServerError(`--benchmark is '${file}', which cannot be read: ${(error as Error).message}.`)
  }
}

/** The values, each with where it stands. */
function recordsIn (file: string, content: string): (readonly [value: unknown, at: string])[] {
  if (content.trimStart().startsWith('[')) return (parsed(file, 'all of it', content) as unknown[]).map((value, i) => [value, `item ${i + 1}`])
  return content.split('\n').flatMap((line, i) => line.trim() === '' ? [] : [[parsed(file, `line ${i + 1}`, line), `line ${i + 1}`] as const])
}

function parsed (file: string, at: string, text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new ServerError(`${file}, ${at}: it is no JSON. A benchmark is JSON lines, or one array.`)
  }
}

function textsOf (value: unknown): string[] {
  if (!isRecord(value)) return questionsIn(value)
  const field = fields.find(name => value[name] !== undefined && value[name] !== null)
  const found = field === undefined ? [] : questionsIn(value[field])
  // In Alpaca's format, what the instruction is about stands beside it.
  return field === 'instruction' && typeof value.input === 'string' ? found.map(text => `${text}\n${value.input as string}`) : found
}

/** A question as it is, or those of a conversation. */
function questionsIn (value: unknown): string[] {
  if (typeof value === 'string') return [value]
  return Array.isArray(value) ? value.flatMap(message => isRecord(message) && message.role === 'user' ? [contentText(message.content)] : []) : []
}

/** As OpenAI has it: a text, or parts of which some are texts. */
function contentText (content: unknown): string {
  if (typeof content === 'string') return content
  return Array.isArray(content) ? content.flatMap(part => isRecord(part) && typeof part.text === 'string' ? [part.text] : []).join('\n') : ''
}

function isRecord (value: unknown): value is Readonly<Record<string, unknown>> { return typeof value === 'object' && value !== null && !Array.isArray(value) }
