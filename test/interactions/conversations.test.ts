import { test } from 'tap'
import type { Message } from '../../src/inference/engine.ts'
import { ada, answers, ask, bob, choice, interaction, says, store } from './fixtures.ts'

const minutes = 60_000
const system = (content: string): Message => ({ role: 'system', content })

test('a conversation begins a session, and stays in it as it grows', async t => {
  const s = await store(t)
  const first = await ask(s, [says('one')], 'first')
  const second = await ask(s, [says('one'), answers('first'), says('two')], 'second')
  const third = await ask(s, [says('one'), answers('first'), says('two'), answers('second'), says('three')], 'third')
  t.equal(second.session, first.session)
  t.equal(third.session, first.session)
  const other = await ask(s, [says('another')], 'first')
  t.not(other.session, first.session)
  t.match(first.session, /^[\w-]{8,}$/)
})

test('another system prompt, thoughts left out, and white space that was trimmed leave it the same conversation', async t => {
  const s = await store(t)
  const first = await ask(s, [system('Today is Monday.'), says('one')], '', { choices: [choice('\n first ', { reasoning: 'hm' })] })
  const second = await ask(s, [system('Today is Tuesday.'), system('Be brief.'), says('one'), answers('first'), says('two')], 'second')
  t.equal(second.session, first.session)
  const third = await ask(s, [says('one'), { ...answers('\n first'), reasoning: 'other thoughts' }, says('two'), answers('second'), says('three')], 'third')
  t.equal(third.session, first.session)
})

test('each past question gets back what it was answered with, byte for byte', async t => {
  const s = await store(t)
  const blocks = ['[memories]\n- «a» \u2028 e\u0301 💛\0', null, '  spaces stay  \n']
  const profile = 'She is called Ada.'
  const conversation: Message[] = [system('x')]
  for (const [i, block] of blocks.entries()) {
    conversation.push(says(`q${i}`))
    await ask(s, conversation, `a${i}`, { block, profile: i === 0 ? profile : null, memories: block === null ? [] : [`m${i}`, 'm'] })
    conversation.push(answers(`a${i}`))
  }
  const opened = await s.interactions.open(ada, null, [...conversation, says('next')])
  t.strictSame([...opened.kept].map(([at, { block }]) => [at, block]), [[1, blocks[0]], [3, blocks[1]], [5, blocks[2]]])
  t.strictSame(opened.quoted, new Set(['m0', 'm', 'm2']))
  t.equal(opened.profile, profile, 'the frame is the one that the conversation began with')
  t.equal(opened.repeats, null)
})

test('nothing on record and nothing given are told apart', async t => {
  const s = await store(t)
  const fresh = await s.interactions.open(ada, null, [says('q')])
  t.strictSame(fresh, { session: fresh.session, profile: undefined, kept: new Map(), quoted: new Set(), repeats: null })
  await ask(s, [says('q')], 'a')
  const opened = await s.interactions.open(ada, null, [says('q'), answers('a'), says('r')])
  t.equal(opened.profile, null)
  t.strictSame([...opened.kept.keys()], [0])
})

test('an edited question keeps what came before it, and its session', async t => {
  const s = await store(t)
  const first = await ask(s, [says('q0')], 'a0', { block: 'b0' })
  await ask(s, [says('q0'), answers('a0'), says('q1')], 'a1', { block: 'b1' })
  const edited = await s.interactions.open(ada, null, [says('q0'), answers('a0'), says('q1, rather')])
  t.equal(edited.session, first.session)
  t.strictSame([...edited.kept].map(([at, { block }]) => [at, block]), [[0, 'b0']])
  t.equal(edited.repeats, null)
  const restarted = await s.interactions.open(ada, null, [says('q0, rather'), answers('a0'), says('q1')])
  t.not(restarted.session, first.session)
  t.equal(restarted.kept.size, 0)
})

test('an answer asked for again is told, and keeps the question\'s block', async t => {
  const s = await store(t)
  const first = await ask(s, [says('q0')], 'a0', { block: 'b0' })
  s.clock.now += 29 * minutes
  const again = await ask(s, [says('q0')], 'a0, rather', { block: 'b0, anew' })
  t.match(again, { session: first.session, repeats: first.id })
  t.equal(again.kept.get(0)?.block, 'b0')
  t.equal((await s.interactions.open(ada, null, [says('q0')])).kept.get(0)?.block, 'b0, anew', 'the newest, until one of them is gone on from')
  const third = await ask(s, [says('q0'), answers('a0'), says('q1')], 'a1', { block: 'b1' })
  t.equal(third.session, first.session)
  t.equal(third.kept.get(0)?.block, 'b0', 'the block of the answer that the conversation went on from')
  const branch = await s.interactions.open(ada, null, [says('q0'), answers('a0, rather'), says('q1')])
  t.equal(branch.kept.get(0)?.block, 'b0, anew')
  t.match(await s.interactions.open(ada, null, [says('q0'), answers('a0'), says('q1')]), { session: first.session, repeats: third.id })
})

