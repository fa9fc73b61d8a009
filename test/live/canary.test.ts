import { once } from 'node:events'
import { test } from 'tap'
import { chatBody, startServer, type LiveServer } from '../support/server.ts'
import { until } from '../support/wire.ts'
import { act, ask, fixtures, question, says, upload } from './swapping.ts'

interface Told { readonly outcome: string | null, readonly ended_at: string | null, readonly words: string, readonly plan: { readonly needed: { readonly candidate: number } }, readonly judged: { readonly candidate: { readonly answers: number } }, readonly looks: readonly { readonly tenths: number }[] }

async function answered (server: LiveServer, user: string, maxTokens = 40): Promise<{ readonly id: string, readonly model: string, readonly text: string }> {
  const reply = await server.post('/v1/chat/completions', chatBody(question, { model: 'house', max_tokens: maxTokens, engraft: { memory: 'off' } }), { headers: { 'x-engraft-user': user } })
  const { id, model, choices } = await reply.json() as { id: string, model: string, choices: { message: { content: string } }[] }
  return { id, model, text: choices[0]!.message.content }
}

async function canary (server: LiveServer): Promise<Told> { return await (await fetch(`${server.url}/admin/adapters/house/canary`)).json() as Told }

test('a canary gives each person one version, over kill -9 too, and its end restores the old answers token for token', async t => {
  const server = await startServer(t)
  await upload(server, 'house', fixtures.support)
  await upload(server, 'house', fixtures.json)
  await act(server, 'house', 'promote', { version: 1 })
  const before = await ask(server, 'house')
  t.equal(await act(server, 'house', 'canary', { version: 2, percent: 50 }), 200)
  const people = Array.from({ length: 16 }, (_, i) => `user ${i}`)
  const got = new Map<string, string>()
  for (const user of people) {
    const { model, text } = await answered(server, user)
    t.equal(text, model === 'house@2' ? says.json : says.support, `${user} has ${model}`)
    got.set(user, model)
  }
  t.equal(new Set(got.values()).size, 2, 'both versions answered')
  t.match(await ask(server, 'house'), before, 'whoever is nobody has what is live')

  server.process.kill('SIGKILL')
  await once(server.process, 'exit')
  const again = await startServer(t, [], {}, server.data)
  for (const user of people) if ((await answered(again, user, 2)).model !== got.get(user)) t.fail(`${user} has another version now`)
  t.equal((await fetch(`${again.url}/admin/adapters/house?version=2`, { method: 'DELETE' })).status, 409)
  t.match(await (await fetch(`${again.url}/admin/adapters/house/canary`, { method: 'DELETE' })).json(), { outcome: 'ended', words: 'ended by local', judged: { candidate: { answers: 0 } } })
  for (const user of people.slice(0, 6)) t.match(await answered(again, user), { model: 'house@1', text: says.support })
  t.strictSame(await ask(again, 'house'), before)
  await again.stop()
})

test('a worse candidate at 20 % is rolled back by what people say of it, before its horizon', async t => {
  const server = await startServer(t)
  await upload(server, 'house', fixtures.support)
  await upload(server, 'house', fixtures.json)
  await act(server, 'house', 'promote', { version: 1 })
  await act(server, 'house', 'canary', { version: 2, percent: 20, smallest: 0.3 })
  const { plan } = await canary(server)
  let asked = 0
  const statuses = new Set<number>()
  const talk = async (most: number): Promise<void> => {
    while (asked < most) {
      const user = `user ${asked++ % 80}`
      const { id, model } = await answered(server, user, 2)
      statuses.add((await server.post('/v1/feedback', { completion_id: id, kind: 'thumb', value: model === 'house@1' }, { headers: { 'x-engraft-user': user } })).status)
    }
  }
  // Its timer looks every half minute, and a fast machine would be at the horizon by then.
  for (let most = 40; most <= 400 && (await canary(server)).ended_at === null; most += 40) {
    await Promise.all([talk(most), talk(most), talk(most)])
    const { looks } = await canary(server)
    await until(async () => { const now = await canary(server); return now.ended_at !== null || now.looks.length > looks.length }, 60_000).catch(() => {})
  }
  await until(async () => (await canary(server)).ended_at !== null, 60_000)
  const told = await canary(server)
  t.strictSame([...statuses], [201])
  t.match(told, { outcome: 'ended', words: /^The candidate is worse: 0\.0 % of \d+ answers by \d+ people are good, against 100\.0 %/ })
  t.ok(told.looks.at(-1)!.tenths < 10, `${told.looks.at(-1)!.tenths} tenths of ${plan.needed.candidate} judged answers`)
  t.match(await (await fetch(`${server.url}/admin/audit?limit=1`)).json(), { data: [{ actor: 'canary', action: 'canary.end' }] })
  t.match(await answered(server, 'user 3'), { model: 'house@1', text: says.support })
  await server.stop()
})
