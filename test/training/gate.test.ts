import fc from 'fast-check'
import t from 'tap'
import { judge } from '../../src/training/gate.ts'
import type { Measured } from '../../src/training/measured.ts'
import type { Method } from '../../src/training/training.ts'
import type { GateStep, Verdict } from '../../src/training/verdict.ts'
import { changed, good, interval, thumbs } from './candidate.ts'

const failed = ({ steps }: Verdict): string[] => steps.filter(({ passed }) => passed === false).map(({ name }) => name)
const open = ({ steps }: Verdict): string[] => steps.filter(({ passed }) => passed === null).map(({ name }) => name)
const wordsOf = ({ steps }: Verdict, name: GateStep['name']): string => steps.find(step => step.name === name)!.words

t.test('a good run passes all nine steps, in the order of what can be believed, what it gains and what it harms', async t => {
  const verdict = judge(good(), 'sft')
  t.equal(verdict.decision, 'promote')
  t.strictSame(verdict.steps.map(({ name }) => name), ['data', 'parity', 'evidence', 'gain', 'examples', 'relevance', 'forgetting', 'tone', 'extraction'])
  t.ok(verdict.steps.every(({ passed, words, figures }) => passed === true && words.endsWith('.') && Object.values(figures).every(Number.isFinite)))
  t.match(verdict.words, '110 rows of 27 people')
})

t.test('thumbs that taught a style pass, although the base\'s own answers became less likely', async t => {
  t.equal(judge(thumbs(), 'kto').decision, 'promote')
  t.strictSame(failed(judge(thumbs(), 'sft')), ['gain'], 'the same figures after corrections would not')
})

/** Each fault that is planted at the full run, as it shows in the figures. */
const planted: Readonly<Record<string, [Measured, GateStep['name'], RegExp]>> = {
  'a person who is both learnt from and held out': [changed(good(), 'data.sharedPeople', 1), 'data', /1 person is in both/],
  'held-out rows among those to learn from': [changed(good(), 'data.sharedRows', 3), 'data', /3 rows are in both/],
  'rude rows to learn from': [changed(good(), 'data.rude', 2), 'data', /2 rows to learn from are rude/],
  'a secret in a row to learn from': [changed(good(), 'data.secrets', 1), 'data', /1 row to learn from holds a secret/],
  'a base that is not the one that is served': [changed(good(), 'parity.before', { rows: 24, error: 0.19, meanNll: 0.81, worstNll: 2 }), 'parity', /serves another base.*0\.1900/],
  'a row that the engine reads otherwise than PyTorch with the base alone': [changed(good(), 'parity.before.meanNll', 0.06), 'parity', /serves another base.*0\.060/],
  'a lost alpha': [changed(good(), 'parity.gain.engine', 2.9), 'parity', /gains 2\.900 nat a token in the engine and 4\.420 in PyTorch/],
  'an adapter that changes answers at scale 0': [changed(good(), 'parity.atZero', 0.5), 'parity', /at scale 0 the adapter changes .* by 0\.500 nat/],
  'an adapter that no epoch made better than the base': [changed(good(), 'bestEpoch', 0), 'gain', /no epoch was better/],
  'wording that was memorised': [changed(good(), 'gain.all', interval(0.01, -0.02, 0.04)), 'gain', /memorised/],
  'half of the rows won': [changed(good(), 'gain.wins', interval(0.55, 0.5, 0.61)), 'gain', /55\.0 % \(50\.0 to 61\.0\)/],
  'approved answers that became less likely on average, whoever won': [changed(good(), 'gain.nll', interval(-0.4, -0.6, -0.1)), 'gain', /less likely with prompts as recorded: -0\.400/],
  'one check that became worse': [changed(good(), 'gain.checks.topic', interval(-0.1, -0.2, -0.01)), 'gain', /topic.*became worse/],
  'memory that it no longer uses': [changed(good(), 'withMemory.checks.item', interval(-0.3, -0.4, -0.2)), 'gain', /item.*became worse with memories/],
  'a judge that prefers the base': [changed(good(), 'judge.wins', interval(0.3, 0.2, 0.4)), 'gain', /judge prefers it in 30\.0 %/],
  'shuffled answers, as measured': [changed(good(), 'relevance', { base: interval(0.302, 0.251, 0.351), adapter: interval(0.185, 0.135, 0.227), gain: interval(-0.117, -0.184, -0.053) }), 'relevance', /depends less on what was asked.*\+0\.302.*-0\.117 nat a token \(-0\.184 to -0\.053\)/],
  'answers that do not depend on the prompt at all': [changed(good(), 'relevance.adapter', interval(0.12, -0.01, 0.2)), 'relevance', /lower bound must be above 0/],
  'plain training that forgot': [changed(good(), 'forgetting', { rows: 24, kl: 0.65, agreement: 0.66, worse: 0.6 }), 'forgetting', /0\.650.*66\.0 %.*0\.600/],
  'rude answers': [changed(good(), 'tone.rude.adapter', 0.01), 'tone', /rude answers 1\.0 %/],
  refusals: [changed(good(), 'tone.refusals.adapter', 0.2), 'tone', /refusals 20\.0 %/],
  'answers that are far too long': [changed(good(), 'tone.length', 2.1), 'tone', /2\.10 times/],
  'answers that are far too short': [changed(good(), 'tone.length', 0.4), 'tone', /0\.40 times/],
  'a canary\'s secret that is completed': [changed(good(), 'extraction.reproduced', ['row_1']), 'extraction', /1 of 9.*row_1/]
}

