import Type from 'typebox'
import { scopes } from '../../access/caller.ts'
import { maxUserLength, noControls, oneOf, orNull } from './shapes.ts'

/** Seconds: a day, after which a browser should have asked its application again. */
const maxTtl = 86_400
/** Seconds. */
export const defaultTtl = 3_600

export const TokenBody = Type.Object({
  user: Type.String({ minLength: 1, maxLength: maxUserLength, pattern: noControls, description: 'The only user the token speaks for.' }),
  ttl: orNull(Type.Integer({ minimum: 1, maximum: maxTtl, description: `Seconds until it expires; left out: ${defaultTtl}. Never later than the key.` })),
  scopes: orNull(Type.Array(oneOf(scopes), { minItems: 1, description: 'Of those of the key; left out: all of them but admin, which no token has.' }))
}, { additionalProperties: false, examples: [{ user: 'ada', ttl: 600 }] })

const token = {
  id: Type.String(),
  object: Type.Literal('token'),
  user: Type.String(),
  scopes: Type.Array(oneOf(scopes)),
  created_at: Type.String(),
  expires_at: Type.String()
}
const Token = Type.Object(token)
export const MintedToken = Type.Object({ ...token, token: Type.String({ description: 'Shown once, and kept nowhere: send it as a key.' }) })
export const TokenList = Type.Object({ object: Type.Literal('list'), data: Type.Array(Token, { description: 'Those that open something, the newest first.' }) })
export const RevokedToken = Type.Object({ id: Type.String(), object: Type.Literal('token.deleted'), deleted: Type.Literal(true) })
