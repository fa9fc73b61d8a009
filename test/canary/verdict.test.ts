import { test } from 'tap'
import type { Both, Look, Tried } from '../../src/canary/canaries.ts'
import { fails } from '../../src/canary/guard.ts'
import { compare, type Person } from '../../src/canary/interval.ts'
import { planOf } from '../../src/canary/plan.ts'
import { judge, type Judgement } from '../../src/canary/verdict.ts'
import { randomOf } from '../../src/random.ts'

type Random = () => number

/** Standard normal: Box and Muller. */
function normal (random: Random): number { return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random()) }

/** A person's own rate, around the arm's, so that two of their judgements correlate by about 0.2. */
function rateOf (rate: number, random: Random): number {
  const spread = Math.sqrt(0.2 * rate * (1 - rate))
  return Math.min(1, Math.max(0, rate + spread * normal(random)))
}

interface World { readonly percent: number, readonly smallest: number, readonly rate: number, readonly candidate: number, readonly people: number }

/** One canary from beginning to end: people come back in no order, each with rates of their own. */
function canary ({ percent, smallest, rate, candidate, people }: World, seed: number): { readonly next: Judgement['next'], readonly tenths: number } {
  const random = randomOf(seed)
  const all = Array.from({ length: people }, () => {
    const drawn = random() * 100 < percent
    return { drawn, rate: rateOf(drawn ? candidate : rate, random), sum: 0, answers: 0 }
  })
  const plan = planOf(percent, smallest, Array.from({ length: 40 }, () => ({ sum: 4 * rate, answers: 4 })))
  const looks: Look[] = []
  const arm = (drawn: boolean): Person[] => all.filter(person => person.drawn === drawn && person.answers > 0)
  for (let answer = 1; answer < 100_000; answer++) {
    const person = all[Math.floor(random() * people)]!
    person.answers++
    if (random() < person.rate) person.sum++
    // As often as the timer of a lively server.
    if (answer % 25 !== 0) continue
    const { look, next } = judge({ plan, extensions: 0, looks }, { candidate: arm(true), live: arm(false) }, 0)
    if (look !== null) looks.push(look)
    if (next !== 'go on') return { next, tenths: looks.at(-1)!.tenths }
  }
  throw new Error('it never came to an end')
}

function many (world: World, runs: number): { readonly promoted: number, readonly ended: number, readonly person: number, readonly tenths: readonly number[] } {
  const found = Array.from({ length: runs }, (_, i) => canary(world, i + 1))
  const share = (next: Judgement['next']): number => found.filter(one => one.next === next).length / runs
  return { promoted: share('promote'), ended: share('end'), person: share('person'), tenths: found.map(({ tenths }) => tenths) }
}

const world: World = { percent: 20, smallest: 0.15, rate: 0.7, candidate: 0.7, people: 300 }

test('without a difference hardly anything is promoted or ended', t => {
  const found = many(world, 400)
  t.comment(JSON.stringify({ ...found, tenths: undefined }))
  t.ok(found.promoted <= 0.045, `${found.promoted} promoted, where 0.025 are by chance`)
  t.ok(found.ended <= 0.08, `${found.ended} ended`)
  t.end()
})

test('the smallest difference worth seeing is seen in most canaries', t => {
  const better = many({ ...world, candidate: 0.85 }, 200)
  const worse = many({ ...world, candidate: 0.55 }, 200)
  t.comment(JSON.stringify([better, worse].map(found => ({ ...found, tenths: undefined }))))
  t.ok(better.promoted >= 0.75, `${better.promoted} promoted`)
  t.ok(worse.ended >= 0.75, `${worse.ended} ended`)
  t.equal(worse.promoted, 0)
  t.end()
})

test('a far worse candidate is ended within half of its horizon', t => {
  const found = many({ ...world, rate: 0.8, candidate: 0.3 }, 200)
  t.comment(JSON.stringify({ ended: found.ended, longest: Math.max(...found.tenths), mean: found.tenths.reduce((sum, one) => sum + one, 0) / 200 }))
  t.equal(found.ended, 1)
  t.ok(found.tenths.filter(tenths => tenths <= 5).length >= 0.95 * 200)
  t.end()
})

test('few people who judge much decide nothing by rule', t => {
  const found = many({ ...world, people: 20, candidate: 0.95 }, 100)
  t.comment(JSON.stringify({ ...found, tenths: undefined }))
  t.equal(found.promoted, 0, 'four people are too few, however often they say so')
  t.end()
})

