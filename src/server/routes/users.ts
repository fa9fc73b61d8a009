import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyRequest } from 'fastify'
import { type Caller, speakingFor } from '../../access/caller.ts'
import { problem } from '../../errors.ts'
import type { Receipt } from '../../privacy/erasures.ts'
import type { UserPolicy } from '../../privacy/policies.ts'
import { callerOf } from '../plugins/auth.ts'
import type { Admit, Erasures, Policies } from '../ports.ts'
import { failures } from '../schemas/shapes.ts'
import { ErasureReceipt, ReceiptList, User, UserBody, type UserBodyWire, UserId, type UserWire } from '../schemas/users.ts'

export interface UsersParts {
  readonly policies: Policies
  readonly erasures: Erasures
  /** Days that the server keeps anything of a tenant's; null: for ever. */
  readonly retentionOf: (tenant: string) => number | null
  readonly admit: Admit
}

/** What is kept of a person, and what they let be kept. */
export const users: FastifyPluginAsyncTypebox<UsersParts> = async (app, { policies, erasures, retentionOf, admit }) => {
  const config = { access: 'memory' } as const
  const tags = ['users']

  app.get('/v1/users/:user', {
    config, schema: { tags, summary: 'What a user lets be kept', params: UserId, response: { 200: User, ...failures } }
  }, async request => {
    const caller = await speaking(request, request.params.user)
    return userOf(caller, await policies.of(ownerOf(caller)))
  })

  app.patch('/v1/users/:user', {
    config, schema: { tags, summary: 'Sets what may be kept of a user from now on', params: UserId, body: UserBody, response: { 200: User, ...failures } }
  }, async request => {
    const caller = await speaking(request, request.params.user)
    return userOf(caller, await policies.change(ownerOf(caller), changeFrom(request.body)))
  })

  app.delete('/v1/users/:user', {
    config, schema: { tags, summary: 'Erases all that is kept of a user', params: UserId, response: { 200: ErasureReceipt, ...failures } }
  }, async request => {
    const caller = await speaking(request, request.params.user)
    const receipt = await erasures.erase(ownerOf(caller))
    return { ...receiptOf(receipt), outside: [...await erasures.copies(), ...receipt.outside] }
  })

  app.get('/v1/users/:user/erasures', {
    config, schema: { tags, summary: 'The receipts of when a user was erased', params: UserId, response: { 200: ReceiptList, ...failures } }
  }, async request => {
    const caller = await speaking(request, request.params.user)
    return { object: 'list' as const, data: (await erasures.receipts(ownerOf(caller))).map(receiptOf) }
  })

  /** The caller, speaking for the user of the path and counted. Throws `user_mismatch` where it may speak only for another. */
  async function speaking (request: FastifyRequest, user: string): Promise<Caller & { user: string }> {
    const caller = speakingFor(callerOf(request), user, 'header')
    if (caller.user !== user) throw problem('user_mismatch', {}, { param: 'user' })
    await admit(caller)
    return { ...caller, user }
  }

  function userOf ({ tenant, user, policy }: Caller & { user: string }, own: UserPolicy): UserWire {
    const shortest = Math.min(own.retentionDays ?? Infinity, retentionOf(tenant) ?? Infinity)
    return {
      user,
      object: 'user',
      memory: { read: own.read, write: own.write },
      store: own.store,
      training: own.training,
      retention_days: own.retentionDays,
      effective: {
        memory: { read: policy.read && own.read, write: policy.write && own.write && policy.store && own.store },
        store: policy.store && own.store,
        training: policy.training && own.training && policy.store && own.store,
        retention_days: Number.isFinite(shortest) ? shortest : null
      }
    }
  }
}

function receiptOf ({ id, subject, requestedAt, erasedAt, rows, datasets, adapters }: Receipt) {
  return {
    id,
    object: 'erasure' as const,
    subject,
    requested_at: new Date(requestedAt).toISOString(),
    erased_at: erasedAt === null ? null : new Date(erasedAt).toISOString(),
    rows: { ...rows },
    datasets: [...datasets],
    adapters: [...adapters]
  }
}

function ownerOf ({ tenant, user }: Caller & { user: string }): { tenant: string, user: string } { return { tenant, user } }

function changeFrom ({ memory, store, training, retention_days: days }: UserBodyWire): Partial<UserPolicy> {
  const switches = { read: memory?.read, write: memory?.write, store, training }
  return {
    ...Object.fromEntries(Object.entries(switches).filter(([, on]) => on !== undefined && on !== null)),
    ...days !== undefined && { retentionDays: days }
  }
}
