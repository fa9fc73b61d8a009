import { test } from 'tap'
import type { Message } from '../../src/inference/engine.ts'
import type { Owner } from '../../src/interactions/interactions.ts'
import { seeded } from '../database/fixtures.ts'
import { ada, answers, ask, bob, says, store } from './fixtures.ts'

/** One turn of a simulated chat, and the block that it was answered with. */
interface Turn { readonly question: string, readonly answer: string, readonly block: string }

/** What a client of the test shows as one chat: it may have gone back and taken another way. */
interface Chat { readonly session: string, readonly profile: string, turns: Turn[] }

const rounds = 300

/*
 * Two owners lead the same chats in the same words; only their blocks differ,
 * which name their owner. A model of what a client sees says what must be found.
 */
test('whatever way conversations take, each keeps its session and its blocks, and no owner meets another\'s', async t => {
  const s = await store(t)
  const people: readonly Owner[] = [ada, bob, { tenant: 'other', user: 'ada' }]
  const sessions = new Map<string, string>()
  for (const seed of [1, 2]) {
    const random = people.map(() => seeded(seed))
    const chats = people.map((): Chat[] => [])
    for (let round = 0; round < rounds / 2; round++) {
      s.clock.now += 1000
      // Taken in turn, so that each owner's records lie between the others'.
      for (const [i, owner] of people.entries()) await step(owner, chats[i]!, random[i]!, `${seed}.${round}`)
    }
  }
  t.ok(sessions.size > 50, `${sessions.size} sessions`)

  async function step (owner: Owner, chats: Chat[], random: () => number, round: string): Promise<void> {
    const below = (count: number) => Math.floor(random() * count)
    const chat = random() < 0.2 ? null : chats[below(chats.length)] ?? null
    const turns = chat === null ? [] : [...chat.turns]
    const way = random()
    let question = `question ${round}`
    if (way < 0.2 && turns.length > 1) question = turns.pop()!.question // asked again
    else if (way < 0.4 && turns.length > 1) turns.splice(1 + below(turns.length - 1)) // an earlier question, edited
    const messages: Message[] = [
      ...random() < 0.5 ? [{ role: 'system' as const, content: `It is ${round}.` }] : [],
      ...turns.flatMap(turn => [says(turn.question), { ...answers(random() < 0.5 ? turn.answer : `${turn.answer}\n`), ...random() < 0.5 ? { reasoning: 'hm' } : {} }]),
      says(question)
    ]
    const mine = JSON.stringify(owner)
    const asked = { question, answer: `answer ${round}`, block: `block of ${mine}, ${round}` }
    const found = await ask(s, messages, asked.answer, { owner, block: asked.block, profile: chat?.profile ?? `profile of ${mine}, ${round}`, memories: [`${mine}, ${round}`] })

    const of = `${mine} ${round}`
    if (chat === null) {
      if (sessions.has(found.session)) t.fail(`a new conversation of ${of} has a session of its own`)
      sessions.set(found.session, mine)
      chats.push({ session: found.session, profile: `profile of ${mine}, ${round}`, turns: [asked] })
    } else {
      if (found.session !== chat.session) t.fail(`${of} goes on in its session`)
      if (found.profile !== chat.profile) t.fail(`${of} keeps its profile`)
      const past = [...found.kept.values()].slice(0, turns.length).map(({ block }) => block)
      if (JSON.stringify(past) !== JSON.stringify(turns.map(({ block }) => block))) t.fail(`${of} keeps its blocks`)
      chat.turns = [...turns, asked]
    }
    if ([...found.kept.values()].some(({ block }) => !block!.includes(mine)) || [...found.quoted].some(id => !id.includes(mine))) t.fail(`${of} meets nothing of another`)
    if (sessions.get(found.session) !== mine) t.fail(`${of} is in a session of its owner's`)
  }
})
