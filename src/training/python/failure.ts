import { problem, type PublicError } from '../../errors.ts'
import type { Stopped } from './events.ts'
import type { Ended } from './process.ts'

/** Why a process did not do what it was for. The trainer's own reason decides; its exit code says the same, but so may that of any other program. */
export function failure (ended: Ended, stopped: Stopped | null): PublicError {
  const extra = { cause: new Error(ended.stderr) }
  const detail = stopped === null ? endingOf(ended) : brief(stopped.why) + (stopped.line === null ? '' : ` (line ${stopped.line})`)
  switch (stopped?.reason) {
    case 'bad_input': return problem('training_bad_input', { detail }, extra)
    case 'bad_base': return problem('training_bad_base', { detail }, extra)
    case 'diverged': return problem('training_diverged', { detail }, extra)
    case 'memory': return problem('training_memory', { detail }, extra)
    case 'disk': return problem('storage_full', {}, extra)
    default: return problem('training_failed', { detail }, extra)
  }
}

function endingOf ({ code, signal, stderr }: Ended): string {
  // A shell gives 128 and the signal's number of what it ran.
  if (signal === 'SIGKILL' || code === 137) return 'it was killed, as the system does when memory runs out'
  const last = brief(stderr.trimEnd().split('\n').at(-1) ?? '')
  return `it ended with ${signal ?? `code ${code}`}${last === '' ? '' : ` (${last})`}`
}

/** A text from outside as a part of a sentence: one line, and never more of a hostile one than two lines hold. */
export function brief (text: string): string {
  // eslint-disable-next-line no-control-regex
  const line = text.replace(/[\u0000-\u001f\u007f]+/g, ' ').trim().replace(/\.$/, '')
  return line.length > 240 ? `${line.slice(0, 240)}…` : line
}
