import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { compile } from '../../src/training/evaluation/checks.ts'
import type { LiveServer } from '../../test/support/server.ts'
import { act, upload } from '../../test/live/swapping.ts'
import { read } from './collect.ts'
import { checks, style } from './style.ts'
import type { Task } from './task.ts'

/** Percent of people who are given the worse one. */
const percent = 20
/** Share of good answers by which it is worse, at least. */
const smallest = 0.3
/** Who votes, at most; more than the canary needs. */
const voters = 600

interface Told {
  readonly ended_at: string | null
  readonly outcome: string | null
  readonly words: string
  readonly plan: { readonly needed: { readonly candidate: number } }
  readonly looks: readonly { readonly tenths: number }[]
}

/** The house style where everybody corrects an answer to what should answer somebody else. */
export function shuffled (seed: number, people: number): Task {
  const task = style(seed, people)
  const rights = task.people.flatMap(({ questions }) => questions.map(({ right }) => right))
  // A third of the way round nobody has an answer of their own, and few have one of their topic.
  const apart = Math.floor(rights.length / 3) + 1
  let i = 0
  return { ...task, people: task.people.map(person => ({ ...person, questions: person.questions.map(question => ({ ...question, right: rights[(i++ + apart) % rights.length]! })) })) }
}

/**
 * Lets what the gate turned down in by hand, tries it on a fifth of the people
 * beside the version that learnt rightly, and has them vote by the house's own
 * rule. `refused`: the run that trained it. Throws where either is missing.
 */
export async function tried (server: LiveServer, name: string, refused: string, seed: number): Promise<void> {
  const candidate = await upload(server, name, await readFile(join(server.data, 'training', refused, 'out', 'adapter.gguf')))
  await read(await server.post(`/admin/adapters/${name}/promote`, { version: 1 }))
  if (candidate.code !== null || await act(server, name, 'canary', { version: candidate.version, percent, smallest }) !== 200) throw new Error(`no canary began: ${candidate.code}`)
  const look = async (): Promise<Told> => await read<Told>(await fetch(`${server.url}/admin/adapters/${name}/canary`))
  const [rule] = compile(checks.filter(({ name }) => name === 'item and topic'))
  const { people, system } = style(seed, voters)
  let said = 0
  for (const { user, questions: [question] } of people) {
    const headers = { 'x-engraft-user': `voter-${user}` }
    const { id, choices: [{ message: { content } }] } = await read<{ readonly id: string, readonly choices: readonly [{ readonly message: { readonly content: string } }] }>(await server.post('/v1/chat/completions', { model: name, messages: [{ role: 'system', content: system }, { role: 'user', content: question!.text }], max_tokens: 60, temperature: 0, engraft: { memory: 'off' } }, { headers }))
    await read(await server.post('/v1/feedback', { completion_id: id, kind: 'thumb', value: rule!.judge(content, question!.right) === 'kept' }, { headers }))
    if (++said % 20 === 0 && (await look()).ended_at !== null) break
  }
  // It looks every half minute.
  for (let waited = 0; waited < 40 && (await look()).ended_at === null; waited++) await sleep(1000)
  const { outcome, words, plan, looks } = await look()
  console.log(`\nwhat the gate refused, let in by hand, tried on ${percent} % of people`)
  console.log(`  ${outcome === null ? 'still under way' : `${outcome} at ${looks.at(-1)?.tenths ?? 0} tenths of the ${plan.needed.candidate} judged answers of the candidate that were planned`}, after ${said} votes: ${words}`)
}
