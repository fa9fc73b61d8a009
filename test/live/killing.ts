import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Test } from 'tap'
import { spawnServer, type LiveServer } from '../support/server.ts'
import { until } from '../support/wire.ts'
import { ask, assistant, captured, memoriesOf, patience, user, type Said } from './remembering.ts'

/** Of each of the two files: tap ends a file after five minutes, and on a busy machine one start takes ten seconds. */
const kills = 10
const people = ['ada', 'bob', 'carl']
/** Loaded sooner, and long enough for what is said here. */
const small = ['--slots', '3', '--context', '2048']

/**
 * People talk with a server that is killed and started again, 10 times, each
 * `after` (ms) so many answers of one life have come. Then every answered turn
 * must be in memory, once and in order.
 */
export async function killed (t: Test, after: (kill: number) => number): Promise<void> {
  const data = `${t.testdir()}/data`
  /** Each person's conversation, as far as it was answered. */
  const conversations = new Map<string, readonly Said[]>(people.map(name => [name, []]))
  let answered = 0
  let cut = 0

  /** Talks on until the server is gone. */
  async function talk (server: LiveServer, name: string): Promise<void> {
    for (;;) {
      const before = conversations.get(name) ?? []
      const asked = [...before, user(question(name, before))]
      const answer = await ask(server, name, asked, { max_tokens: 4, engraft: { session: 'talk' } }).catch(() => null)
      if (answer === null) {
        cut++
        return
      }
      if (answer.engraft.recorded !== true) throw new Error('an answer was not recorded')
      // A blank answer is no memory, and cannot be told from a lost one.
      if (answer.content.trim() === '') continue
      conversations.set(name, [...asked, assistant(answer.content)])
      answered++
    }
  }

  for (let kill = 0; kill < kills; kill++) {
    const server = await spawnServer(data, small)
    const before = answered
    const talking = Promise.all(people.map(name => talk(server, name)))
    await until(() => answered > before + kill % 4, patience)
    await sleep(after(kill))
    const exited = once(server.process, 'exit')
    server.process.kill('SIGKILL')
    await exited
    await talking
  }

  const server = await spawnServer(data, small)
  t.teardown(async () => { await server.stop() })
  await captured(server)
  for (const [name, said] of conversations) {
    const there = (await memoriesOf(server, name)).map(({ role, content }) => ({ role, content }))
    const other = said.findIndex(({ content }, i) => there[i]?.content !== content)
    t.strictSame(there.slice(0, said.length), said, `${said.length} turns of ${name} are there, once and in order${other === -1 ? '' : `; not so from turn ${other}: ${JSON.stringify([said, there].map(turns => turns.slice(other, other + 3)))}`}`)
    // The last answer that was cut may be on record: then its caller, who never saw it, finds it after what was answered.
    const rest = there.slice(said.length)
    t.ok(rest.length <= 2 && rest.every(({ role, content }, i) => i === 0 ? content === question(name, said) : role === 'assistant'), `and beyond them at most what was cut last: ${JSON.stringify(rest)}`)
  }
  t.ok(answered > kills && cut === kills * people.length, `${answered} answers, ${cut} cut`)
}

function question (name: string, said: readonly Said[]): string { return `Question ${said.length / 2} of ${name}.` }
