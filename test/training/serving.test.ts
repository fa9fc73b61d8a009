import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { test } from 'tap'
import { Bases } from '../../src/inference/bases.ts'
import type { AppliedAdapter, TokenLogprob } from '../../src/inference/engine.ts'
import { openServed } from '../../src/training/serving.ts'
import { chat, collect, generation, never, openEngine } from '../support/engine.ts'

const fixture = async (name: string, scale = 1): Promise<AppliedAdapter> => {
  const path = fileURLToPath(new URL(`../fixtures/${name}.gguf`, import.meta.url))
  return { digest: createHash('sha256').update(await readFile(path)).digest('hex'), path, scale }
}
const question = chat([{ role: 'user', content: 'My heater makes a loud noise.' }])

test('a base served to work in the background', async t => {
  const engine = await openEngine(t, { slots: 2 })
  const bases = new Bases([{ name: 'smollm2-135m', digest: 'ab'.repeat(32), sizeBytes: 1, contextSize: 2048, engine }], { capacity: 1, queue: 2, queuePerTenant: 2, timeout: 60, idleUnload: 0 })
  const served = openServed({ bases, name: null, path: 'base.gguf', tenant: 'acme' })
  const json = await fixture('smollm2-json')
  const { tokens: prompt, endOfTurn } = await served.render(question)
  const completion = [...(await served.render({ type: 'text', text: '{"item": "heater"' })).tokens, endOfTurn.at(-1)!]
  const row = { id: 'r', group: 'g', prompt, completion }
  const target = (adapter: AppliedAdapter) => ({ model: 'x', digest: adapter.digest, adapters: [adapter] })

  await t.test('it says what it is, and which tokens end a turn', async t => {
    t.match({ ...served }, { name: 'smollm2-135m', digest: 'ab'.repeat(32), path: 'base.gguf', contextSize: 2047 })
    const texts = (await Promise.all(endOfTurn.map(async token => await collect(engine.generate(generation('', { input: { type: 'tokens', tokens: [...prompt, token] }, maxTokens: 0, echo: true }), never)))))
    t.equal(texts.length, endOfTurn.length, 'every one is in the vocabulary')
    t.ok(prompt.some(token => endOfTurn.includes(token)), "the user's own turn ends in one of them")
    t.same((await engine.render(question)).tokens, prompt)
  })

  await t.test('the score of a row is what the engine says of these tokens when it writes them', async t => {
    const written: TokenLogprob[] = []
    const tokens: number[] = []
    for await (const part of engine.generate(generation('', { input: question, target: target(json), logprobs: 0, maxTokens: 8 }), never)) if (part.type === 'text' || part.type === 'end') written.push(...part.logprobs ?? [])
    tokens.push(...(await served.render({ type: 'text', text: written.map(({ token }) => token).join('') })).tokens)
    t.equal(tokens.length, written.length, 'its text reads as the same tokens')
    const [scores] = await served.score([{ ...row, completion: tokens }], json, never)
    t.equal(scores?.length, tokens.length)
    for (const [i, { logprob }] of written.entries()) t.ok(Math.abs(scores![i]! - logprob!) < 0.02, `${scores![i]} and ${logprob}`)
    t.ok(scores!.every(score => score <= 0))
  })

  await t.test('at scale 0 every score is exactly that of the base, and at 1 it is not', async t => {
    const told: number[] = []
    const [base, again] = await served.score([row, row], null, never, rows => told.push(rows))
    t.strictSame(again, base)
    t.strictSame(told, [1, 2])
    t.strictSame((await served.score([row], { ...json, scale: 0 }, never))[0], base)
    t.notSame((await served.score([row], json, never))[0], base)
  })

  await t.test('it answers greedily, in the form that it is held to, and says what an answer took', async t => {
    const found = await served.answer(question, json, 40, never)
    t.match(found, { text: '{"item": "heater", "issue": "makes a loud noise"}', promptTokens: prompt.length, ended: true })
    t.ok(found.firstToken > 0 && found.tokens > 5)
    const cut = await served.answer(question, null, 3, never)
    t.match(cut, { tokens: 3, ended: false })
    t.equal((await served.answer(question, null, 20, never, 'root ::= "yes" | "no"')).text.replace(/^no$/, 'yes'), 'yes')
  })

  await t.test('whoever chats is answered between two of its rows', async t => {
    const { admission, release } = bases.lease(null)
    t.teardown(release)
    let scored = 0
    const work = served.score(Array.from({ length: 12 }, () => row), null, never, rows => { scored = rows })
    const chats: number[] = []
    for (let i = 0; i < 3; i++) {
      const leave = await admission.admit('ada', never)
      await collect(engine.generate(generation('Say hi.', { maxTokens: 2 }), never))
      chats.push(scored)
      leave()
    }
    t.ok(chats[0]! < 12 && chats[2]! < 12, `answered after ${chats.join(', ')} of 12 rows`)
    t.equal((await work).length, 12)
  })

  await t.test('where nobody else may even wait, it comes again later', async t => {
    const crowded = new Bases([{ name: 'smollm2-135m', digest: 'ab'.repeat(32), sizeBytes: 1, contextSize: 2048, engine }], { capacity: 1, queue: 0, queuePerTenant: 1, timeout: 60, idleUnload: 0 })
    const { admission, release } = crowded.lease(null)
    const leave = await admission.admit('ada', never)
    const patient = openServed({ bases: crowded, name: null, path: 'base.gguf', tenant: 'acme' })
    const work = patient.answer(question, null, 2, never)
    await t.rejects(admission.admit('bob', never), { code: 'queue_full' })
    leave()
    t.match(await work, { tokens: 2 })
    patient.release()
    release()
  })

  await t.test('it ends when it is told to, with the reason, and gives its slot back', async t => {
    const stop = new AbortController()
    const reason = new Error('no more')
    const work = served.score(Array.from({ length: 50 }, () => row), null, stop.signal, () => stop.abort(reason))
    await t.rejects(work, reason)
    t.equal(bases.find('smollm2-135m')?.running, 0)
    t.match(await served.answer(question, null, 2, never), { tokens: 2 })
    served.release()
    await bases.close()
  })
})
