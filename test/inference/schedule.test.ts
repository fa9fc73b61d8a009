import { test } from 'tap'
import { Schedule, type Waiting } from '../../src/inference/llama/schedule.ts'
import { Slots, type Slot } from '../../src/inference/llama/slots.ts'
import { shares, ThreadBudget } from '../../src/inference/threads.ts'

const answer = (name: string, pending: number, group = 'base', paused = false): Waiting & { name: string } => ({ name, pending, group, paused })
const names = (plan: readonly { answer: { name: string }, count: number }[]): string[] => plan.map(({ answer, count }) => `${answer.name}:${count}`)

test('answers that decode go first, and a prompt beside them gets a bounded share', async t => {
  const schedule = new Schedule(128)
  const learn = (msPerToken: number): void => { for (let i = 0; i < 60; i++) schedule.learn(100, 100 * msPerToken) }
  learn(10)
  t.strictSame(names(schedule.next([answer('prompt', 500), answer('a', 1), answer('b', 1)])), ['a:1', 'b:1', 'prompt:65'], 'a tile of 64 and one')
  t.strictSame(names(schedule.next([answer('prompt', 500)])), ['prompt:128'], 'alone it fills the batch')
  t.strictSame(names(schedule.next([answer('prompt', 500), answer('other', 1, 'other')])), ['prompt:65'], 'not when another group waits')
  learn(1.99)
  t.strictSame(names(schedule.next([answer('prompt', 500), answer('a', 1)])), ['a:1', 'prompt:100'], '2 ms a token: 100 in 200 ms')
  learn(16)
  t.strictSame(names(schedule.next([answer('prompt', 500), answer('a', 1)])), ['a:1', 'prompt:16'], 'a tile would take more than a second')
})

test('of several prompts the shortest is first in every second batch, else the oldest', async t => {
  const schedule = new Schedule(100)
  const shop = [answer('book', 900), answer('page', 300), answer('question', 30)]
  t.strictSame(names(schedule.next(shop)), ['question:30', 'page:70'])
  t.strictSame(names(schedule.next(shop)), ['book:100'])
  t.strictSame(names(schedule.next(shop.slice(0, 2))), ['page:100'])
  t.strictSame(names(schedule.next(shop.slice(0, 2))), ['book:100'])
  t.strictSame(names(schedule.next([answer('x', 20), answer('y', 30)])), ['x:20', 'y:30'])
})

test('an answer whose reader does not keep up is left out', async t => {
  const schedule = new Schedule(64)
  t.strictSame(names(schedule.next([answer('slow', 1, 'base', true), answer('quick', 1)])), ['quick:1'])
  t.strictSame(schedule.next([answer('slow', 1, 'base', true)]), [])
})

test('groups take turns of about fifty milliseconds, the one that has waited longest first', async t => {
  const schedule = new Schedule(64)
  const all = [answer('a', 1, 'A'), answer('b', 1, 'B'), answer('c', 1, 'C')]
  const run = (batches: number, waiting: typeof all): string => Array.from({ length: batches }, () => {
    const [first] = schedule.next(waiting)
    schedule.learn(1, 12)
    return first?.answer.group
  }).join('')
  t.equal(run(24, all), 'AAAABBBBCCCC'.repeat(2))
  t.equal(run(8, all.slice(0, 2)), 'AAAABBBB')
  t.equal(run(8, [...all.slice(0, 2), answer('d', 1, 'D')]), 'DDDDAAAA', 'a newcomer is served before those who have just been')
  t.equal(run(6, all.slice(1, 2)), 'BBBBBB', 'one alone keeps its turn')
})

/** Takes a slot, fills it with the prompt, and gives it back unless it is to stay busy. */
function fill (slots: Slots, owner: string, prompt: number[], busy = false): Slot {
  const taken = slots.take(owner, 'base', Uint32Array.from(prompt))
  if (taken === null) throw new Error('no slot')
  taken.slot.tokens.push(...prompt.slice(taken.slot.tokens.length))
  if (!busy) slots.release(taken.slot)
  return taken.slot
}

test('a conversation goes on in its own slot, and never in a stranger\'s', async t => {
  const slots = new Slots(2)
  const first = fill(slots, 'ada', [1, 2, 3, 4])
  const stranger = slots.take('bob', 'base', Uint32Array.of(1, 2, 3, 4))
  t.match(stranger, { keep: 0, copyFrom: null })
  t.not(stranger?.slot, first, 'the least recently used one')
  t.match(slots.take('ada', 'base', Uint32Array.of(1, 2, 3, 4)), { slot: first, keep: 3, copyFrom: null }, 'one token is left to evaluate')
  t.equal(slots.take('eve', 'base', Uint32Array.of(1)), null, 'none is free')
})

test('a shared beginning is copied, so that the other conversation stays whole', async t => {
  const slots = new Slots(3)
  const system = [1, 2, 3]
  const first = fill(slots, 'clinic', [...system, 10, 11, 12, 13, 14])
  const second = slots.take('clinic', 'base', Uint32Array.from([...system, 20]))
  t.match(second, { keep: 3, copyFrom: first })
  t.not(second?.slot, first)
  t.strictSame(second?.slot.tokens, [], 'empty until then')
  t.strictSame(first.tokens, [...system, 10, 11, 12, 13, 14])
})

test('a busy slot can be copied from, as when an answer is asked for again', async t => {
  const slots = new Slots(2)
  const busy = fill(slots, 'ada', [1, 2, 3, 4], true)
  t.match(slots.take('ada', 'base', Uint32Array.of(1, 2, 3, 4)), { keep: 3, copyFrom: busy })
})

test('when the only free slot holds the shared beginning it is cut back, not copied', async t => {
  const slots = new Slots(1)
  const only = fill(slots, 'ada', [1, 2, 3, 4, 5, 6, 7, 8])
  t.match(slots.take('ada', 'base', Uint32Array.of(1, 2, 9)), { slot: only, keep: 2, copyFrom: null })
  t.strictSame(only.tokens, [1, 2])
})

test('the thread budget is never exceeded, and everyone at work gets a turn', async t => {
  for (let working = 1; working < 12; working++) {
    for (let total = 1; total < 9; total++) {
      const turns = Array.from({ length: working }, (_, turn) => shares(working, total, turn))
      for (const turn of turns) t.equal(turn.reduce((sum, count) => sum + count, 0), Math.max(total, Math.min(total, working)))
      for (let i = 0; i < working; i++) t.ok(turns.some(turn => (turn[i] ?? 0) > 0))
    }
  }
})

test('an engine that rests gives its threads to the others at once', async t => {
  const budget = new ThreadBudget(4)
  const granted: Record<string, number> = {}
  const a = budget.join(count => { granted.a = count })
  const b = budget.join(count => { granted.b = count })
  a.work()
  t.equal(granted.a, 4)
  b.work()
  t.strictSame(granted, { a: 2, b: 2 })
  a.rest()
  t.equal(granted.b, 4)
})
