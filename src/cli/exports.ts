import { createHash } from 'node:crypto'
import { type FileHandle, open, rename, rm } from 'node:fs/promises'
import { idOf } from './datasets.ts'
import type { Output } from './progress.ts'
import { interruptible, showProgress } from './pull.ts'
import { type Server, ServerError, get } from './server.ts'

interface Told { readonly rows: number, readonly skipped: Readonly<Record<string, number>>, readonly warnings: readonly string[] }

/** The flags of `engraft export`. */
export interface ExportFlags { readonly format: string, readonly out: string, readonly split: string, readonly tenant?: string }

/** Times in a row that a download may end without a byte. */
const barren = 5
const pauseMs = 1_000

/**
 * Writes a version of a data set to a file, whole or not at all, and says what
 * is in it. A connection that is lost is taken up where it ended. Resolves to
 * false where Ctrl-C ended it.
 */
export async function exportDataset (server: Server, dataset: string, { format, out, split, tenant }: ExportFlags, output: Output): Promise<boolean> {
  const path = `/admin/datasets/${encodeURIComponent(await idOf(server, dataset, { tenant, ready: true }))}/export?${new URLSearchParams({ format, split })}`
  const beside = `${out}.part`
  const display = showProgress(output)
  const told = await interruptible(async signal => {
    const file = await open(beside, 'w', 0o600).catch((error: Error) => { throw new ServerError(`${out} cannot be written: ${error.message}.`) })
    try {
      const told = await receive(server, path, file, signal, (received, total) => { display.show({ file: out, source: server.url, received, total }) })
      await file.sync()
      await rename(beside, out)
      return told
    } finally {
      await file.close()
      await rm(beside, { force: true })
    }
  }).finally(display.end)
  if (told === null) {
    output.write('Stopped. Nothing of it was kept.\n')
    return false
  }
  output.write(`${out} has ${told.rows} row${told.rows === 1 ? '' : 's'}.\n`)
  for (const [reason, count] of Object.entries(told.skipped)) output.write(`${count} left out: ${reason}.\n`)
  for (const warning of told.warnings) output.write(`Mind: ${warning}.\n`)
  return true
}

/** Receives all of it, and goes on after a lost connection. */
async function receive (server: Server, path: string, file: FileHandle, signal: AbortSignal, progress: (received: number, total: number) => void): Promise<Told> {
  let hash = createHash('sha256')
  let etag = ''
  let at = 0
  for (let failures = 0; ;) {
    const before = at
    try {
      const response = await get(server, path, { signal, ...at > 0 && { headers: { range: `bytes=${at}-`, 'if-range': etag } } })
      if (response.status !== 206) {
        // From the beginning: for the first time, or since rows were erased meanwhile.
        at = 0
        hash = createHash('sha256')
        await file.truncate(0)
      }
      etag = response.headers.get('etag') ?? ''
      const total = at + Number(response.headers.get('content-length'))
      for await (const chunk of response.body ?? []) {
        for (let done = 0; done < chunk.length;) done += (await file.write(chunk, done, chunk.length - done, at + done)).bytesWritten
        hash.update(chunk)
        at += chunk.length
        progress(at, total)
      }
      if (etag !== `"${hash.digest('hex')}"`) throw new ServerError('What arrived is not what was sent: run it again.')
      return JSON.parse(response.headers.get('x-engraft-export') ?? '{}') as Told
    } catch (error) {
      failures = at > before ? 0 : failures + 1
      // What the server says no with, a full disk, and a server that is gone.
      if (signal.aborted || error instanceof ServerError || (error as NodeJS.ErrnoException).syscall === 'write' || failures >= barren) throw error
      await new Promise(resolve => setTimeout(resolve, pauseMs))
    }
  }
}
