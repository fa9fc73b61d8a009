import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'tap'
import { createWords } from '../../../src/datasets/curation/words.ts'
import { baseAnswers } from '../../../src/training/prepare/base-answers.ts'
import { asked, replayed } from '../../../src/training/prepare/general.ts'
import type { Served } from '../../../src/training/served.ts'
import { never, openBase, quiet } from './support.ts'

test('no general question is asked to train and to judge, nor one that is alike', async t => {
  const words = createWords()
  const bags = [...replayed, ...asked].map(text => new Set(words.read(text)))
  t.equal(bags.length, 72)
  t.strictSame([replayed.length, asked.length], [48, 24])
  const alike = bags.flatMap((one, i) => bags.flatMap((other, j) => i < j && shared(one, other) >= 0.6 ? [[i, j]] : []))
  t.strictSame(alike, [])
})

/** How many of the words of both are in both (Jaccard 1901). */
function shared (one: ReadonlySet<number>, other: ReadonlySet<number>): number {
  const both = [...one].filter(word => other.has(word)).length
  return both / (one.size + other.size - both)
}

test('the answers of a base are asked for once and kept', async t => {
  const base = await openBase(t)
  const bases = t.testdir()
  const path = join(bases, base.digest, 'general.jsonl')
  let count = 0
  let shortest = Infinity
  // Two tokens each, so that the test is not about how fast the model writes; one as it is.
  const served: Pick<Served, 'digest' | 'render' | 'answer'> = {
    ...base,
    answer: async (input, adapter, most, signal) => {
      count++
      shortest = Math.min(shortest, most)
      return await base.answer(input, adapter, count === 1 ? most : 2, signal)
    }
  }

  const stop = new AbortController()
  await t.rejects(baseAnswers('general', { served, bases }, ({ done }) => { if (done === 3) stop.abort(new Error('killed')) }, stop.signal), /killed/)
  t.equal(count, 3)

  const told: (readonly [number, number | null])[] = []
  const rows = await baseAnswers('general', { served, bases }, ({ done, total }) => told.push([done, total]), never)
  t.equal(count, 24, 'what was answered before it was killed is not asked again')
  t.strictSame([told[0], told.at(-1)], [[4, 24], [24, 24]])
  t.equal(shortest, 96)
  const whole = await readFile(path, 'utf8')

  t.strictSame(rows.map(({ id, group }) => [id, group]), asked.map((_, i) => [`general-${i}`, 'base']))
  const { tokens: prompt, endOfTurn } = await base.render({ type: 'chat', messages: [{ role: 'user', content: asked[1]! }], tools: null, effort: 'none' })
  t.strictSame(rows[1]!.prompt, prompt)
  t.ok(rows.slice(1).every(({ completion }) => completion.length >= 1 && completion.length <= 3))
  const cut = rows.filter(({ completion }) => completion.length === 2)
  t.ok(cut.length > 10 && cut.every(({ completion }) => !endOfTurn.includes(completion.at(-1)!)), 'a cut answer does not end its turn')
  const [scores] = await base.score([rows[0]!], null, never)
  t.ok(scores!.every(logp => logp > -3) && Math.exp(scores!.reduce((sum, logp) => sum + logp, 0) / scores!.length) > 0.5, 'they are what the base itself finds likely')

  t.strictSame(await baseAnswers('general', { served, bases }, quiet, never), rows)
  t.equal(count, 24)

  const lines = whole.split('\n')
  for (const damaged of [lines.with(4, lines[4]!.replace(/\d(?=\],"sha256)/, digit => String((Number(digit) + 1) % 10))).join('\n'), whole.slice(0, -20), `${whole.slice(0, 200)}\u0000${whole.slice(201)}`]) {
    await writeFile(path, damaged)
    const before = count
    t.strictSame((await baseAnswers('general', { served, bases }, quiet, never)).slice(1), rows.slice(1))
    t.equal(count, before + 1, 'what is damaged is asked again, and no more')
    t.equal((await readFile(path, 'utf8')).split('\n').length, lines.length)
  }

  const mute = { ...served, digest: 'cd'.repeat(32), answer: async () => ({ text: '', tokens: 0, promptTokens: 1, firstToken: 1, ended: true }) }
  await t.rejects(baseAnswers('general', { served: mute, bases }, quiet, never), { code: 'training_bad_base', message: /answers nothing/ })
})
