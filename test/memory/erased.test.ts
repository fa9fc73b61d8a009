import { readFileSync, readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t from 'tap'
import { openReader } from '../../src/database/reader.ts'
import { embedderModel } from '../support/model.ts'
import { ada, bob, embedded, openedMemories } from './opened.ts'

const embedder = await embedderModel()

t.test('no byte of an erased memory is left in any file: text, terms, vector, token bits', async t => {
  const opened = await openedMemories(t, { embedder })
  const { memories, database, path } = opened
  const text = 'My heliotrope is watered by Quentin in Tallinn.'
  const turn = (text: string, session: string) => ({ kind: 'turn' as const, text, session })
  const { ids } = await memories.remember(ada, [turn('Before.', 's'), turn(text, 's'), turn('After.', 's')])
  await memories.remember(bob, [turn('Something of his own.', 's')])
  const { ids: [changed] } = await memories.remember(ada, [turn('Heliotrope again.', 'other')])
  await memories.change(ada, changed!, { text: 'Nothing of it.' })
  await embedded(opened)
  const reader = openReader(path)
  const blobs = ['select vector as blob from memory_vectors', 'select bits as blob from memory_signs', 'select bits as blob from memory_tokens']
    .flatMap(sql => reader.all<{ blob: Buffer }>(`${sql} where owner = (select id from owners where user = 'ada')`)).map(({ blob }) => Buffer.from(blob))
  const others = reader.all<{ vector: Buffer }>("select vector from memory_vectors where owner = (select id from owners where user = 'bob')")
  reader.close()
  t.equal(blobs.length, 15)
  const files = (): Buffer => Buffer.concat(readdirSync(dirname(path)).map(name => readFileSync(join(dirname(path), name))))
  t.ok(files().includes('heliotrop'), 'the search finds what is there')

  await memories.forget(ada, [ids[1]!, changed!])
  t.strictSame((await memories.list(ada, {}, { limit: 9 })).memories.map(({ text }) => text), ['After.', 'Before.'])
  await memories.forget(ada, 'all')
  await opened.close()
  await database.close()
  const left = files()
  for (const word of ['eliotrope', 'heliotrop', 'quentin', 'tallinn', 'Before.']) t.notOk(left.includes(word), word)
  t.notOk(blobs.some(blob => blob.length > 0 && left.includes(blob)), 'vectors')
  t.ok(left.includes(others[0]!.vector) && left.includes('Something of his own'), 'what is another person\'s stays')
})
