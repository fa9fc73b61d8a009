import { constants } from 'node:fs'
import { open, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { problem } from '../../errors.ts'
import type { Trainer, TrainerEvent } from '../trainer.ts'
import { reachingEnvironment, type Environment } from './environment.ts'
import { eventOf, objects } from './events.ts'
import { runTelling } from './program.ts'

/** Bytes of an `events.jsonl` that are read: those of the longest run. */
const maxEventsFile = 64 * 1024 * 1024

/**
 * Trains wherever a shell command of the operator's does. It finds the job's
 * folder in `$ENGRAFT_JOB`, the base's file in `$ENGRAFT_BASE`, and has brought
 * the result to `$ENGRAFT_OUT` when it ends; `$ENGRAFT_RUN` is the run's id.
 * What it prints that is an event of the trainer is told at once; where it
 * prints none, those of the result are told at its end.
 */
export function openCommandTrainer (template: string, environment: Environment): Trainer {
  return {
    async train (job, out, listen, signal) {
      let told = 0
      const hear = (event: TrainerEvent | null): void => {
        if (event === null) return
        told++
        listen(event)
      }
      const env = { ...reachingEnvironment(environment), ENGRAFT_JOB: job.path, ENGRAFT_OUT: out, ENGRAFT_BASE: job.base, ENGRAFT_RUN: await runOf(job.path) }
      await runTelling({ command: '/bin/sh', args: ['-c', template], env }, said => hear(eventOf(said)), signal)
      if (told === 0) (await kept(out)).split('\n').forEach(objects(said => hear(eventOf(said))))
    }
  }
}

async function runOf (job: string): Promise<string> {
  const { run_id: id } = JSON.parse(await readFile(join(job, 'job.json'), 'utf8')) as { run_id?: unknown }
  if (typeof id !== 'string') throw problem('training_bad_input', { detail: 'run_id is missing' })
  return id
}

/** The events in a result folder; none where there is no plain file of them. */
async function kept (out: string): Promise<string> {
  try {
    // Neither a link is followed nor a pipe waited for.
    await using file = await open(join(out, 'events.jsonl'), constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
    const found = await file.stat()
    return found.isFile() && found.size <= maxEventsFile ? await file.readFile('utf8') : ''
  } catch {
    return ''
  }
}
