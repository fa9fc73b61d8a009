import type { Test } from 'tap'
import type { Memory, Owner } from '../../src/memory/memories.ts'
import { type Indexed, type Store, unitsPerMemory } from '../../src/memory/store.ts'
import { seeded } from '../database/fixtures.ts'

const ada = { tenant: 'house', user: 'ada' }
const bob = { tenant: 'house', user: 'bob' }
const model = 'a model'

/** What every store promises. Each implementation runs this same list. */
export function storeContract (t: Test, open: (t: Test) => Promise<Store>): void {
  t.test('what was written is found by its terms, with what their weight depends on', async t => {
    const store = await open(t)
    await store.write(ada, { put: [entry(1, 'tea', { tea: [2, 1] }), entry(2, 'milk tea', { milk: [1, 0], tea: [0, 3] })] })
    const { units, length, postings } = await store.postings(ada, ['tea', 'milk', 'none'])
    t.strictSame({ units, length: { ...length } }, { units: 2, length: { self: 3, context: 4 } })
    t.strictSame(postings.get('tea')!.map(posting => ({ ...posting })), [
      { unit: unit(1), self: 2, context: 1, selfLength: 2, contextLength: 1 },
      { unit: unit(2), self: 0, context: 3, selfLength: 1, contextLength: 3 }
    ])
    t.equal(postings.get('milk')!.length, 1)
    t.strictSame(postings.get('none'), [])
  })

  t.test('a unit that is indexed again has its new terms and none of the old', async t => {
    const store = await open(t)
    const { units: [before] } = entry(1, 'tea', { tea: [1, 0], around: [0, 1] })
    await store.write(ada, { put: [entry(1, 'tea', { tea: [1, 0], around: [0, 1] })] })
    await store.write(ada, { reindex: [{ ...before!, neighbours: [null, 7, null], ...terms({ tea: [1, 0], other: [0, 1] }) }] })
    const { units, length, postings } = await store.postings(ada, ['tea', 'around', 'other'])
    t.strictSame([...postings.values()].map(({ length }) => length), [1, 0, 1])
    t.strictSame([units, { ...length }], [1, { self: 1, context: 1 }])
    t.strictSame((await store.units(ada, [unit(1)]))[0]?.neighbours, [null, 7, null])
  })

  t.test('a crowd of closer strangers never hides your own memory', async t => {
    const store = await open(t)
    const near = vector(1)
    const far = vector(2)
    await put(store, ada, 1, far)
    for (let number = 1; number <= 100; number++) await put(store, bob, number, near)
    t.strictSame((await store.nearest(ada, model, near, 5)).map(({ unit }) => unit), [unit(1)])
  })

  t.test('nearest comes first, also among only some, and also where there are very many', async t => {
    const store = await open(t)
    const random = seeded(7)
    const vectors = Array.from({ length: 4_200 }, () => vector(random()))
    await store.write(ada, { put: vectors.map((_, i) => entry(i + 1, 'a', {})) })
    for (let from = 0; from < vectors.length; from += 700) {
      await store.embed(ada, model, vectors.slice(from, from + 700).map((mean, i) => ({ unit: unit(from + i + 1), vectors: { mean, tokenBits: new Uint8Array(0) } })))
    }
    const truth = vectors.map((other, i) => ({ unit: unit(i + 1), cosine: cosine(other, vectors[41]!) })).sort((a, b) => b.cosine - a.cosine)
    const found = await store.nearest(ada, model, vectors[41]!, 3)
    t.equal(found[0]?.unit, unit(42))
    t.ok(Math.abs(found[0]!.cosine - 1) < 1e-6)
    t.equal(found[1]?.unit, truth[1]!.unit)
    t.strictSame((await store.nearest(ada, model, vectors[41]!, 2, { units: [unit(7), unit(9)] })).map(({ unit }) => unit), truth.map(({ unit }) => unit).filter(id => [unit(7), unit(9)].includes(id)))
  })

  t.test('vectors of two models are never compared', async t => {
    const store = await open(t)
    await put(store, ada, 1, vector(1))
    await put(store, ada, 2, vector(1))
    t.strictSame((await store.pending(ada)).pending, 0)
    await store.expect('another')
    t.strictSame(await store.pending(ada), { pending: 2, units: 2 })
    t.strictSame((await store.unembedded(10)).map(({ owner, unit }) => [owner, unit]), [[ada, unit(1)], [ada, unit(2)]])
    await store.embed(ada, 'another', [{ unit: unit(1), vectors: { mean: vector(1), tokenBits: new Uint8Array([1]) } }])
    t.strictSame((await store.nearest(ada, model, vector(1), 5)).map(({ unit }) => unit), [unit(2)])
    t.strictSame((await store.nearest(ada, 'another', vector(1), 5)).map(({ unit }) => unit), [unit(1)])
    t.strictSame([...(await store.tokenBits(ada, 'another', [unit(1), unit(2)])).keys()], [unit(1)])
    t.strictSame((await store.pending(null)).pending, 1)
  })

  t.test('a unit that cannot be embedded waits no longer, until it is asked for again', async t => {
    const store = await open(t)
    await store.write(ada, { put: [entry(1, 'a', {})] })
    await store.embed(ada, model, [{ unit: unit(1), vectors: null }])
    t.equal((await store.pending(ada)).pending, 0)
    await store.expect(model)
    t.equal((await store.pending(ada)).pending, 1)
  })

  t.test('erasing takes what is named and nothing else, and says how many', async t => {
    const store = await open(t)
    for (const owner of [ada, bob]) for (const number of [1, 2, 3]) await put(store, owner, number, vector(number))
    t.equal(await store.write(ada, { erase: ['id-2', 'no-such'] }), 1)
    t.strictSame((await store.postings(ada, ['word'])).postings.get('word')!.map(({ unit }) => unit), [unit(1), unit(3)])
    t.equal((await store.nearest(ada, model, vector(2), 5)).length, 2)
    t.equal(await store.write(ada, { erase: 'all' }), 2)
    t.strictSame(await store.postings(ada, ['word']).then(({ units, postings }) => [units, postings.get('word')]), [0, []])
    t.strictSame(await store.pending(ada), { pending: 0, units: 0 })
    t.equal((await store.postings(bob, ['word'])).postings.get('word')!.length, 3)
  })

  t.test('a write that cannot be done whole is not done at all', async t => {
    const store = await open(t)
    await store.write(ada, { put: [entry(1, 'first', { first: [1, 0] })] })
    await t.rejects(store.write(ada, { put: [entry(2, 'second', { second: [1, 0] }), entry(1, 'again', {})], erase: ['id-1'] }).then(async () => await store.write(ada, { put: [entry(2, 'second', {})] })))
    t.strictSame((await store.units(ada, [unit(1), unit(2)])).length, 2)
  })

  t.test('a line is read in order, around a stretch, without what has ended and without other sessions', async t => {
    const store = await open(t)
    await store.write(ada, {
      put: [
        ...[0, 1, 2, 3, 4, 5, 6, 7].map(position => entry(8 - position, `at ${position}`, {}, { session: 's', position })),
        entry(20, 'elsewhere', {}, { session: 'other', position: 3 }),
        entry(21, 'ended', {}, { session: 's', position: 3, endedAt: 5 })
      ]
    })
    t.strictSame((await store.line(ada, 's', 3, 4, 2)).map(({ text }) => text), ['at 1', 'at 2', 'at 3', 'at 4', 'at 5', 'at 6'])
    t.strictSame(await store.last(ada, 's'), { number: 21, position: 7 })
    t.strictSame(await store.last(bob, 's'), { number: 0, position: -1 })
  })

  t.test('history follows what superseded what, and derivations where they are asked for', async t => {
    const store = await open(t)
    await store.write(ada, {
      put: [
        entry(1, 'first', {}, { endedAt: 2, supersededBy: 'id-2' }),
        entry(2, 'second', {}, { endedAt: 3, supersededBy: 'id-3' }),
        entry(3, 'third', {}),
        entry(4, 'derived', {}, { source: 'id-1' })
      ]
    })
    const texts = async (derived?: 'derived'): Promise<string[]> => (await store.history(ada, ['id-3'], derived)).map(({ memory }) => memory.text)
    t.strictSame(await texts(), ['second', 'first'])
    t.strictSame(await texts('derived'), ['derived', 'second', 'first'])
    t.strictSame(await store.history(bob, ['id-3']), [])
  })

  t.test('random people with random memories are never told of another one', async t => {
    const store = await open(t)
    const random = seeded(1)
    const owners: Owner[] = ['', 'a', 'A', 'a\u0000', '%00', "a' or 1=1 --", '["house","a"]', 'é', 'x'.repeat(10_000)].flatMap(user => [{ tenant: 'house', user }, { tenant: `house/${user}`, user: '' }])
    for (const [i, owner] of owners.entries()) {
      for (let number = 1; number <= 1 + Math.floor(random() * 4); number++) await put(store, owner, number, vector(random()), `of ${i}`)
    }
    for (const [i, owner] of owners.entries()) {
      const near = await store.nearest(owner, model, vector(random()), 1_000)
      const found = (await store.postings(owner, ['word'])).postings.get('word')!
      const units = await store.units(owner, Array.from({ length: 10 }, (_, number) => unit(number)))
      const list = (await store.list(owner, {}, { limit: 100 })).memories
      if (![...units.map(({ text }) => text), ...list.map(({ text }) => text)].every(text => text === `of ${i}`)) t.fail(`owner ${i} is told of another`)
      t.strictSame([near.length, found.length, list.length], [units.length, units.length, units.length])
    }
  })
}

