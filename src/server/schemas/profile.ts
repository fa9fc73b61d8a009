import Type, { type Static } from 'typebox'
import { Memory } from './memories.ts'
import { maxIdLength, noControls, oneOf, orNull } from './shapes.ts'

/** More than a profile shows; what is beyond stays as memories. */
const maxItems = 64
/** A wish, not a document: what the frame shows of one item is a line. */
const maxItem = 500

export const ProfileBody = Type.Object({
  data: Type.Array(Type.Object({
    id: orNull(Type.String({ minLength: 1, maxLength: maxIdLength, pattern: noControls, description: 'Of an item that stays; left out: a new one.' })),
    kind: oneOf(['fact', 'preference', 'instruction']),
    content: Type.String({ minLength: 1, maxLength: maxItem })
  }, { additionalProperties: false }), { maxItems })
}, {
  additionalProperties: false,
  description: 'All items that the profile is to have. What is left out ends; it stays as history until it is erased.',
  examples: [{ data: [{ kind: 'instruction', content: 'Always answer in German.' }] }]
})
export type ProfileBodyWire = Static<typeof ProfileBody>

export const Profile = Type.Object({
  object: Type.Literal('profile'),
  user: Type.String(),
  data: Type.Array(Memory, { description: 'What this person has said about themselves and asked for, and holds.' }),
  frame: Type.Unsafe<string | null>({ type: ['string', 'null'], description: 'What prompts of a new session begin with; null: nothing.' }),
  pending: Type.Integer({ description: 'Memories of this user that have no vectors yet.' })
})
