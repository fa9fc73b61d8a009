import { setTimeout as sleep } from 'node:timers/promises'
import { as } from '../../test/live/remembering.ts'
import { act, fixtures, upload } from '../../test/live/swapping.ts'
import type { LiveServer } from '../../test/support/server.ts'
import { type Person, arrive, call, leave } from './people.ts'
import type { Tally } from './tally.ts'

/** Seconds between two changes of what is live, two data sets, and two erasures. */
const every = { swap: 2, build: 20, erasure: 60 }

export interface Staff { readonly server: LiveServer, readonly people: readonly Person[], readonly tally: Tally, readonly signal: AbortSignal }

/** Two versions under one name, people with a past, and some who talked once and are learnt from for good: as much as there will ever be of it. */
export async function prepare (server: LiveServer, people: readonly Person[]): Promise<void> {
  for (const kind of ['support', 'json'] as const) await upload(server, 'notes', fixtures[kind])
  await act(server, 'notes', 'promote', { version: 1 })
  for (const person of people) await arrive(server, person)
  const things = ['kettle', 'toaster', 'heater', 'blender', 'fan', 'lamp', 'mixer', 'grill', 'iron', 'radio', 'juicer', 'oven']
  for (const thing of things) {
    const { id } = await (await server.post('/v1/chat/completions', { messages: [{ role: 'user', content: `My ${thing} is broken.` }], max_tokens: 4 }, as(`customer-${thing}`))).json() as { id: string }
    await call(server, 'POST', '/v1/feedback', { user: `customer-${thing}`, completion_id: id, kind: 'correction', value: `Please send us the ${thing}, and we repair it.` })
  }
}

/** Promotes one version, then goes back to the other. */
export async function swap ({ server, tally, signal }: Staff): Promise<void> {
  await regularly(every.swap, signal, async round => {
    const verb = round % 2 === 0 ? 'promote' : 'rollback'
    await tally.count(verb, async () => {
      const status = await act(server, 'notes', verb, verb === 'promote' ? { version: 2 } : {})
      if (status !== 200) throw new Error(`it answers ${status}`)
    })
  })
}

/** Builds a data set of what was said so far, and takes it out. */
export async function build ({ server, tally, signal }: Staff): Promise<void> {
  await regularly(every.build, signal, async () => {
    await tally.count('data set built', async () => {
      await call(server, 'POST', '/admin/datasets/preview', { name: 'house' })
      let version = await call<{ id: string, state: string, failure: { code: string } | null }>(server, 'POST', '/admin/datasets', { name: 'house' })
      while (version.state === 'building') {
        await sleep(100)
        version = await call(server, 'GET', `/admin/datasets/${version.id}`)
      }
      if (version.state !== 'ready') throw new Error(`it is ${version.state}: ${version.failure?.code}`)
      for (const format of ['trl-sft', 'sharegpt']) await tally.count('export', async () => await take(server, version.id, format))
    })
  })
}

async function take (server: LiveServer, dataset: string, format: string): Promise<void> {
  const reply = await fetch(`${server.url}/admin/datasets/${dataset}/export?format=${format}&split=train`)
  const text = await reply.text()
  if (!reply.ok || text === '') throw new Error(`it answers ${reply.status} ${text.slice(0, 200)}`)
}

/** Erases one person after the other; each comes back as they came at first. */
export async function erase ({ server, people, tally, signal }: Staff): Promise<void> {
  await regularly(every.erasure, signal, async round => { await tally.count('erasure', async () => await leave(server, people[round % people.length]!)) })
}

async function regularly (seconds: number, signal: AbortSignal, work: (round: number) => Promise<void>): Promise<void> {
  for (let round = 0; ; round++) {
    await sleep(seconds * 1000, undefined, { signal }).catch(() => {})
    if (signal.aborted) return
    await work(round)
  }
}
