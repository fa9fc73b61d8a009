import type { AuditEntry } from '../access/audit.ts'
import type { Keys as AllKeys } from '../access/keys.ts'
import type { Tokens as AllTokens } from '../access/tokens.ts'
import type { Limits } from '../access/limits.ts'
import type { Adapters as AllAdapters } from '../adapters/adapters.ts'
import type { Canaries as AllCanaries } from '../canary/canaries.ts'
import type { Datasets as AllDatasets } from '../datasets/datasets.ts'
import type { Exports as AllExports } from '../datasets/exports/exports.ts'
import type { Reviews as AllReviews } from '../datasets/review.ts'
import type { Schedules as AllSchedules } from '../datasets/schedule.ts'
import type { Lineages as AllLineages } from '../lineage/lineage.ts'
import type { Bases as AllBases } from '../inference/bases.ts'
import type { FeedbackRecord } from '../interactions/feedback.ts'
import type { Interactions } from '../interactions/interactions.ts'
import type { Memories as AllMemories } from '../memory/memories.ts'
import type { Profile as AllProfile } from '../memory/profile/profile.ts'
import type { Erasures as AllErasures } from '../privacy/erasures.ts'
import type { Export } from '../privacy/export.ts'
import type { Forget } from '../privacy/forgetting.ts'
import type { Import } from '../privacy/import.ts'
import type { Policies as AllPolicies } from '../privacy/policies.ts'
import type { Loops as AllLoops } from '../training/loops.ts'
import type { Training as AllTraining } from '../training/training.ts'

/** What the routes need of the base models. */
export type Bases = Pick<AllBases, 'list' | 'find' | 'load' | 'unload'>

/** What the routes need of the adapters; answering leases them itself. */
export type Adapters = Omit<AllAdapters, 'lease' | 'startCanary' | 'endCanary'>

/** What the routes need of canaries. */
export type Canaries = Omit<AllCanaries, 'tried'>

/** What the routes need to tell what was learnt from what. */
export type Lineages = AllLineages

/** What the routes need of data sets. */
export type Datasets = Omit<AllDatasets, 'check' | 'rows'>

/** What the routes need of versions as files, of what is exported by itself, and of reviews. */
export type Exports = AllExports
export type Schedules = AllSchedules
export type Reviews = AllReviews

/** What the routes and the measurements need of training. */
export type Training = Omit<AllTraining, 'check' | 'measured'>

/** What the routes need of loops. */
export type Loops = AllLoops

/** What the routes need of the API keys. */
export type Keys = Pick<AllKeys, 'create' | 'list' | 'revoke'>

/** What the routes need of the tokens. */
export type Tokens = AllTokens

/** What the routes need of the answers on record. */
export type Stored = Pick<Interactions, 'find' | 'list' | 'setMetadata' | 'remove'>

/** What the routes need of what was said of answers. */
export type Feedback = FeedbackRecord

/** What the routes and the measurements need of the memories. */
export type Memories = Pick<AllMemories, 'recall' | 'remember' | 'list' | 'get' | 'change' | 'pending' | 'progress'> & { readonly forget: Forget }

/** What the routes need of people's profiles. */
export type Profile = Pick<AllProfile, 'items' | 'frame' | 'replace'>

/** What the routes need of what people let be kept. */
export type Policies = Pick<AllPolicies, 'of' | 'change'>

/** What the routes need to erase people. */
export interface Erasures extends AllErasures {
  /** Names of copies in the data folder that an erasure does not reach. */
  copies (): Promise<readonly string[]>
}

/** What the routes need to give all that is kept of people, and to take it. */
export interface Portability { readonly export: Export, readonly import: Import }

/** Is told what is remembered and said, from when it is given to them. */
export interface Watcher {
  /** A question was answered, in so many milliseconds. */
  recalled (ms: number): void
  /** So many turns of a chat have become memories. */
  captured (turns: number): void
  /** So many secrets of a kind were left out. */
  masked (kind: string, count: number): void
  /** Something of this kind was said of an answer. */
  judged (kind: string): void
}

/** Counts a request of a caller. Rejects where it has had its share. */
export type Admit = Limits['admit']

/** The caller behind a bearer; null when it is unknown, expired or revoked. */
export type Verify = AllKeys['verify']

/** Changes from the newest to the oldest, those before `before` if it is given. */
export type Audit = (page: { readonly before: number | null, readonly limit: number }) => Promise<readonly AuditEntry[]>