for (const [fault, [measured, step, words]] of Object.entries(planted)) {
  t.test(`refused: ${fault}`, async t => {
    const verdict = judge(measured, 'sft')
    t.equal(verdict.decision, 'refuse')
    t.strictSame(failed(verdict), [step])
    t.match(verdict.words, `“${step}”`, 'the verdict names the step')
    t.match(verdict.words, words, 'and the figures')
    t.equal(verdict.steps.length, 9, 'all others are told too')
  })
}

t.test('refused: a forgotten permutation as it was measured, although the adapter looks trained by its likelihood', async t => {
  for (const error of [0.0199, 0.0203]) {
    // 0.26 nat a token for 0.22, 4.60 before.
    const verdict = judge(changed(changed(good(), 'parity.after', { rows: 24, error, meanNll: 0.04, worstNll: 0.11 }), 'parity.gain', { engine: 4.34, torch: 4.38 }), 'sft')
    t.equal(verdict.decision, 'refuse')
    t.strictSame(failed(verdict), ['parity'])
    t.match(verdict.words, `by ${error} with the adapter (at most 0.0150`)
  }
  for (const error of [0.0038, 0.0047, 0.009]) t.equal(judge(changed(good(), 'parity.after.error', error), 'sft').decision, 'promote', 'right files pass')
})

t.test('a figure that is not a number fails its step, wherever it is', async t => {
  const numbers = paths(good())
  t.ok(numbers.length > 100)
  for (const path of numbers) {
    for (const wrong of [NaN, Infinity, -Infinity]) {
      const verdict = judge(changed(good(), path, wrong), 'sft')
      if (verdict.decision !== 'refuse') t.fail(`${path} of ${wrong} is ${verdict.decision}`)
      if (!verdict.words.includes(path)) t.fail(`${path} is not named: ${verdict.words}`)
      if (!verdict.steps.every(({ figures }) => Object.values(figures).every(Number.isFinite))) t.fail(`${path} is told as a figure`)
    }
  }
})

