import { readFile } from 'node:fs/promises'
import { test } from 'tap'
import { checkHyper, readingOf } from '../../../src/training/prepare/hyper.ts'

const trainer = await readFile(new URL('../../../trainer/engraft_trainer/job.py', import.meta.url), 'utf8')

/** Number settings of the trainer: name, type, default, low, high. */
const settings = [...trainer.slice(trainer.indexOf('class Hyper:'), trainer.indexOf('class Limits:')).matchAll(/^ {4}(\w+): (int|float)(?: \| None)? = bounded\((\S+), (\S+), (.+?)\)/gm)]
  .map(([, name = '', type, initial, low = '', high = '']) => ({ name, whole: type === 'int', initial, low: numberOf(low), high: numberOf(high) }))

function numberOf (python: string): number {
  const [, base, power, minus] = /^(\d+)(?:\*\*|\s*<<\s*)(\d+)(?: - (\d+))?$/.exec(python) ?? []
  return base === undefined ? Number(python) : (python.includes('<<') ? Number(base) * 2 ** Number(power) : Number(base) ** Number(power)) - Number(minus ?? 0)
}

const fault = (hyper: Readonly<Record<string, unknown>>, method: Parameters<typeof checkHyper>[1] = 'sft'): { code?: string, param?: string, message: string } | null => {
  try {
    checkHyper(hyper, method)
    return null
  } catch (error) {
    return error as { message: string }
  }
}

test('what may be set has the bounds that the trainer has', async t => {
  t.equal(settings.length, 12)
  for (const { name, whole, low, high } of settings) {
    for (const fits of [low, high]) t.equal(fault({ [name]: fits }), null, `${name} ${fits}`)
    for (const wrong of [low - 1, high + 1, '4', null, NaN, ...whole ? [low + 0.5] : []]) {
      t.match(fault({ [name]: wrong }), { code: 'invalid_request', param: `hyper.${name}`, message: `hyper.${name} is not a ${whole ? 'whole ' : ''}number from` }, `${name} ${wrong}`)
    }
  }
})

test('the other settings are checked, and what is none is refused with a list of them', async t => {
  t.equal(fault({ targets: ['q_proj'], amp: 'fp32' }), null)
  for (const targets of ['q_proj', [], [1], ['']]) t.match(fault({ targets }), { param: 'hyper.targets' })
  t.match(fault({ amp: 'fp16' }), { param: 'hyper.amp', message: /auto, bf16, fp32/ })
  t.match(fault({ learning_rate: 1 }), { code: 'invalid_request', param: 'hyper.learning_rate', message: /rank, alpha, lr/ })
})

test('dpo keeps the shape of the adapter that it goes on from', async t => {
  for (const hyper of [{ rank: 8 }, { alpha: 8 }, { targets: ['q_proj'] }]) t.match(fault(hyper, 'dpo'), { code: 'invalid_request', message: /dpo/ })
  t.equal(fault({ beta: 0.2, lr: 1e-4 }, 'dpo'), null)
})

test('what is not set is read as the trainer reads it', async t => {
  const byMethod = new Map([...trainer.matchAll(/"(sft|kto|dpo)": \{"lr": \S+, "batch": (\d+), "kl": ([\d.]+)\}/g)].map(([, method, batch, kl]) => [method, [Number(batch), Number(kl)]]))
  for (const method of ['sft', 'kto', 'dpo'] as const) {
    const { batch, kl } = readingOf({}, method, 82)
    t.strictSame([batch, kl], byMethod.get(method), method)
  }
  const initial = (wanted: string) => Number(settings.find(({ name }) => name === wanted)?.initial)
  t.match(readingOf({}, 'sft', 82), { maxLength: initial('max_len'), replayBatch: initial('replay_batch') })
  t.strictSame([40, 79, 80, 159, 1000].map(rows => readingOf({}, 'sft', rows).epochs), [4, 3, 2, 2, 2])
  t.strictSame((['kto', 'dpo'] as const).map(method => readingOf({}, method, 40).epochs), [2, 1])
  t.strictSame(readingOf({ epochs: 7, batch: 2, kl: 0, replay_batch: 3, max_len: 64 }, 'sft', 82), { epochs: 7, batch: 2, kl: 0, replayBatch: 3, maxLength: 64 })
})
