import { writeFile } from 'node:fs/promises'
import { PassThrough, Readable } from 'node:stream'
import { type Test, test } from 'tap'
import { chat } from '../../src/cli/chat.ts'
import { exportMemories, importMemories, listMemories, searchMemories } from '../../src/cli/memories.ts'
import type { Server } from '../../src/cli/server.ts'
import { openedMemories } from '../memory/opened.ts'
import { appFor, listening } from '../support/app.ts'
import { Scripted } from '../support/scripted.ts'
import { until } from '../support/wire.ts'

/** A server over real memories, and the terminal. */
async function open (t: Test, scripted = new Scripted()) {
  const { memories } = await openedMemories(t)
  const { url } = await listening(await appFor(t, { memories, scripted }))
  const lines: string[] = []
  const of = (user: string): Server => ({ url, key: null, user })
  const file = async (text: string): Promise<string> => {
    const path = `${t.testdir()}/history`
    await writeFile(path, text)
    return path
  }
  return { of, lines, file, memories, print: (line: string) => { lines.push(line) }, input: Readable.from(['']) }
}

const history = [
  { role: 'user', name: 'Ada', content: 'My dog is called Biscuit.', at: '2023-05-08T10:00:00Z', session: 'may' },
  { role: 'assistant', content: 'A fine name.', at: '2023-05-08T10:01:00Z', session: 'may' },
  { content: 'Is allergic to peanuts.', kind: 'fact' }
]

test('a history is imported once however often, listed, found with the reasons, and exported as it came', async t => {
  const { of, lines, file, print, input } = await open(t)
  const path = await file(JSON.stringify(history))
  await importMemories(of('Ådå 東京'), path, {}, input, print)
  t.strictSame(lines.splice(0), ['2 turns and 1 other memory of Ådå 東京 are remembered.'])
  await importMemories(of('Ådå 東京'), path, {}, input, print)
  lines.splice(0)

  await listMemories(of('Ådå 東京'), { limit: '20' }, print)
  t.match(lines.splice(0), [/^ID +KIND +SAID +SESSION +BY +CONTENT$/, / fact .* Is allergic to peanuts\.$/, / turn +2023-05-08 10:01 +may +assistant +A fine name\.$/, / turn +2023-05-08 10:00 +may +Ada +My dog is called Biscuit\.$/])
  await listMemories(of('Ådå 東京'), { limit: '1' }, print)
  t.equal(lines.splice(0).length, 2)
  await listMemories(of('bob'), { limit: '20' }, print)
  t.strictSame(lines.splice(0), ['Nothing is remembered of bob yet.'])

  await searchMemories(of('Ådå 東京'), 'What is my dog called?', { limit: '1' }, print)
  t.match(lines.splice(0), ['1. My dog is called Biscuit.', '   turn, 2023-05-08 10:00, session may', /^ {3}words .*dog.* \(1\.00\) · user ×/, /^They were found by their words only/])

  await exportMemories(of('Ådå 東京'), {}, print)
  const exported = lines.splice(0)
  t.match(exported.map(line => JSON.parse(line)), [{ ...history[0], at: '2023-05-08T10:00:00.000Z', kind: 'turn', external_id: /^import-/ }, { content: 'A fine name.', session: 'may' }, { kind: 'fact' }])
  await importMemories(of('bob'), '-', {}, Readable.from([exported.join('\n')]), print)
  lines.splice(0)
  await exportMemories(of('bob'), {}, print)
  t.strictSame(lines.splice(0), exported, 'what is exported can be brought in again, as it was')
})

test('JSON lines, the body of the API and a session for all are read; what is no history is refused whole', async t => {
  const { of, lines, file, memories, print, input } = await open(t)
  await importMemories(of('ada'), await file(history.map(line => JSON.stringify(line)).join('\n')), {}, input, print)
  await importMemories(of('ada'), await file(JSON.stringify({ session: 'june', turns: [{ content: 'It rains.' }, { content: 'Still.' }] })), {}, input, print)
  await importMemories(of('ada'), await file('{"content":"Hot."}'), { session: 'july' }, input, print)
  const { memories: all } = await memories.list({ tenant: 'local', user: 'ada' }, {}, { limit: 10 })
  t.strictSame(all.map(({ text, session }) => [text, session]), [['Hot.', 'july'], ['Still.', 'june'], ['It rains.', 'june'], ['Is allergic to peanuts.', null], ['A fine name.', 'may'], ['My dog is called Biscuit.', 'may']])
  lines.splice(0)
  for (const text of ['{"content":"x"}\nnonsense', '[{"content":"x"},{"text":"y"}]', '"x"']) await t.rejects(importMemories(of('bob'), await file(text), {}, input, print), { name: 'ServerError', message: /nothing was imported/ })
  await t.rejects(importMemories(of('bob'), '/nowhere', {}, input, print), { name: 'ServerError', message: /no file/ })
  await t.rejects(listMemories(of('bob'), { limit: '0' }, print), { name: 'ServerError', message: /--limit/ })
  t.strictSame((await memories.list({ tenant: 'local', user: 'bob' }, {}, { limit: 10 })).memories, [])
})

test('more turns than one request takes come in all, in their order', async t => {
  const { of, lines, file, memories, print, input } = await open(t)
  const turns = Array.from({ length: 1203 }, (_, i) => ({ content: `Turn ${i}.`, session: 'long' }))
  await importMemories(of('ada'), await file(JSON.stringify(turns)), {}, input, print)
  t.match(lines, ['1203 turns of ada are remembered.'])
  const { memories: all } = await memories.list({ tenant: 'local', user: 'ada' }, {}, { limit: 1000 })
  t.strictSame([all[0]?.text, all[0]?.position], ['Turn 1202.', 1202])
})

test('a chat names its user, and /why shows what was quoted and why', async t => {
  const quoted: string[] = []
  const scripted = new Scripted(() => ({ texts: 1, start: { model: 'tiny', version: null, digest: 'ab'.repeat(32), memories: quoted } }))
  const { of, memories } = await open(t, scripted)
  const { ids: [dog, code] } = await memories.remember({ tenant: 'local', user: 'Ådå' }, [{ kind: 'turn', text: 'My dog is called Biscuit.', role: 'user', session: 's' }, { kind: 'note', text: 'The alarm code is marigold.' }])
  const input = new PassThrough()
  const output = new PassThrough()
  let shown = ''
  output.on('data', chunk => { shown += String(chunk) })
  const ended = chat({ ...of('Ådå'), model: null, system: null }, input, output)
  const type = async (line: string, expected: RegExp): Promise<void> => {
    shown = ''
    input.write(`${line}\n`)
    await until(() => expected.test(shown))
  }
  await type('/why', /There is no answer yet/)
  await type('Hello.', /tokens, first after/)
  t.equal(scripted.seen[0]?.caller.user, 'Ådå')
  await type('/why', /Nothing that was said before was quoted/)
  quoted.push(dog!, code!, 'mem_gone')
  await type('What is my dog called?', /3 memories \(\/why\)/)
  await type('/why', /mem_gone is gone by now/)
  t.match(shown, /3 memories were quoted for this answer \(found by their words only\):\n- My dog is called Biscuit\.\n {2}turn, .*, session s\n {2}words .*dog.*\n- The alarm code is marigold\.\n {2}note/)
  input.end('/exit\n')
  await ended
})