test('the horizon is what the formula gives, and grows with one person\'s many answers', t => {
  // By hand: 20 %, 0.8 against 0.7, n = (1.96 √(5 · 0.72 · 0.28) + 0.8416 √(4 · 0.8 · 0.2 + 0.7 · 0.3))² / (4 · 0.01) and the same for 0.6.
  const alone = planOf(20, 0.1, Array.from({ length: 40 }, () => ({ sum: 0.7, answers: 1 })))
  t.match(alone, { judged: 40, design: 1 })
  t.ok(Math.abs(alone.needed.candidate - Math.max(byHand(0.8), byHand(0.6))) <= 1, String(alone.needed.candidate))
  t.equal(alone.needed.live, 4 * alone.needed.candidate)
  t.equal(planOf(20, 0.1, []).rate, 0.5, 'of nothing the worst is assumed')
  const alike = planOf(20, 0.1, Array.from({ length: 10 }, () => ({ sum: 2.8, answers: 4 })))
  t.equal(alike.design, 1 + 3 * 0.2)
  t.ok(Math.abs(alike.needed.candidate - 1.6 * alone.needed.candidate) <= 2)
  t.ok(planOf(20, 0.3, Array.from({ length: 40 }, () => ({ sum: 0.9, answers: 1 }))).needed.candidate > 0, 'a rate that cannot rise so far may still fall')
  t.end()

  function byHand (other: number): number {
    const pooled = (other + 4 * 0.7) / 5
    return (1.96 * Math.sqrt(5 * pooled * (1 - pooled)) + 0.8416 * Math.sqrt(4 * other * (1 - other) + 0.7 * 0.3)) ** 2 / 0.04
  }
})

test('the interval is Newcombe\'s where each answer is another person\'s, and wider where it is not', t => {
  const people = ([good, of]: readonly [number, number]): Person[] => Array.from({ length: of }, (_, i) => ({ sum: i < good ? 1 : 0, answers: 1 }))
  // Newcombe (1998), table II, method 10: 56/70 against 48/80 gives 0.0524 to 0.3339; 9/10 against 3/10 gives 0.1705 to 0.8090; 10/10 against 0/20 gives 0.6791 to 1.
  for (const [a, b, low, high] of [[[56, 70], [48, 80], 0.0524, 0.3339], [[9, 10], [3, 10], 0.1705, 0.8090], [[10, 10], [0, 20], 0.6791, 1]] as const) {
    const { difference } = compare(people(a), people(b), 1.96)
    // A few people's variance has one degree of freedom less, which makes it a little wider.
    t.ok(Math.abs(difference!.low - low) < 0.025 && Math.abs(difference!.high - high) < 0.025, JSON.stringify(difference))
  }
  const clustered = compare([{ sum: 28, answers: 35 }, { sum: 28, answers: 35 }], people([48, 80]), 1.96)
  t.ok(clustered.difference!.low < 0, 'two people who agree are not seventy')
  t.match(compare([], people([1, 2]), 1.96), { candidate: { answers: 0, rate: null }, difference: null })
  t.end()
})

/** What a guard that is asked after each answer comes to. Each person asks as much as `activity` says. */
function guarded (percent: number, failing: Both<number>, answers: number, activity: (random: Random) => number, seed: number): number | null {
  const random = randomOf(seed)
  const people = Array.from({ length: 100 }, () => ({ drawn: random() * 100 < percent, weight: activity(random) }))
  const total = people.reduce((sum, { weight }) => sum + weight, 0)
  const share = people.filter(({ drawn }) => drawn).reduce((sum, { weight }) => sum + weight, 0) / total
  const tried = { candidate: { answers: 0, failed: 0 }, live: { answers: 0, failed: 0 } } satisfies Both<Tried>
  for (let answer = 1; answer <= answers; answer++) {
    const arm = random() < share ? 'candidate' : 'live'
    const failed = random() < failing[arm]
    tried[arm][failed ? 'failed' : 'answers']++
    if (failed && fails(tried, percent)) return answer
  }
  return null
}

test('the guard against failures hardly ever ends a sound candidate', t => {
  const alike = (): number => 1
  // As people are: a few ask most.
  const uneven = (random: Random): number => Math.exp(1.5 * normal(random))
  for (const [label, percent, activity] of [['20 %, alike', 20, alike], ['20 %, uneven', 20, uneven], ['50 %, uneven', 50, uneven], ['5 %, uneven', 5, uneven]] as const) {
    const alarms = Array.from({ length: 2000 }, (_, i) => guarded(percent, { candidate: 0.03, live: 0.03 }, 600, activity, i + 1)).filter(answer => answer !== null).length
    t.comment(`${label}: ${alarms} of 2000`)
    t.ok(alarms <= 6, `${alarms} of 2000, where 2 are by chance`)
  }
  t.end()
})

test('the guard ends at once what always fails, and soon what often does', t => {
  for (const [percent, most] of [[5, 5], [20, 8], [50, 14]] as const) {
    const failures = Array.from({ length: 20 }, (_, n) => n + 1).find(failed => fails({ candidate: { answers: 0, failed }, live: { answers: Math.round(failed * (100 - percent) / percent), failed: 0 } }, percent))
    t.comment(`${percent} %: after ${failures}`)
    t.ok((failures ?? Infinity) <= most, `${failures} failures at ${percent} %`)
  }
  t.ok(fails({ candidate: { answers: 0, failed: 10 }, live: { answers: 0, failed: 0 } }, 20), 'also where nobody else asks')
  t.notOk(fails({ candidate: { answers: 0, failed: 8 }, live: { answers: 10, failed: 22 } }, 20), 'not where everything fails')
  const often = Array.from({ length: 100 }, (_, i) => guarded(20, { candidate: 0.2, live: 0.01 }, 1000, () => 1, i + 1))
  t.ok(often.every(answer => answer !== null), String(Math.max(...often.map(answer => answer ?? Infinity))))
  t.end()
})
