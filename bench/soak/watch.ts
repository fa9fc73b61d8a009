import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { residentBytes, type LiveServer } from '../../test/support/server.ts'

/** What was seen at one moment. Sizes are in bytes. */
export interface Sample {
  readonly server: number
  readonly engine: number
  /** All processes of the server together. */
  readonly all: number
  /** Files, sockets and pipes that the server process has open. */
  readonly files: number
  readonly database: number
  /** Delay of the server's event loop since the sample before, p99, in ms. */
  readonly delay: number
}

/** Seconds between two samples. */
const every = 10

/** Looks again and again until the signal fires. */
export async function watch (server: LiveServer, signal: AbortSignal, seen: (sample: Sample) => void): Promise<void> {
  while (!signal.aborted) {
    await sleep(every * 1000, undefined, { signal }).catch(() => {})
    if (!signal.aborted) seen(await look(server))
  }
}

export async function look (server: LiveServer): Promise<Sample> {
  const pid = server.process.pid!
  const sizes = await Promise.all((await below(pid)).map(async pid => ({ pid, size: await residentBytes(pid).catch(() => 0) })))
  const of = (pid: number): number => sizes.find(one => one.pid === pid)?.size ?? NaN
  return {
    server: of(pid),
    engine: of(server.enginePid()),
    all: sizes.reduce((sum, { size }) => sum + (Number.isNaN(size) ? 0 : size), 0),
    files: (await readdir(`/proc/${pid}/fd`)).length,
    database: await sizeOf(join(server.data, 'engraft.db')) + await sizeOf(join(server.data, 'engraft.db-wal')),
    // Reading the metrics begins a new histogram.
    delay: await server.metric('nodejs_eventloop_lag_p99_seconds') * 1000
  }
}

/** A process and all it has started. One that ends meanwhile has none. */
async function below (pid: number): Promise<number[]> {
  const threads = await readdir(`/proc/${pid}/task`).catch(() => [])
  const children = (await Promise.all(threads.map(async thread => await readFile(`/proc/${pid}/task/${thread}/children`, 'utf8').catch(() => '')))).join(' ').split(/\s+/).filter(Boolean).map(Number)
  return [pid, ...(await Promise.all(children.map(below))).flat()]
}

async function sizeOf (path: string): Promise<number> { return await stat(path).then(({ size }) => size, () => 0) }
