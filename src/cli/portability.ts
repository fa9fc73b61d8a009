import { constants, openAsBlob } from 'node:fs'
import { access } from 'node:fs/promises'
import { finished } from 'node:stream/promises'
import type { Print } from './keys.ts'
import { type Server, ServerError, ask, stream } from './server.ts'

interface Counts { readonly brought: number, readonly there: number }
interface Report { readonly memories: Counts, readonly interactions: Counts, readonly feedback: Counts }

/** Writes all that is kept of a user, as JSON lines. Throws `ServerError` where it does not come to its end. */
export async function exportUser (server: Server, user: string, output: NodeJS.WritableStream): Promise<void> {
  let tail = Buffer.alloc(0)
  for await (const chunk of stream(server, at(user, 'export'))) {
    tail = Buffer.concat([tail, chunk]).subarray(-longestEnd)
    if (!output.write(chunk)) await drained(output)
  }
  if (!/\n\{"type":"end"[^\n]+\n$/.test(tail.toString())) throw new ServerError('The export ended before its last line and is incomplete: run it again.')
}

/** Brings in what an export of this machine holds. */
export async function importUser (server: Server, user: string, file: string, print: Print): Promise<void> {
  await access(file, constants.R_OK).catch(() => { throw new ServerError(`There is no file ${file} that can be read.`) })
  const blob = await openAsBlob(file)
  const { body: { memories, interactions, feedback } } = await ask<Report>(server, 'POST', at(user, 'import'), new Response(blob, { headers: { 'content-type': 'application/jsonl' } }))
  print(`Of ${user} came in: ${told(memories, 'memory', 'memories')}, ${told(interactions, 'answer', 'answers')} and ${told(feedback, 'word', 'words')} on them.`)
}

/** Bytes; the last line has a hundred. */
const longestEnd = 256

async function drained (output: NodeJS.WritableStream): Promise<void> {
  await Promise.race([new Promise(resolve => output.once('drain', resolve)), finished(output)])
}

function told ({ brought, there }: Counts, one: string, many: string): string {
  return `${brought} ${brought === 1 ? one : many}${there === 0 ? '' : ` (${there} more ${there === 1 ? 'was' : 'were'} there already)`}`
}

function at (user: string, what: string): string { return `/v1/users/${encodeURIComponent(user)}/${what}` }
