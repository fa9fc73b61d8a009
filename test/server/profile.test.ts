import { test } from 'tap'
import { createProfile } from '../../src/memory/profile/profile.ts'
import { openPolicies } from '../../src/privacy/policies.ts'
import { openedMemories } from '../memory/opened.ts'
import { appFor } from '../support/app.ts'

test('a person sees and corrects the profile that is kept of them', async t => {
  const { memories, database } = await openedMemories(t)
  const app = await appFor(t, { memories, profile: createProfile(memories), policies: openPolicies(database) })
  const call = async (method: 'GET' | 'PUT' | 'PATCH', url: string, payload?: object) => {
    const reply = await app.inject({ method, url, headers: { host: '127.0.0.1' }, ...(payload !== undefined && { payload }) })
    return { status: reply.statusCode, body: reply.json() }
  }
  const url = '/v1/users/ada/profile'
  t.match(await call('GET', url), { status: 200, body: { object: 'profile', user: 'ada', data: [], frame: null, pending: 0 } })

  const written = await call('PUT', url, { data: [{ kind: 'fact', content: 'I live in Lisbon.' }, { kind: 'instruction', content: 'Always answer in German.' }] })
  t.match(written.body.frame, /<profile [\s\S]*Lisbon[\s\S]*German[\s\S]*<\/profile>/)
  const home = written.body.data.find(({ kind }: { kind: string }) => kind === 'fact')
  const moved = await call('PUT', url, { data: [{ id: home.id, kind: 'fact', content: 'I live in Oslo.' }] })
  t.match(moved.body.data, [{ id: home.id, content: 'I live in Oslo.' }])
  t.notMatch(moved.body.frame, /German|Lisbon/)
  t.match((await memories.get({ tenant: 'local', user: 'ada' }, home.id))?.history, [{ text: 'I live in Lisbon.' }], 'with its history')
  t.match((await call('GET', '/v1/users/bob/profile')).body.data, [], 'nobody else has it')

  t.match(await call('PUT', url, { data: [{ id: 'mem_unknown', kind: 'fact', content: 'x' }] }), { status: 404, body: { error: { code: 'memory_not_found' } } })
  for (const data of [undefined, 'x', [{ kind: 'note', content: 'x' }], [{ kind: 'fact', content: '' }], [{ kind: 'fact', content: 'x'.repeat(501) }], Array(65).fill({ kind: 'fact', content: 'x' })]) t.equal((await call('PUT', url, { data })).status, 400)
  t.match(await call('PUT', url, { data: [{ kind: 'fact', content: 'x'.repeat(1_000_000) }] }), { status: 400, body: { error: { code: 'invalid_request', param: 'data[0].content' } } }, 'a profile of 1 MB')
  t.match(await call('PUT', url, { data: Array(2000).fill({ kind: 'fact', content: 'x'.repeat(500) }) }), { status: 400, body: { error: { code: 'invalid_request', param: 'data' } } }, 'in many items')
  await call('PATCH', '/v1/users/ada', { memory: { write: false } })
  t.match(await call('PUT', url, { data: [] }), { status: 403, body: { error: { code: 'memory_off' } } })
  t.equal((await call('GET', url)).status, 200)
})
