import type { Format } from './format.ts'
import { alternating, taught, then } from './turns.ts'

interface Line {
  readonly conversations: readonly { readonly from: 'human' | 'gpt', readonly value: string }[]
  readonly system: string
}

const earlier = 'earlier answers'
const speakers = { user: 'human', assistant: 'gpt' } as const

/** ShareGPT's conversations as LLaMA-Factory reads them (its data/README.md): turns alternate, and their number is even. */
export const sharegpt: Format<Line> = {
  name: 'sharegpt',
  convert: row => then(taught(row), answer => then(alternating(row, [answer]), ({ system, turns }) => ({
    record: {
      conversations: [...turns.map(({ role, content }) => ({ from: speakers[role], value: content })), { from: 'gpt', value: answer.content }],
      system
    }
  }))),
  notes: ({ conversations }) => conversations.length > 2 ? [earlier] : [],
  warnings: ({ noted }) => noted[earlier] === undefined ? [] : [`${noted[earlier]} rows hold earlier answers that nobody approved: train with mask_history: true, or they are learnt too`]
}
