import { test } from 'tap'
import { chatBody, startServer } from '../support/server.ts'
import { broken, chats, completions, embeddings } from './bad-shapes.ts'

/** Nobody waits longer than this for a refusal; not a claim of speed. */
const hangsMs = 8_000

test('shapes that nobody can keep to, and broken calls and texts, are refused by name, and the server goes on', async t => {
  const server = await startServer(t)
  const engine = server.enginePid()
  for (const [path, cases] of Object.entries({ '/v1/chat/completions': chats, '/v1/completions': completions, '/v1/embeddings': embeddings })) {
    await t.test(path, async t => {
      for (const [what, [body, [status, code, param]]] of Object.entries(cases)) {
        const began = performance.now()
        const reply = await server.post(path, body)
        const { error = null } = await reply.json() as { error?: { message: string, code: string, param: string | null } }
        const ms = performance.now() - began
        t.strictSame([reply.status, error?.code, ...(param === undefined ? [] : [error?.param])], [status, code, ...(param === undefined ? [] : [param])], `${what}: ${error?.message.slice(0, 200)}`)
        t.match(error?.message, /^[^\n]{10,800}\.$/, what)
        t.ok(ms < hangsMs, `${what} took ${Math.round(ms)} ms`)
      }
    })
  }
  await t.test('text that is no UTF-8', async t => {
    for (const body of broken) {
      const reply = await fetch(`${server.url}/v1/chat/completions`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: new Uint8Array(body) })
      t.match(await reply.json(), { error: { code: 'invalid_json', message: /UTF-8/ } })
    }
  })
  const reply = await server.post('/v1/chat/completions', chatBody('Hi.', { max_tokens: 2 }))
  t.equal(reply.status, 200)
  t.equal(server.enginePid(), engine, 'by the same engine')
  t.strictSame(server.log().split('\n').filter(line => /"level":[56]0/.test(line)), [], 'nothing broke')
})
