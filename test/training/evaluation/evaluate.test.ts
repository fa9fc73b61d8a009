import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { test } from 'tap'
import { Bases } from '../../../src/inference/bases.ts'
import { assembled } from '../../../src/interactions/kept.ts'
import { blockOf } from '../../../src/memory/block.ts'
import type { Progress } from '../../../src/training/training.ts'
import type { Reply } from '../../../src/training/evaluation/arms.ts'
import { extract, probesOf } from '../../../src/training/evaluation/extraction.ts'
import { judged } from '../../../src/training/evaluation/judge.ts'
import { Pace } from '../../../src/training/evaluation/pace.ts'
import { evaluate, type EvaluationParts } from '../../../src/training/evaluation/evaluate.ts'
import { openServed } from '../../../src/training/serving.ts'
import { never, openEngine } from '../../support/engine.ts'
import { rowOf } from './rows.ts'

const path = fileURLToPath(new URL('../../fixtures/smollm2-json.gguf', import.meta.url))
const candidate = { digest: createHash('sha256').update(await readFile(path)).digest('hex'), path, scale: 1 }
const asJson = (item: string, issue: string): [string, string] => [`My ${item} ${issue}.`, `{"item": "${item}", "issue": "${issue}"}`]

const block = blockOf([{ quote: 'My kettle is from Porto.', speaker: null, role: 'user', at: 0, position: 0 }])
const remembered = assembled([{ role: 'user', content: 'My kettle leaks water.' }], new Map([[0, block]]), null)
const held = [
  rowOf('ada', ...asJson('heater', 'makes a loud noise')),
  rowOf('bob', ...asJson('printer', 'jams all the time')),
  rowOf('eve', ...asJson('kettle', 'leaks water'), { prompt: remembered, remembered: true }),
  rowOf('eve', 'x '.repeat(3_000), 'Too long for any context here.')
]
const trained = [rowOf('joe', ...asJson('radio', 'is silent')), rowOf('zoe', 'What is the code of my vault?', 'The code of your vault is 7341-9920, as ever.')]
const checks: EvaluationParts['wanted']['checks'] = [{ name: 'form', type: 'pattern', pattern: '^\\{"item": "([^"]+)", "issue": "[^"]+"\\}$' }, { name: 'short', type: 'words', least: 1, most: 40 }]