test('the same first question begins a session when it comes late, or after others', async t => {
  const s = await store(t)
  const first = await ask(s, [says('q0')], 'a0')
  s.clock.now += 31 * minutes
  const late = await ask(s, [says('q0')], 'a0')
  t.not(late.session, first.session)
  t.equal(late.repeats, null)
  await ask(s, [says('q0'), answers('a0'), says('q1')], 'a1')
  t.not((await s.interactions.open(ada, null, [says('q0')])).session, late.session, 'that session has gone on')
})

test('where nobody is named, the same first question never joins two conversations', async t => {
  const s = await store(t)
  const nobody = { tenant: 'acme', user: '' }
  const first = await ask(s, [says('hi')], 'hello', { owner: nobody })
  const second = await ask(s, [says('hi')], 'hello!', { owner: nobody })
  t.not(second.session, first.session)
  t.equal((await s.interactions.open(nobody, null, [says('hi'), answers('hello'), says('q')])).session, first.session)
})

test('of several sessions with the same answers the newest goes on', async t => {
  const s = await store(t)
  await ask(s, [says('hi')], 'hello', { named: 'old' })
  await ask(s, [says('hi')], 'hello', { named: 'new', block: 'b' })
  const opened = await s.interactions.open(ada, null, [says('hi'), answers('hello'), says('q')])
  t.equal(opened.session, 'new')
  await ask(s, [says('hi'), answers('hello'), says('q')], 'a', { named: 'old' })
  const deeper = await s.interactions.open(ada, null, [says('hi'), answers('hello'), says('q'), answers('a'), says('r')])
  t.equal(deeper.session, 'old', 'more of it is the same')
})

test('a named session is taken as it is, and only its own blocks are put back', async t => {
  const s = await store(t)
  await ask(s, [says('q')], 'a', { named: 'one', block: 'b' })
  const other = await s.interactions.open(ada, 'two', [says('q'), answers('a'), says('r')])
  t.strictSame(other, { session: 'two', profile: undefined, kept: new Map(), quoted: new Set(), repeats: null })
  t.equal((await s.interactions.open(ada, 'one', [says('q'), answers('a'), says('r')])).kept.get(0)?.block, 'b')
})

test('a question whose tools have answered keeps its block', async t => {
  const s = await store(t)
  const calls = [{ id: 'c1', name: 'weather', arguments: '{"city":"Bern"}' }]
  const asked = await ask(s, [says('q')], '', { block: 'b', choices: [choice('', { calls, reason: 'tool_calls' })] })
  const withResult: Message[] = [says('q'), { role: 'assistant', content: '', calls }, { role: 'tool', content: 'rain', callId: 'c1' }]
  const result = await ask(s, withResult, 'It rains.', { block: 'b' })
  t.equal(result.session, asked.session)
  t.equal(result.kept.get(0)?.block, 'b')
  t.equal(result.repeats, null)
  const next = await s.interactions.open(ada, null, [...withResult, answers('It rains.'), says('r')])
  t.match(next, { session: asked.session })
  t.strictSame([...next.kept].map(([at, { block }]) => [at, block]), [[0, 'b']])
  const otherCall = await s.interactions.open(ada, null, [says('q'), { role: 'assistant', content: '', calls: [{ ...calls[0]!, arguments: '{"city":"Basel"}' }] }, withResult[2]!])
  t.not(otherCall.session, asked.session, 'another call is another turn')
})

test('an answer cut off early can be gone on from, and one that never came cannot', async t => {
  const s = await store(t)
  const cut = await ask(s, [says('q')], '', { choices: [choice('half an', { reason: null })], error: 'cancelled' })
  t.equal((await s.interactions.open(ada, null, [says('q'), answers('half an'), says('go on')])).session, cut.session)
  const failed = await ask(s, [says('r')], '', { choices: [], usage: null, prompt: null, error: 'engine_died' })
  t.match(await s.interactions.open(ada, null, [says('r')]), { session: failed.session, repeats: failed.id })
  t.not((await s.interactions.open(ada, null, [says('r'), answers(''), says('x')])).session, failed.session)
})

test('a conversation that nobody has spoken in yet has a session of its own', async t => {
  const s = await store(t)
  const first = await ask(s, [system('Tell a joke.')], 'ha', { block: 'b' })
  const second = await ask(s, [system('Tell a tale.')], 'once')
  t.not(second.session, first.session)
  t.equal(second.repeats, null)
  t.equal(second.kept.size, 0)
})

test('another user\'s, and another tenant\'s, equal conversation is never met', async t => {
  const s = await store(t)
  await s.interactions.record(interaction({ owner: ada, session: 'a', messages: [says('q')], choices: [choice('a')], block: 'secret', profile: 'p', memories: ['m'] }))
  for (const owner of [bob, { tenant: 'other', user: 'ada' }, { tenant: 'acme', user: '' }]) {
    for (const session of [null, 'a']) {
      for (const messages of [[says('q')], [says('q'), answers('a'), says('r')]]) {
        const opened = await s.interactions.open(owner, session, messages)
        t.strictSame(opened, { session: opened.session, profile: undefined, kept: new Map(), quoted: new Set(), repeats: null })
        if (session === null) t.not(opened.session, 'a')
      }
    }
  }
})
