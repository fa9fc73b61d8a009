import type { TrainerEvent } from '../trainer.ts'

/** What a trainer says when it ends before it is done (trainer/engraft_trainer/events.py). */
export interface Stopped {
  readonly reason: string
  readonly why: string
  /** Of the rows' file that is at fault, 1-based. */
  readonly line: number | null
}

export type Said = Readonly<Record<string, unknown>>

/** A run has at most 100 epochs, and thousands of steps; who says more is not listened to any more. */
const maxEvents = 200_000

/** Turns lines into the objects that they hold; any other line, and any after too many, is passed over. */
export function objects (hear: (said: Said) => void): (line: string) => void {
  let heard = 0
  return line => {
    if (!line.startsWith('{') || heard >= maxEvents) return
    const said = parsed(line)
    if (said === null) return
    heard++
    hear(said)
  }
}

function parsed (line: string): Said | null {
  try {
    return JSON.parse(line) as Said
  } catch {
    return null
  }
}

/** The event that an object tells of; null: none that is known, or one that lacks what it must have. */
export function eventOf (said: Said): TrainerEvent | null {
  const steps = whole(said.steps)
  const step = whole(said.step)
  const loss = number(said.loss)
  if (said.event === 'start') {
    const resumedAt = whole(said.resumed_at)
    return steps === null || resumedAt === null ? null : { event: 'start', steps, resumedAt }
  }
  if (said.event === 'step') {
    const of = whole(said.of)
    if (step === null || of === null || loss === null) return null
    return { event: 'step', step, of, loss, tokensPerSecond: positive(said.tok_s), eta: positive(said.eta_s), rssMb: positive(said.rss_mb) }
  }
  if (said.event === 'valid') {
    const epoch = whole(said.epoch)
    return epoch === null || step === null || loss === null ? null : { event: 'valid', epoch, step, loss }
  }
  if (said.event === 'done') {
    const [seconds, bestEpoch] = [positive(said.seconds), whole(said.best_epoch)]
    return steps === null || seconds === null || bestEpoch === null ? null : { event: 'done', steps, seconds, bestEpoch, peakMb: positive(said.peak_mb) }
  }
  return null
}

export function stoppedOf ({ event, reason, why, line }: Said): Stopped | null {
  return event === 'stopped' && typeof reason === 'string' && typeof why === 'string' ? { reason, why, line: whole(line) } : null
}

export function number (value: unknown): number | null { return typeof value === 'number' && Number.isFinite(value) ? value : null }

export function positive (value: unknown): number | null {
  const given = number(value)
  return given !== null && given >= 0 ? given : null
}

export function whole (value: unknown): number | null { return Number.isSafeInteger(value) && (value as number) >= 0 ? value as number : null }