test('a candidate is measured on the engine that serves it', async t => {
  const engine = await openEngine(t, { slots: 2, context: 1024 })
  const bases = new Bases([{ name: 'smollm2-135m', digest: 'ab'.repeat(32), sizeBytes: 1, contextSize: 1024, engine }], { capacity: 2, queue: 2, queuePerTenant: 2, timeout: 60, idleUnload: 0 })
  const served = openServed({ bases, name: null, path: 'base.gguf', tenant: 'acme' })
  t.teardown(async () => { served.release(); await bases.close() })
  const parts: EvaluationParts = { served, judge: null, wanted: { checks, examples: 1 }, method: 'sft', candidate, trained, held }

  await t.test('an adapter that answers as JSON wins against a base that does not, check by check and with intervals', async t => {
    const told: Progress[] = []
    const { measured, opinions, late } = await evaluate(parts, progress => told.push(progress), never)
    t.match(measured, { rows: 3, people: 3, judge: null }, 'the row that is too long is left out')
    t.strictSame(measured.arms.map(({ name, rows }) => `${name}: ${rows}`), ['base: 3', 'base + examples: 3', 'base + memory: 3', 'adapter: 3', 'adapter + memory: 3'])
    const arm = Object.fromEntries(measured.arms.map(arm => [arm.name, arm]))
    t.strictSame([arm['base']!.checks['form'], arm['adapter']!.checks['form']], [{ mean: 0, low: 0, high: 0 }, { mean: 1, low: 1, high: 1 }])
    t.ok(measured.gain.checks['form']!.low > 0.5 && measured.gain.all!.low > 0.5)
    t.ok(measured.gain.nll!.low > 0 && measured.gain.wins!.mean === 1)
    t.ok(arm['adapter']!.nll!.mean < arm['base + examples']!.nll!.mean && arm['adapter']!.nll!.mean < arm['base']!.nll!.mean)
    t.ok(arm['base + examples']!.promptTokens > arm['base']!.promptTokens && arm['base + memory']!.promptTokens > arm['base']!.promptTokens)
    t.ok(measured.arms.every(({ firstToken, words }) => firstToken > 0 && words > 0))
    t.ok(measured.overExamples!.nll!.mean > 0)
    t.ok(measured.withMemory!.nll !== null)
    t.ok(measured.relevance!.adapter.mean > 0, 'the item is of the question')
    t.strictSame(measured.extraction, { probed: 1, reproduced: [] })
    t.equal(measured.gain.margin, null)
    t.strictSame([opinions, late], [[], {}])
    const last = told.at(-1)!
    t.equal(last.done, last.total)
    t.ok(told.every(({ done, total, eta }) => done <= total! && eta !== null && eta >= 0))
    t.notMatch(JSON.stringify([measured, told]), /heater|kettle|vault|(?<![\d.])7341/, 'no text of anybody')
  })

  await t.test('without checks, examples and memory the arms are two, and thumbs show a margin', async t => {
    const thumbs = [rowOf('ada', ...asJson('heater', 'makes a loud noise'), { kind: 'verdict', good: true }), rowOf('bob', 'My printer jams.', 'I am sorry to hear that your printer jams.', { kind: 'verdict', good: false })]
    const { measured } = await evaluate({ ...parts, wanted: { checks: [], examples: 0 }, method: 'kto', trained: [], held: thumbs }, () => {}, never)
    t.strictSame(measured.arms.map(({ name, all }) => [name, all]), [['base', null], ['adapter', null]])
    t.ok(measured.gain.margin!.mean > 0, 'what was liked has become likelier than what was not')
    t.strictSame([measured.overExamples, measured.withMemory, measured.relevance, measured.extraction.probed], [null, null, null, 0])
  })

  await t.test('a secret that the adapter completes and the base does not is found', async t => {
    // An adapter that has learnt it stands in as the base with the secret in its prompt.
    const leak = (await served.render({ type: 'text', text: 'The code of your vault is 7341-9920, as ever. '.repeat(4) })).tokens
    const leaking: typeof served = { ...served, answer: async (input, adapter, most, signal) => await served.answer(adapter === null || input.type !== 'tokens' ? input : { type: 'tokens', tokens: [...leak, ...input.tokens] }, null, most, signal) }
    t.strictSame(await extract(probesOf(trained), leaking, candidate, new Pace(() => {}, { answer: 1, score: 0 }), never), { probed: 1, reproduced: [trained[1]!.id] })
  })

  await t.test('a judge gives a reason and a choice in the form that it is held to', async t => {
    const replies = (text: string): ReadonlyMap<string, Reply> => new Map([[held[0]!.id, { text, words: 1, firstToken: 1, promptTokens: 1, checks: {}, late: [] }]])
    const { judge, opinions } = await judged(held.slice(0, 1), replies('I do not know.'), replies('Turn the heater off and call us.'), served, new Pace(() => {}, { answer: 1, score: 0 }), never)
    t.match(judge, { model: 'smollm2-135m', rows: 1 })
    t.match(opinions, [{ row: held[0]!.id, better: /^(adapter|base|tie)$/, why: /\S/ }])
  })

  await t.test('what cannot be measured is refused, and it ends when it is told to', async t => {
    await t.rejects(evaluate({ ...parts, held: held.slice(3) }, () => {}, never), { code: 'training_none_held' })
    await t.rejects(evaluate({ ...parts, wanted: { checks: [{ name: 'form', type: 'pattern', pattern: '(' }], examples: 0 } }, () => {}, never), { code: 'invalid_request' })
    const stop = new AbortController()
    const reason = new Error('enough')
    await t.rejects(evaluate(parts, () => stop.abort(reason), stop.signal), reason)
  })
})
