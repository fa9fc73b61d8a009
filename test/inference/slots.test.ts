import t from 'tap'
import { Slots, type Taken } from '../../src/inference/llama/slots.ts'

/** Prompts of one token of their own, so that none begins like another. */
let prompts = 0
function taken (slots: Slots, owner: string): Taken {
  const found = slots.take(owner, Uint32Array.of(++prompts, 0))
  if (found === null) throw new Error('all slots are busy')
  return found
}

t.test('owners that come in any order get slots side by side', async t => {
  for (const order of ['AABBCCDD', 'ABCDABCD', 'ABCDDCBA', 'AAAABBCD', 'ABBBACCA']) {
    const slots = new Slots(8)
    const places = [...order].map(owner => [owner, taken(slots, owner).slot.index] as const)
    t.equal(new Set(places.map(([, index]) => index)).size, 8, order)
    if (order === 'ABBBACCA') continue
    for (const owner of new Set(order)) {
      const mine = places.filter(([of]) => of === owner).map(([, index]) => index).sort((a, b) => a - b)
      t.equal((mine.at(-1) ?? NaN) - (mine[0] ?? NaN), mine.length - 1, `${owner} of ${order} lies in ${mine}`)
    }
  }
})

t.test('when all slots were used, the one unused for longest is begun in', async t => {
  const slots = new Slots(3)
  const [a, b, c] = [taken(slots, 'A'), taken(slots, 'B'), taken(slots, 'C')]
  for (const { slot } of [c, a, b]) slots.release(slot)
  t.equal(taken(slots, 'D').slot, c.slot)
  t.equal(taken(slots, 'B').slot, a.slot)
})

t.test('a conversation goes on in its slot, and one begun alike in a slot of its own', async t => {
  const slots = new Slots(2)
  const first = slots.take('A', Uint32Array.of(1, 2, 3, 4))
  for (const token of [1, 2, 3, 4, 5, 6]) first?.slot.tokens.push(token)
  if (first !== null) slots.release(first.slot)
  const goesOn = slots.take('A', Uint32Array.of(1, 2, 3, 4, 5, 6, 7))
  t.equal(goesOn?.slot, first?.slot)
  t.equal(goesOn?.keep, 6)
  t.equal(goesOn?.copyFrom, null)
  const alike = slots.take('A', Uint32Array.of(1, 2, 9, 9))
  t.not(alike?.slot, first?.slot)
  t.equal(alike?.keep, 2)
  t.equal(alike?.copyFrom, first?.slot)
  t.equal(slots.take('A', Uint32Array.of(1)), null, 'all are busy')
})

t.test('what is held for an owner who is to be forgotten is not reused, by an answer under way neither', async t => {
  const slots = new Slots(3)
  const prompt = Uint32Array.of(1, 2, 3, 4)
  const fill = (owner: string): Taken => {
    const found = slots.take(owner, prompt)
    if (found === null) throw new Error('all slots are busy')
    for (const token of prompt) found.slot.tokens.push(token)
    return found
  }
  const [idle, busy, other] = [fill('A'), fill('A'), fill('B')]
  slots.release(idle.slot)
  slots.release(other.slot)
  slots.forget(owner => owner === 'A')
  t.equal(slots.holds('A', prompt), 0)
  t.equal(slots.holds('B', prompt), 3)
  t.strictSame([idle.slot.tokens, busy.slot.tokens.length > 0], [[], true])
  slots.release(busy.slot)
  t.strictSame(busy.slot.tokens, [])
  t.match(slots.take('A', prompt), { keep: 0, copyFrom: null })
})
