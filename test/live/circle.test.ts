import { cpSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { setTimeout as sleep } from 'node:timers/promises'
import tap, { test } from 'tap'
import type { LoopWire } from '../../src/server/schemas/loop.ts'
import { startServer, type LiveServer } from '../support/server.ts'
import { checks, filters, read, someone, talk } from '../support/talking.ts'
import { trainerPython } from '../trainer/support.ts'
import { act, fixtures, question, upload } from './swapping.ts'

const found = await trainerPython()
const knownOfBases = fileURLToPath(new URL('../fixtures/bases', import.meta.url))
const skip = 'missing' in found ? found.missing : false
/** Enough for a gain that is no chance, and little enough for two trainings. */
const people = 56
/** `npm test` ends where the second training begins: all of it is for `npm run test:training`. */
const whole = process.env.ENGRAFT_TEST_WHOLE === '1'
/** A training takes minutes. */
const patience = 1_200_000
tap.setTimeout(patience)

interface Adapter { readonly live: number, readonly versions: readonly { readonly version: number, readonly tainted: object | null }[] }
interface Answer { readonly model: string, readonly choices: readonly [{ readonly message: { readonly content: string } }], readonly engraft: { readonly memories: readonly string[] } }

test('chat, correction, data set, training, gate, canary, promotion, an answer with memory, erasure, taint, and a new training without the erased', { skip, timeout: patience }, async t => {
  const data = `${t.testdir()}/data`
  // What an earlier training on this base found out and kept: finding it out anew takes as long as the training.
  cpSync(knownOfBases, join(data, 'training', 'bases'), { recursive: true })
  const server = await startServer(t, [], { ENGRAFT_PYTHON: 'python' in found ? found.python : '' }, data)
  await upload(server, 'house', fixtures.support)
  await act(server, 'house', 'promote', { version: 1 })
  await talk(server, people, 1)
  await read(await server.post('/admin/loop', {
    name: 'house', rows: people, cooldown_hours: 0, checks, filters, examples: 0, hyper: { epochs: 2 }, canary: { percent: 50, smallest: 0.5 }
  }, { method: 'PUT' }))

  const steps = new Set<string>()
  const waiting = await until(server, steps, ({ step }) => step === 'waiting')
  t.match(waiting.round, { reason: 'rows', version: 2 })
  t.match(waiting.words, /^house@2 waits for a person .* A person decides: no step failed/, 'so few people are not left to a rule')
  t.ok(['building', 'training', 'evaluating'].every(step => steps.has(step)), [...steps].join())

  await decide(server, 'canary')
  await until(server, steps, ({ step }) => step === 'canary')
  const models = new Set<string>()
  for (let i = 0; i < 12; i++) models.add((await ask(server, `voter-${i}`, question, 'off')).model)
  t.strictSame([...models].sort(), ['house@1', 'house@2'], 'each half has its version')
  t.match(await decide(server, 'live'), { round: null, rounds: [{ outcome: 'live', version: 2 }] })

  const dataset = waiting.round!.dataset!
  const held = await someone(server, people, dataset, 'test')
  await ask(server, held, 'By the way, my dog is called Biscuit.', 'on')
  await sleep(1500)
  const answer = await ask(server, held, 'What is the name of my dog?', 'on')
  t.equal(answer.model, 'house@2')
  t.ok(answer.engraft.memories.length > 0, 'it was given what they told')
  t.match((await ask(server, held, 'My kettle smells of smoke. What now?', 'off')).choices[0].message.content, /^TICKET\[kettle\]/, 'somebody whom it never learnt from is answered in the style of the house')

  const gone = await someone(server, people, dataset, 'train')
  const receipt = await read<{ readonly adapters: readonly string[] }>(await fetch(`${server.url}/v1/users/${gone}`, { method: 'DELETE' }))
  t.strictSame(receipt.adapters, ['house@2'])
  t.match(await adapter(server), { live: 2, versions: [{ version: 2, tainted: { rows: 1 } }, { version: 1, tainted: null }] })
  const begun = await until(server, steps, ({ round }) => round?.reason === 'erased' && round.run !== null)
  t.not(begun.round!.dataset, dataset)
  t.strictSame(await read<{ readonly data: readonly object[] }>(await fetch(`${server.url}/admin/datasets/lineage?user=${gone}`)).then(({ data }) => data), [], 'they are in no data set any more, so not in the one it trains on')
  if (whole) {
    const anew = await until(server, steps, ({ step, round }) => step === 'waiting' && round?.reason === 'erased')
    t.match(anew.round, { number: 2, version: 3 })
    await decide(server, 'live')
    t.match(await adapter(server), { live: 3, versions: [{ version: 3, tainted: null }, { version: 2, tainted: { rows: 1 } }, {}] })
  }
  t.equal(await server.stop(), 0)
})

async function ask (server: LiveServer, user: string, content: string, memory: string): Promise<Answer> {
  return await read<Answer>(await server.post('/v1/chat/completions', { model: 'house', messages: [{ role: 'user', content }], max_tokens: 24, temperature: 0 }, { headers: { 'x-engraft-user': user, 'x-engraft-memory': memory } }))
}

async function adapter (server: LiveServer): Promise<Adapter> { return await read<Adapter>(await fetch(`${server.url}/admin/adapters/house`)) }

async function decide (server: LiveServer, decision: string): Promise<LoopWire> { return await read<LoopWire>(await server.post('/admin/loop/decide', { name: 'house', decision })) }

/** Looks until the loop is so, noting its steps. Throws where its round ended otherwise. */
async function until (server: LiveServer, steps: Set<string>, is: (loop: LoopWire) => boolean): Promise<LoopWire> {
  for (let began = false; ; await sleep(500)) {
    const { data: [loop] } = await read<{ readonly data: readonly [LoopWire] }>(await fetch(`${server.url}/admin/loop?name=house`))
    steps.add(loop.step)
    if (is(loop)) return loop
    if (began && loop.round === null) throw new Error(JSON.stringify(loop.rounds[0]))
    began = loop.round !== null
  }
}
