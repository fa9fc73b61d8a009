/** An event of the trainer (trainer/engraft_trainer, notes §11), checked: what comes from outside may be anything. */
export type TrainerEvent =
  | { readonly event: 'start', readonly steps: number, readonly resumedAt: number }
  | { readonly event: 'step', readonly step: number, readonly of: number, readonly loss: number, readonly tokensPerSecond: number | null, readonly eta: number | null, readonly rssMb: number | null }
  | { readonly event: 'valid', readonly epoch: number, readonly step: number, readonly loss: number }
  | { readonly event: 'done', readonly steps: number, readonly seconds: number, readonly bestEpoch: number, readonly peakMb: number | null }

/** A folder that goes in: `job.json` and the files it names. Nothing in it names a person or holds a credential. */
export interface JobFolder { readonly path: string, readonly base: string, readonly baseDigest: string }

/**
 * Where training runs. `train` resolves when `out` holds a whole result
 * (`adapter.gguf`, `peft/`, `report.json`), which the caller does not trust.
 * Called again with the same folders it goes on from its last checkpoint.
 * Throws `training_failed` (with the trainer's own reason), `training_memory`,
 * `training_diverged`, `training_bad_base`, `storage_full`; the signal's reason
 * where that fires, with the checkpoint kept.
 */
export interface Trainer {
  train (job: JobFolder, out: string, listen: (event: TrainerEvent) => void, signal: AbortSignal): Promise<void>
}

/** Log-probabilities of a row's completion by PyTorch in fp32. */
export interface TorchScore {
  readonly id: string
  readonly nll: number
  readonly logp: readonly number[]
  /** With an adapter: KL(base || adapter) nat a token, and the share of equal likeliest tokens. */
  readonly kl: number | null
  readonly agree: number | null
}

/** What the machine's own Python does beside training; always local, since a remote trainer is not believed. Throw as `Trainer.train`. */
export interface Torch {
  /** Rows in a file of the trainer's format. `peft`: folder of an adapter; null: the base alone. */
  score (base: string, rows: string, peft: string | null, signal: AbortSignal): Promise<readonly TorchScore[]>
  /** Writes `plain.gguf`, `permuted.gguf`, `rows.jsonl`, `scores.jsonl` into a folder. */
  probe (base: string, out: string, signal: AbortSignal): Promise<void>
  /** Tokens a second that a short training of this base does. Throws `training_bad_base`: it cannot be loaded. */
  doctor (base: string, signal: AbortSignal): Promise<{ readonly trainRate: number, readonly rssMb: number, readonly gpu: string | null }>
}

/** A row of token ids, as the trainer takes it. */
export interface TokenRow {
  readonly id: string
  /** A salted hash: never a person's name. */
  readonly group: string
  readonly prompt: readonly number[]
  readonly completion: readonly number[]
}
