import { localEnvironment, type Environment } from './environment.ts'
import { objects, stoppedOf, type Said, type Stopped } from './events.ts'
import { failure } from './failure.ts'
import { trainerFolder } from './package.ts'
import { run, type Command } from './process.ts'
import type { Python } from './setup.ts'

/** With what the trainer's package is run. */
export interface Program {
  readonly python: Pick<Python, 'setUp'>
  readonly environment: Environment
  /** Of the machine's native threads, those that it may use. */
  readonly threads: number
}

/** Runs a command of the trainer's package to its end. Throws what `failure` makes of it, and the signal's reason. */
export async function runTrainer ({ python, environment, threads }: Program, args: readonly string[], hear: (said: Said) => void, signal: AbortSignal): Promise<void> {
  const found = await python.setUp(() => {}, signal)
  await runTelling({ command: found.python, args: ['-m', 'engraft_trainer', ...args], env: trainerEnvironment(environment, threads) }, hear, signal)
}

/** Runs what tells of a training on its stdout. */
export async function runTelling (command: Command, hear: (said: Said) => void, signal: AbortSignal): Promise<void> {
  let stopped: Stopped | null = null
  const ended = await run(command, objects(said => {
    stopped = stoppedOf(said) ?? stopped
    hear(said)
  }), signal)
  if (ended.code !== 0) throw failure(ended, stopped)
}

function trainerEnvironment (environment: Environment, threads: number): Record<string, string> {
  return {
    ...localEnvironment(environment),
    PYTHONPATH: trainerFolder,
    // The package may lie where this account cannot write.
    PYTHONDONTWRITEBYTECODE: '1',
    HF_HUB_OFFLINE: '1',
    HF_HUB_DISABLE_TELEMETRY: '1',
    TOKENIZERS_PARALLELISM: 'false',
    OMP_NUM_THREADS: String(threads),
    // Spinning threads took 34 s where waiting ones took 7 s beside a busy process (trainer notes, §2).
    OMP_WAIT_POLICY: 'PASSIVE'
  }
}