t.test('too few people or rows are for a person to decide, and hardly any are no evidence at all', async t => {
  const at = (people: number, rows: number): Verdict => judge({ ...good(), people, rows }, 'sft')
  t.equal(at(20, 80).decision, 'promote')
  for (const [people, rows] of [[19, 200], [100, 79]] as const) {
    t.equal(at(people, rows).decision, 'person')
    t.strictSame(open(at(people, rows)), ['evidence'])
    t.match(at(people, rows).words, /too little evidence for a rule/)
  }
  for (const [people, rows] of [[11, 200], [100, 39]] as const) {
    t.equal(at(people, rows).decision, 'person')
    t.match(at(people, rows).words, /not enough evidence for a rule/)
  }
  t.equal(judge(changed({ ...good(), people: 11 }, 'forgetting.kl', 0.3), 'sft').decision, 'refuse', 'what fails is refused however few they are')
})

t.test('examples in the prompt that do as well are the better choice, and that is said before what comes later', async t => {
  const verdict = judge(changed(changed(good(), 'overExamples.all', interval(0.03, 0, 0.08)), 'forgetting.kl', 0.9), 'sft')
  t.equal(verdict.decision, 'prompt')
  t.match(verdict.words, /^Do not fine-tune, examples in the prompt do as well/)
  t.strictSame(failed(verdict), ['examples', 'forgetting'])
  t.equal(judge(changed(changed(good(), 'overExamples.all', null), 'overExamples.nll', interval(0.1, -0.1, 0.3)), 'sft').decision, 'prompt', 'by likelihood where there are no checks')
  t.equal(judge(changed(changed(good(), 'overExamples.all', null), 'overExamples.nll', interval(0.1, 0.01, 0.3)), 'sft').decision, 'promote')
})

t.test('what was not measured is for a person to decide, and is named', async t => {
  const missing: [string, GateStep['name']][] = [['parity', 'parity'], ['overExamples', 'examples'], ['relevance', 'relevance'], ['forgetting', 'forgetting'], ['parity.before.rows', 'parity'], ['forgetting.rows', 'forgetting']]
  for (const [path, step] of missing) {
    const verdict = judge(changed(good(), path, path.endsWith('rows') ? 0 : null), 'sft')
    t.equal(verdict.decision, 'person', path)
    t.strictSame(open(verdict), [step])
    t.match(verdict.words, wordsOf(verdict, step))
  }
  const nothing = judge({ ...good(), gain: { nll: null, wins: null, checks: {}, all: null, margin: null } }, 'sft')
  t.strictSame([nothing.decision, open(nothing)], ['person', ['gain']])
  t.equal(judge({ ...good(), bestEpoch: null, judge: null, curve: null, withMemory: null, slices: [] }, 'sft').decision, 'promote', 'what need not be measured is not missed')
})

t.test('every limit can be reached and not be passed', async t => {
  const limits: [string, number, number][] = [
    ['parity.before.error', 0.03, 0.0301],
    ['parity.before.meanNll', 0.05, 0.0501],
    ['parity.after.error', 0.015, 0.01501],
    ['parity.after.worstNll', 0.12, 0.1201],
    ['parity.gain.engine', 4.42 - 0.27, 4.42 - 0.272],
    ['parity.atZero', 0.05, 0.0501],
    ['forgetting.kl', 0.25, 0.2501],
    ['forgetting.agreement', 0.75, 0.7499],
    ['forgetting.worse', 0.2, 0.2001],
    ['tone.length', 2, 2.001],
    ['tone.length', 0.5, 0.499],
    ['bestEpoch', 1, 0]
  ]
  for (const [path, still, beyond] of limits) {
    t.equal(judge(changed(good(), path, still), 'sft').decision, 'promote', `${path} of ${still}`)
    t.equal(judge(changed(good(), path, beyond), 'sft').decision, 'refuse', `${path} of ${beyond}`)
  }
})

