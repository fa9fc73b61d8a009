import { basename } from 'node:path'
import type { LocalFile, Models, Progress } from '../models/models.ts'
import { type Display, type Output, display } from './progress.ts'

/** What ends a command from outside: Ctrl-C, a supervisor, a closed terminal. */
const interruptions = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/**
 * `engraft pull`: fetches a model unless it is here, and prints how far it is
 * and what files it became. Ctrl-C keeps what arrived and resolves to null;
 * other failures are thrown.
 */
export async function pull (reference: string, models: Models, output: Output): Promise<readonly LocalFile[] | null> {
  const display = showProgress(output)
  const files = await interruptible(signal => models.pull(reference, { signal, progress: display.show })).finally(display.end)
  output.write(files === null
    ? `Stopped. What arrived is kept: 'engraft pull ${reference}' goes on from there.\n`
    : files.map(({ name, path, size, sha256 }) => `${name}: ${path}, ${size} bytes, sha256 ${sha256}\n`).join(''))
  return files
}

/** Work that Ctrl-C and its like end in order, through the signal: then it resolves to null. */
export async function interruptible<T> (work: (signal: AbortSignal) => Promise<T>): Promise<T | null> {
  const interruption = new AbortController()
  const interrupt = (): void => interruption.abort()
  for (const signal of interruptions) process.once(signal, interrupt)
  try {
    return await work(interruption.signal)
  } catch (thrown) {
    if (!interruption.signal.aborted) throw thrown
    return null
  } finally {
    for (const signal of interruptions) process.removeListener(signal, interrupt)
  }
}

/** How a fetch is shown, here and when the server fetches its model at the first start. */
export function showProgress (output: Output): Display<Progress> {
  return display(output, line, ({ received, total }) => received === total)
}

function line ({ file, source, received, total }: Progress, bar: (share: number) => string): string {
  const name = basename(file)
  if (total === null || total === 0) return `${name}: ${megabytes(received)} MB from ${source}`
  const share = Math.min(1, received / total)
  return `${name}:${bar(share)} ${Math.floor(share * 100)} %, ${megabytes(received)} of ${megabytes(total)} MB from ${source}`
}

function megabytes (bytes: number): string { return (bytes / 1e6).toFixed(1) }
