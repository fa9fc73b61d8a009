import t, { type Test } from 'tap'
import { Slots, type Slot, type Taken } from '../../src/inference/llama/slots.ts'

/** Prompts of tokens of their own, so that none begins like another. */
let prompts = 0
function taken (slots: Slots, owner: string, group = owner): Taken {
  const found = slots.take(owner, group, Uint32Array.of(++prompts, 0))
  if (found === null) throw new Error('all slots are busy')
  return found
}

/** As many slots as there are letters, each busy for the group of its letter and with tokens; those of small letters idle again, and '.' was never used. */
function laid (layout: string): { slots: Slots, all: Slot[] } {
  const slots = new Slots(layout.length)
  const all = [...layout].map(group => taken(slots, group).slot)
  for (const [i, slot] of all.entries()) {
    if (layout[i] === '.') slot.group = null
    else slot.tokens.push(i)
    if (!/[A-Z]/.test(layout[i] ?? '')) slots.release(slot)
  }
  return { slots, all }
}

/** Makes all exchanges on sequences that hold their slot's own token, and checks what each holds afterwards. Gives the new layout and how much was moved. */
function gathered (t: Test, layout: string): { layout: string, moves: number } {
  const { slots, all } = laid(layout)
  const sequences = all.map(({ tokens }) => tokens[0])
  let moves = 0
  for (let exchange = slots.apart(); exchange !== null; exchange = slots.apart()) {
    for (const { from, to } of exchange.moves) {
      sequences[to] = sequences[from]
      sequences[from] = undefined
      moves++
    }
    slots.exchanged(exchange)
    if (moves > 3 * layout.length) throw new Error('it does not come to an end')
  }
  const now: string[] = []
  for (const [i, { index, tokens }] of all.entries()) {
    t.equal(sequences[index], tokens[0], 'every slot finds its tokens')
    now[index] = layout[i] ?? ''
  }
  return { layout: now.join(''), moves }
}

t.test('what is computed together is brought side by side', async t => {
  for (const [layout, longest, most] of [
    ['A.A.A.A.', 4, 2], ['A......A', 2, 1], ['AaAaAaA.', 4, 6], ['AA..AA..', 4, 2], ['AAAaA.AA', 6, 4], ['ABABAB.', 3, 9]
  ] as const) {
    const after = gathered(t, layout)
    t.equal(after.layout.length, layout.length)
    t.match(after.layout, 'A'.repeat(longest), `${layout} became ${after.layout}`)
    t.ok(after.moves <= most, `${layout}: ${after.moves} moves`)
  }
  t.match(gathered(t, 'ABABAB.').layout, 'BBB', 'of both groups')
})

t.test('what lies side by side stays where it is', async t => {
  for (const layout of ['AAAA....', '..AA.BB.', 'AABBCCD.', 'a.B.c.dd']) t.strictSame(gathered(t, layout), { layout, moves: 0 })
})

t.test('without an empty slot nothing is moved, since a conversation would be lost', async t => {
  t.strictSame(gathered(t, 'AaAaAaAa'), { layout: 'AaAaAaAa', moves: 0 })
})

t.test('a slot that changes places with a forgotten one finds nothing of it', t => {
  const { slots, all } = laid('AbA')
  const [, forgotten, empty] = all
  slots.forget(owner => owner === 'b')
  if (empty !== undefined) empty.tokens.length = 0
  const sequences = ['of A', 'forgotten', undefined]
  const exchange = slots.apart()
  for (const { from, to } of exchange?.moves ?? []) [sequences[to], sequences[from]] = [sequences[from], undefined]
  if (exchange !== null) slots.exchanged(exchange)
  t.match(exchange, { one: empty, other: forgotten })
  t.strictSame(sequences, ['of A', undefined, undefined])
  t.end()
})

t.test('whoever begins anew finds a place beside its group, whatever the slots hold', async t => {
  const { slots, all } = laid('aAbcdAef')
  const newcomer = taken(slots, 'A').slot
  t.equal(newcomer, all[0], 'the one unused for longest')
  for (let exchange = slots.apart(); exchange !== null; exchange = slots.apart()) slots.exchanged(exchange)
  const places = [newcomer, all[1], all[5]].map(slot => slot?.index ?? NaN).sort((a, b) => a - b)
  t.strictSame(places.map(place => place - (places[0] ?? NaN)), [0, 1, 2])
})

t.test('whoever begins anew while all are idle finds a place beside one of its group', t => {
  const { slots, all } = laid('eabcd')
  const newcomer = taken(slots, 'c').slot
  for (let exchange = slots.apart(); exchange !== null; exchange = slots.apart()) slots.exchanged(exchange)
  t.equal(Math.abs(newcomer.index - (all[3]?.index ?? NaN)), 1)
  t.end()
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
  const first = slots.take('A', 'base', Uint32Array.of(1, 2, 3, 4))
  for (const token of [1, 2, 3, 4, 5, 6]) first?.slot.tokens.push(token)
  if (first !== null) slots.release(first.slot)
  const goesOn = slots.take('A', 'base', Uint32Array.of(1, 2, 3, 4, 5, 6, 7))
  t.equal(goesOn?.slot, first?.slot)
  t.equal(goesOn?.keep, 6)
  t.equal(goesOn?.copyFrom, null)
  const alike = slots.take('A', 'base', Uint32Array.of(1, 2, 9, 9))
  t.not(alike?.slot, first?.slot)
  t.equal(alike?.keep, 2)
  t.equal(alike?.copyFrom, first?.slot)
  t.equal(slots.take('A', 'base', Uint32Array.of(1)), null, 'all are busy')
})

t.test('what is held for an owner who is to be forgotten is not reused, by an answer under way neither', async t => {
  const slots = new Slots(3)
  const prompt = Uint32Array.of(1, 2, 3, 4)
  const fill = (owner: string): Taken => {
    const found = slots.take(owner, 'base', prompt)
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
  t.match(slots.take('A', 'base', prompt), { keep: 0, copyFrom: null })
})