function unit (number: number): number { return number * unitsPerMemory }

/** A small int8 vector that depends on the seed. */
function vector (seed: number): Int8Array {
  const random = seeded(Math.floor(seed * 1e9))
  return Int8Array.from({ length: 64 }, () => Math.floor(random() * 255) - 127)
}

function cosine (a: Int8Array, b: Int8Array): number {
  const dot = (x: Int8Array, y: Int8Array): number => x.reduce((sum, value, i) => sum + value * y[i]!, 0)
  return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b))
}

function terms (counts: Readonly<Record<string, readonly [self: number, context: number]>>): Pick<Indexed, 'terms' | 'length'> {
  const all = Object.values(counts)
  return {
    terms: new Map(Object.entries(counts).map(([term, [self, context]]) => [term, { self, context }])),
    length: { self: all.reduce((sum, [self]) => sum + self, 0), context: all.reduce((sum, [, context]) => sum + context, 0) }
  }
}

function entry (number: number, text: string, counts: Parameters<typeof terms>[0], more: Partial<Memory> = {}) {
  const memory: Memory = { id: `id-${number}`, kind: 'turn', text, session: null, position: null, role: null, speaker: null, at: 1, recordedAt: 1, endedAt: null, supersededBy: null, externalId: null, interaction: null, source: null, ...more }
  return { number, memory, units: [{ id: unit(number), text, neighbours: [null, null, null] as const, ...terms(counts) }] }
}

async function put (store: Store, owner: Owner, number: number, mean: Int8Array, text = 'some word'): Promise<void> {
  await store.write(owner, { put: [entry(number, text, { word: [1, 0] })] })
  await store.embed(owner, model, [{ unit: unit(number), vectors: { mean, tokenBits: new Uint8Array([1, 2]) } }])
}
