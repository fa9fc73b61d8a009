import type { Feedback } from '../interactions/feedback.ts'
import type { NewInteraction } from '../interactions/interactions.ts'
import type { Memory } from '../memory/memories.ts'
import type { UserPolicy } from './policies.ts'

/**
 * One thing that is kept of a person, as it leaves one server and comes into
 * another. Whose it is, is not said: it becomes theirs for whom it is brought in.
 *
 * What is made of these (indexes, vectors, the profile's frame) is made anew.
 */
export type Portable =
  | { readonly type: 'policy', readonly policy: UserPolicy }
  | { readonly type: 'memory', readonly memory: Memory }
  /** The chain key (hex) of a turn that was forgotten. */
  | { readonly type: 'forgotten', readonly key: string }
  /** `remember`: it has not become memories yet. */
  | { readonly type: 'interaction', readonly interaction: Omit<NewInteraction, 'owner'> }
  | { readonly type: 'feedback', readonly feedback: PortableFeedback }

/** What was said of an answer, or of a session; of a preference, `value` names both answers. */
export type PortableFeedback = Pick<Feedback, 'id' | 'created' | 'completion' | 'choice' | 'session' | 'kind' | 'value' | 'comment' | 'author'>
