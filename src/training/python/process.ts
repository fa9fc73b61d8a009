import { spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Readable } from 'node:stream'

/** What is run, with all of its environment: nothing of the server's own is inherited. */
export interface Command { readonly command: string, readonly args: readonly string[], readonly env: Readonly<Record<string, string>> }

/** How it ended. */
export interface Ended {
  /** null: a signal ended it. */
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  /** The end of what it wrote to stderr. */
  readonly stderr: string
}

/** Seconds from SIGTERM to SIGKILL: a trainer writes its checkpoint after the step it is in (measured 2-5 s on the 135M model). */
const grace = 60
/** Characters of stderr that are kept: a traceback. */
const tail = 4096
/** Characters of a line; the longest that the trainer writes has about a thousand. A longer one is left out, however it comes. */
const maxLine = 16_384

/**
 * Beside each process waits a shell for the end of its stdin, which closes when
 * the server is gone, however it went. It then ends the whole group as an abort
 * would. Both ignore what the shell itself must outlive.
 */
const guarded = `exec 3<&0 </dev/null
(trap '' TERM; PATH="$PATH:/usr/bin:/bin"; cat; kill -TERM 0; sleep ${grace}; kill -KILL 0) <&3 3<&- >/dev/null 2>&1 &
exec "$@" 3<&-`

/**
 * Runs a process, in a group of its own, to its end: what it leaves running
 * behind it ends with it. `hear` is given each whole line of its stdout and
 * must not throw. When the signal fires the group is asked to end, and made to
 * after a minute; then throws the signal's reason.
 */
export async function run ({ command, args, env }: Command, hear: (line: string) => void, signal: AbortSignal, seconds = grace): Promise<Ended> {
  signal.throwIfAborted()
  const child = spawn('/bin/sh', ['-c', guarded, 'engraft', command, ...args], { env, detached: true, stdio: ['pipe', 'pipe', 'pipe'] })
  let stderr = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => { stderr = (stderr + text).slice(-tail) })
  readLines(child.stdout, hear)
  child.stdin.on('error', () => {})

  const group = (name: NodeJS.Signals): void => {
    try { process.kill(-child.pid!, name) } catch { /* It has ended. */ }
  }
  let late: NodeJS.Timeout | undefined
  const end = (): void => {
    group('SIGTERM')
    late = setTimeout(group, seconds * 1000, 'SIGKILL')
  }
  signal.addEventListener('abort', end, { once: true })
  // One that was asked to end may still be writing its checkpoint when the shell that runs it has gone.
  child.once('exit', () => { if (!signal.aborted) group('SIGKILL') })
  try {
    const [code, by] = await once(child, 'close') as [number | null, NodeJS.Signals | null]
    if (signal.aborted) group('SIGKILL')
    signal.throwIfAborted()
    return { code, signal: by, stderr }
  } finally {
    clearTimeout(late)
    signal.removeEventListener('abort', end)
  }
}

/** Runs a process that prints a few lines. */
export async function outputOf (command: Command, signal: AbortSignal): Promise<Ended & { readonly lines: readonly string[] }> {
  const lines: string[] = []
  const ended = await run(command, line => { if (lines.length < 1000) lines.push(line) }, signal)
  return { ...ended, lines }
}

function readLines (stream: Readable, hear: (line: string) => void): void {
  let begun = ''
  let over = false
  stream.setEncoding('utf8').on('data', (text: string) => {
    const lines = text.split('\n')
    lines[0] = begun + lines[0]!
    begun = lines.pop()!
    for (const line of lines) {
      if (!over && line.length <= maxLine) hear(line)
      over = false
    }
    if (begun.length > maxLine) {
      begun = ''
      over = true
    }
  })
}