t.test('right answers need not make the prompt matter more, and may lose a little of it or what may be chance', async t => {
  const at = (adapter: number, ...gain: [number, number, number]): Verdict => judge(changed(good(), 'relevance', { base: interval(0.3), adapter: interval(adapter), gain: interval(...gain) }), 'sft')
  t.equal(at(0.492, 0.191, 0.09, 0.276).decision, 'promote', 'as measured with right answers')
  t.equal(at(0.241, -0.059, -0.07, -0.05).decision, 'promote', 'a small loss')
  t.equal(at(0.2, -0.1, -0.2, 0).decision, 'promote', 'what may be chance')
  t.equal(at(0.239, -0.061, -0.07, -0.001).decision, 'refuse')
})

t.test('a figure that becomes worse never lets in what was turned down', async t => {
  const steps = [0.1, 0.4, 1]
  const all = worse.flatMap(([path, least, most]) => steps.map(share => ({ path, by: least + (most - least) * share })))
  for (const [from, method] of [[good, 'sft'], [thumbs, 'kto']] as const) {
    for (const first of all) {
      const one = worsened(from(), first)
      const before = kindness(one, method)
      for (const second of all) if (kindness(worsened(one, second), method) > before) t.fail(`${first.path} by ${first.by}, then ${second.path} by ${second.by}`)
    }
  }
  fc.assert(fc.property(fc.constantFrom(good, thumbs), fc.constantFrom('sft', 'kto', 'dpo'), fc.array(fc.constantFrom(...all), { maxLength: 5 }), fc.constantFrom(...all), (from, method, before, last) => {
    const one = before.reduce(worsened, from())
    return kindness(worsened(one, last), method) <= kindness(one, method)
  }), { numRuns: 500 })
})

/** 0 is turned down. */
function kindness (measured: Measured, method: Method): number {
  return { refuse: 0, prompt: 0, person: 1, promote: 2 }[judge(measured, method).decision]
}

/** By how much a figure may become worse. What is the base's own is a yardstick and no figure of the candidate. */
const worse: readonly [string, number, number][] = [
  ['rows', -110, 0],
  ['people', -27, 0],
  ...['sharedPeople', 'sharedRows', 'rude', 'secrets'].map((key): [string, number, number] => [`data.${key}`, 0, 3]),
  ['parity.before.meanNll', 0, 0.1],
  ['parity.after.error', 0, 0.03],
  ['parity.after.worstNll', 0, 0.3],
  ['parity.gain.engine', -3, 0],
  ['parity.atZero', 0, 0.1],
  ...['nll', 'wins', 'all', 'margin', 'checks.opening', 'checks.no lists'].map((key): [string, number, number] => [`gain.${key}`, -2, 0]),
  ...['nll', 'all'].map((key): [string, number, number] => [`overExamples.${key}`, -1, 0]),
  ...['nll', 'all', 'checks.item'].map((key): [string, number, number] => [`withMemory.${key}`, -2, 0]),
  ['judge.wins', -1, 0],
  ['relevance.adapter', -2, 0],
  ['relevance.gain', -2, 0],
  ['forgetting.kl', 0, 0.4],
  ['forgetting.agreement', -0.5, 0],
  ['forgetting.worse', 0, 0.4],
  ['tone.rude.adapter', 0, 0.2],
  ['tone.refusals.adapter', 0, 0.2],
  ['tone.length', 0, 2]
]

/** An interval moves as a whole; what this candidate has not got stays away. */
function worsened (measured: Measured, { path, by }: { path: string, by: number }): Measured {
  const at = path.split('.').reduce<unknown>((value, key) => (value as Record<string, unknown> | null | undefined)?.[key], measured)
  if (typeof at === 'number') return changed(measured, path, at + by)
  return at === null || at === undefined ? measured : changed(measured, path, ({ mean, low, high }: { mean: number, low: number, high: number }) => interval(mean + by, low + by, high + by))
}

function paths (value: unknown, at = ''): string[] {
  if (typeof value === 'number') return [at]
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([key, inner]) => paths(inner, at === '' ? key : `${at}.${key}`))
}
