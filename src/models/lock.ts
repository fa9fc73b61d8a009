import { randomUUID } from 'node:crypto'
import { mkdir, open, readFile, rm, stat, utimes } from 'node:fs/promises'
import { hostname } from 'node:os'
import { dirname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

/**
 * One process at a time does something to a file, also across hosts that
 * share a disk. The lock is a file made with O_EXCL; its holder touches it
 * while it works. A lock is abandoned when its process is gone from this host
 * or when nobody has touched it for a while. Taking over an abandoned one is
 * itself guarded by a lock, so that two waiters cannot both remove "it" and
 * the second remove the first one's new lock.
 */

/** How often a holder shows that it lives. */
const touchEvery = 5_000
/** Six missed touches: a process that was only slow would have made one. */
const abandonedAfter = 30_000
const pollEvery = 200

interface Holder { readonly pid: number, readonly host: string, readonly token: string }

/** Runs `work` while holding `path`; calls `waiting` now and then until its turn comes. Throws the signal's reason when it fires while waiting. */
export async function holding<T> (path: string, signal: AbortSignal, waiting: () => void | Promise<void>, work: () => Promise<T>): Promise<T> {
  await mkdir(dirname(path), { recursive: true })
  const holder: Holder = { pid: process.pid, host: hostname(), token: randomUUID() }
  while (!await create(path, holder)) {
    signal.throwIfAborted()
    if (await abandoned(path)) await remove(path)
    else {
      await waiting()
      await sleep(pollEvery, undefined, { signal }).catch(() => signal.throwIfAborted())
    }
  }
  // A touch that fails means that the lock is gone or the disk is; the work finds out by itself.
  const timer = setInterval(() => utimes(path, new Date(), new Date()).catch(() => {}), touchEvery)
  timer.unref()
  try {
    return await work()
  } finally {
    clearInterval(timer)
    if ((await read(path))?.token === holder.token) await rm(path, { force: true })
  }
}

async function create (path: string, holder: Holder): Promise<boolean> {
  try {
    await using file = await open(path, 'wx')
    await file.writeFile(JSON.stringify(holder))
    return true
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw thrown
  }
}

async function abandoned (path: string): Promise<boolean> {
  const [holder, found] = [await read(path), await stat(path).catch(() => null)]
  if (found === null) return false
  if (Date.now() - found.mtimeMs > abandonedAfter) return true
  return holder !== null && holder.host === hostname() && !alive(holder.pid)
}

async function remove (path: string): Promise<void> {
  const guard = `${path}.takeover`
  const mine: Holder = { pid: process.pid, host: hostname(), token: randomUUID() }
  if (!await create(guard, mine)) {
    // Held for a millisecond by a living process; a dead one's is simply removed.
    if (await abandoned(guard)) await rm(guard, { force: true })
    return
  }
  try {
    if (await abandoned(path)) await rm(path, { force: true })
  } finally {
    await rm(guard, { force: true })
  }
}

/** Null while it is being written, or when it is gone. */
async function read (path: string): Promise<Holder | null> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as Holder
  } catch {
    return null
  }
}

function alive (pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (thrown) {
    // EPERM: it lives and is another user's.
    return (thrown as NodeJS.ErrnoException).code === 'EPERM'
  }
}
