import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { openDatabase } from '../../src/database/open.ts'
import { openMemories } from '../../src/memory/open.ts'
import { freshFolder, freshPath, migrationsDir } from '../database/fixtures.ts'
import { embedderModel } from '../support/model.ts'
import { ada, bob, embedded, openedMemories } from './opened.ts'

const embedder = await embedderModel()
const note = (text: string) => ({ kind: 'note' as const, text })

t.test('what is meant the same is found without a word in common, once it is embedded', async t => {
  const opened = await openedMemories(t, { embedder })
  const { pending } = await opened.memories.remember(ada, [note('I adore felines.'), note('The invoice is due on Friday.'), note('Our roof leaks when it rains.')])
  t.ok(pending > 0)
  await embedded(opened)
  t.equal(await opened.memories.pending(ada), 0)
  const found = await opened.memories.recall(ada, { query: 'Does she like cats?', explain: true })
  t.notOk(found.lexicalOnly)
  t.equal(found.memories[0]?.text, 'I adore felines.')
  t.strictSame(found.memories[0]?.why?.words, [])
  t.ok(found.memories[0]!.why!.cosine! > 0.3)
  t.ok(found.relevant)
  t.notOk((await opened.memories.recall(ada, { query: 'Which compiler flags enable link time optimisation?' })).relevant, 'nothing here has to do with it')
  t.strictSame((await opened.memories.recall(bob, { query: 'Does she like cats?' })).memories, [])
})

t.test('plain vectors come from the same model', async t => {
  const { embeddings } = await openedMemories(t, { embedder })
  t.match(embeddings, { name: 'all-minilm-l6-v2', dimensions: 384 })
  const { vectors, tokens } = await embeddings!.vectors(['one', 'two words'])
  t.strictSame(vectors.map(({ length }) => length), [384, 384])
  t.ok(tokens > 4)
})

t.test('embedding waits for the gate, and goes on after a restart where it stopped', async t => {
  const path = freshPath(t)
  const database = await openDatabase({ path, migrationsDir })
  t.teardown(async () => { await database.close() })
  const shut = Promise.withResolvers<void>()
  const first = await openMemories({ database, path, embedder, gate: async () => await shut.promise, log: () => {} })
  await first.memories.remember(ada, Array.from({ length: 40 }, (_, i) => note(`The answer to question ${i} is ${i * i}.`)))
  t.equal((await first.memories.progress()).pending, 40)
  t.equal((await first.memories.recall(ada, { query: 'question 7' })).memories[0]?.text, 'The answer to question 7 is 49.', 'it is found by its words meanwhile')
  const closed = first.close()
  shut.resolve()
  await closed
  const second = await openedMemories(t, { database, path, embedder })
  await embedded(second)
  t.strictSame(await second.memories.progress(), { embedded: 40, pending: 0 })
})

t.test('without an embedder nothing waits and the words and their companions find', async t => {
  const { memories } = await openedMemories(t)
  t.equal((await memories.remember(ada, [note('Tea at noon.')])).pending, 0)
  t.ok((await memories.recall(ada, { query: 'tea' })).lexicalOnly)
  t.notOk((await memories.recall(ada, { query: 'zeppelin' })).relevant)
})

t.test('a recall that is given up ends at once with its reason', async t => {
  const { memories } = await openedMemories(t, { embedder })
  const reason = new Error('too late')
  const controller = new AbortController()
  const asked = memories.recall(ada, { query: 'anything', signal: controller.signal })
  controller.abort(reason)
  await t.rejects(asked, reason)
  await t.rejects(memories.recall(ada, { query: 'anything', signal: controller.signal }), reason)
  t.ok(await memories.recall(ada, { query: 'anything' }), 'and the next one is answered')
})

t.test('an embedder that cannot be opened is an error at the start, and no thread is left', async t => {
  const path = freshPath(t)
  const database = await openDatabase({ path, migrationsDir })
  t.teardown(async () => { await database.close() })
  const broken = join(freshFolder(t), 'model.onnx')
  writeFileSync(broken, 'not a model')
  await t.rejects(openMemories({ database, path, embedder: { ...embedder, model: { ...embedder.model, path: broken } }, log: () => {} }), /model\.onnx/)
})
