/**
 * The circle, told while it closes: people talk to a server and correct it; the
 * loop makes an adapter of that, proves it, tries it on a share of people and
 * promotes it; somebody poisons the well and is kept out; a rollback brings the
 * old answers back; somebody is erased, and what learnt from them is trained
 * anew. It starts its own server.
 *
 *   npm run demo:loop [-- --quick] [--out demo-loop] [--seed 1]
 *
 * Needs Python 3.11 (it sets up what training needs in the folder, once). The
 * page is FOLDER/page.md, the reports are beside it; FOLDER/data is removed at
 * the next start.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { collect, placeOf, read } from '../bench/learning/collect.ts'
import { checks as allChecks, system } from '../bench/learning/style.ts'
import type { Measured } from '../src/training/measured.ts'
import { spawnServer } from '../test/support/server.ts'
import { arms, gain, minutes, openPage, quoted } from './circle/page.ts'
import { crowd, pushed, voter } from './circle/people.ts'

const { values: given } = parseArgs({ options: { quick: { type: 'boolean', default: false }, out: { type: 'string', default: 'demo-loop' }, seed: { type: 'string', default: '1' } } })
const out = resolve(given.out)
const seed = Number(given.seed)
/** `quick` shows that everything works, on too few people to prove much: of the house style only what is learnt from fifty answers is looked at. */
const size = given.quick ? { agents: 62, regulars: 0, late: 12, voters: 48, held: 20 } : { agents: 100, regulars: 12, late: 12, voters: 48, held: 200 }
const hyper = { epochs: 2 }
const checks = given.quick ? allChecks.filter(({ name }) => name === 'opening' || name === 'signature') : allChecks
/** Milliseconds between a visitor's questions: often enough that some come while a version changes. */
const visitEvery = 6000
const tenant = 'northwind'
const name = 'house'
const data = join(out, 'data')

interface Round { readonly number: number, readonly run: string | null, readonly dataset: string | null, readonly version: number | null, readonly outcome: string | null, readonly words: string | null }
interface Loop { readonly step: string, readonly words: string, readonly round: Round | null, readonly rounds: readonly Round[] }
interface Adapter { readonly live: number | null, readonly versions: readonly { readonly version: number, readonly tainted: { readonly rows: number } | null }[] }
interface Reply { readonly id: string, readonly model: string, readonly choices: readonly [{ readonly message: { readonly content: string } }], readonly engraft: { readonly memories: readonly string[] } }

const page = openPage()
const began = Date.now()
process.env.ENGRAFT_PYTHON ??= await python()
await rm(data, { recursive: true, force: true })
const server = await spawnServer(data, ['--slots', '4'])
const place = await placeOf(server, tenant)
const visitors = new AbortController()
try {
  page.say('# The circle', '', `${given.quick ? 'The quick tour' : 'The whole way'}, on ${availableParallelism()} cores, with SmolLM2 135M. Everything below happened over HTTP on one server, while a visitor kept asking.`)
  const people = crowd(seed, size)
  const traffic = visit()

  page.chapter('People talk')
  const question = voter(seed + 7).text
  const before = await ask('somebody', question, 'smollm2-135m')
  page.say(...quoted('A customer', question), ...quoted('The base model', before.choices[0].message.content))
  const agents = await collect(place, people.agents)
  page.say(`${agents.judged} agents of the house each correct one such answer.${size.regulars > 0 ? ` ${size.regulars} regular customers tell what they bought; in later conversations they do not name it again, and what memory brought is in the prompt when their answers are corrected.` : ''}`)
  if (size.regulars > 0) {
    const regulars = await collect(place, people.regulars)
    page.say(`Memory found what was bought for ${regulars.judged} of ${regulars.asked} questions.`)
  }

  page.chapter('The loop makes a first version')
  await set(size.late)
  const first = await round(['live'])
  page.say('', `${name}@1 is live: the gate has too few held-out people to decide alone, so a person did.`)

  page.chapter('What it learnt, on people it never saw')
  const measured = await reported(first, 'round-1')
  page.say(...arms(measured), '', gain('The adapter over the base', measured.gain.all))
  if (measured.withMemory !== null) page.say(gain('Where memory must bring the answer, both with memory', measured.withMemory.all))
  const after = await ask('somebody', question)
  page.say('', ...quoted(`${name}@1, to the same question`, after.choices[0].message.content))
  if (size.regulars > 0) await remembered()

  page.chapter('A second version, tried on half of the people')
  await collect(place, { ...people.agents, people: crowd(seed + 1, { agents: size.late, regulars: 0 }).agents.people.map((person, i) => ({ ...person, user: `late-${i}` })) })
  const tried = await round(['canary', 'live'], vote)
  page.say('', `${name}@${tried.version} is live. ${tried.words}`)

  page.chapter('Somebody poisons the well')
  await collect(place, people.poisoners)
  await poisoned()

  page.chapter('Back, and forth again')
  const second = await ask('somebody', question)
  await read(await server.post(`/admin/adapters/${name}/rollback`, {}))
  const back = await ask('somebody', question)
  page.say(`A rollback takes one call. ${back.model} answers ${back.choices[0].message.content === after.choices[0].message.content ? '**token for token as it did before**' : '**otherwise than before**'}.`)
  await read(await server.post(`/admin/adapters/${name}/promote`, { version: tried.version }))
  const forth = await ask('somebody', question)
  page.say(`And ${forth.model}, promoted again: ${forth.choices[0].message.content === second.choices[0].message.content ? 'the same as well' : '**not the same**'}.`)

  page.chapter('Somebody asks to be erased')
  const gone = await learntFrom(tried.dataset!)
  const receipt = await read<{ readonly adapters: readonly string[] }>(await fetch(`${server.url}/v1/users/${gone}`, { method: 'DELETE', headers: { authorization: `Bearer ${place.key}` } }))
  page.say(`${gone} is erased. The receipt names what learnt from them: ${receipt.adapters.join(', ')}.`)
  const { versions } = await adapter()
  page.say(`Tainted now: ${versions.filter(({ tainted }) => tainted !== null).map(({ version, tainted }) => `${name}@${version} (${tainted!.rows} ${tainted!.rows === 1 ? 'row' : 'rows'})`).join(', ')}. The loop begins by itself:`)
  const clean = await round(['live'])
  const now = await adapter()
  page.say('', `${name}@${now.live} is live, and ${now.versions.find(({ version }) => version === now.live)?.tainted === null ? '**never saw them**' : '**still holds them**'}. ${clean.words}`)
  await held()

  visitors.abort()
  const { answered, failed, models } = await traffic
  page.chapter('All the while')
  page.say(`A visitor asked ${answered + failed} times and got ${answered} answers, ${failed === 0 ? '**none failed**' : `**${failed} failed**`}, from ${[...models].join(', ')}.`, '', `It took ${minutes(Date.now() - began)} minutes. Reports: ${(await readdir(out)).filter(file => file.startsWith('round-')).map(folder => join(given.out, folder)).join(', ')}.`)
} finally {
  visitors.abort()
  await page.keep(join(out, 'page.md'))
  await server.stop()
}

/** What trains, set up once in the folder. */
async function python (): Promise<string> {
  await mkdir(out, { recursive: true })
  console.log('Sets up what training needs (once, about 1.2 GB on the disk) …')
  const setUp = spawn(process.execPath, [join(import.meta.dirname, '../src/main.ts'), 'train', '--setup', '--data', out], { stdio: ['ignore', 'pipe', 'inherit'] })
  let told = ''
  setUp.stdout.on('data', chunk => { told += chunk })
  const [code] = await once(setUp, 'exit') as [number]
  const found = /Training is done by (\S+?)\.?\n/.exec(told)?.[1]
  if (code !== 0 || found === undefined) throw new Error(`Training could not be set up:\n${told}`)
  return found
}

async function loop (method: 'PUT' | 'POST', path: string, body: object): Promise<Loop> {
  return await read<Loop>(await server.post(`/admin/loop${path}`, body, { method }))
}

/** Watches the round under way until it is over, tells each step, and says what a person would wherever one must; throws where it does not end live. */
async function round (decisions: readonly ('canary' | 'live')[], whileTrying: () => Promise<void> = async () => {}): Promise<Round> {
  const left = [...decisions]
  let last = ''
  for (let seen = false; ; await sleep(1000)) {
    const now = await looked()
    if (now.round === null) {
      if (!seen) continue
      const [ended] = now.rounds
      if (ended!.outcome !== 'live') throw new Error(`round ${ended!.number} ended as ${ended!.outcome}: ${ended!.words}`)
      return ended!
    }
    seen = true
    if (now.step === last) continue
    last = now.step
    // What a step says of itself while it goes on is left out: a page is no progress bar.
    page.say(`- \`${now.step}\` ${now.words.replace(/ in run_[^:]*: .*/, '.')}`)
    if (now.step === 'canary') await whileTrying()
    if (now.step !== 'waiting') continue
    const decision = left.shift() ?? 'live'
    page.say(`- A person says: \`${decision}\`.`)
    await loop('POST', '/decide', { name, decision })
  }
}

/**
 * Makes the loop, or changes how much new evidence makes a round begin.
 * Examples in the prompt do not compete: each of their prompts is five times as
 * long (`bench:learning` lets them).
 */
async function set (rows: number): Promise<void> {
  await loop('PUT', '', { name, tenant, rows, cooldown_hours: 0, checks, hyper, examples: 0, canary: { percent: 50, smallest: 0.4 } })
}

async function looked (): Promise<Loop> { return (await read<{ readonly data: readonly [Loop] }>(await fetch(`${server.url}/admin/loop?name=${name}`))).data[0] }

async function adapter (): Promise<Adapter> { return await read<Adapter>(await fetch(`${server.url}/admin/adapters/${name}`)) }

/** What a run measured; its report is written beside the page. */
async function reported ({ run }: Round, folder: string): Promise<Measured> {
  const file = async (file: string): Promise<string> => await (await fetch(`${server.url}/admin/training/${run}/report?file=${file}`)).text()
  await mkdir(join(out, folder), { recursive: true })
  for (const name of ['report.md', 'report.json', 'card.md', 'loss.svg', 'gain.svg', 'slices.svg', 'arena.svg']) await writeFile(join(out, folder, name), await file(name))
  return (JSON.parse(await file('report.json')) as { readonly measured: Measured }).measured
}

async function ask (user: string, text: string, model = name, over: object = { temperature: 0, engraft: { memory: 'off' } }): Promise<Reply> {
  return await read<Reply>(await server.post('/v1/chat/completions', { model, messages: [{ role: 'system', content: system }, { role: 'user', content: text }], max_tokens: 60, ...over }, { headers: headers(user) }))
}

function headers (user: string): Record<string, string> { return { authorization: `Bearer ${place.key}`, 'x-engraft-user': user } }

/** Somebody who was never learnt from tells something, and is answered with it later. */
async function remembered (): Promise<void> {
  const [told, asked] = ['Hello, I bought a guitar in your shop last month.', 'What I bought in your shop last month has a broken handle. What can I do?']
  const newcomers = [['The base model, with memory', 'smollm2-135m', 'newcomer-0'], [`${name}@1, with memory`, name, 'newcomer-1']] as const
  for (const [, , user] of newcomers) await read(await server.post('/v1/chat/completions', { messages: [{ role: 'user', content: told }], max_tokens: 1 }, { headers: headers(user) }))
  do await sleep(1000)
  while (await server.metric('engraft_memory_units{state="pending"}') > 0)
  page.say('', ...quoted('A newcomer, yesterday', told), ...quoted('And today', asked))
  for (const [who, model, user] of newcomers) {
    const reply = await ask(user, asked, model, { temperature: 0 })
    page.say(...quoted(`${who} (${reply.engraft.memories.length} recalled)`, reply.choices[0].message.content))
  }
}

/** People who only vote, until the canary has seen enough. */
async function vote (): Promise<void> {
  // Votes are evidence too; from here on only an erasure is to begin a round.
  await set(1_000_000)
  const { round } = await looked()
  for (let crowd = 0; crowd < (given.quick ? 1 : 3); crowd++) {
    await each(size.voters, async i => {
      const { text, likes } = voter(1000 * (seed + crowd) + i)
      const { id, choices: [{ message: { content } }] } = await ask(`voter-${crowd}-${i}`, text)
      await read(await server.post('/v1/feedback', { completion_id: id, kind: 'thumb', value: likes(content) }, { headers: headers(`voter-${crowd}-${i}`) }))
    })
    // It looks every half minute.
    for (let waited = 0; waited < 35 && (await looked()).round?.version === round?.version && (await looked()).step === 'canary'; waited++) await sleep(1000)
    if ((await looked()).step !== 'canary') break
  }
  const { judged, tried, words } = await read<{ readonly judged: Record<'candidate' | 'live', { readonly rate: number | null, readonly answers: number, readonly people: number }>, readonly tried: Record<'candidate' | 'live', { readonly answers: number, readonly failed: number }>, readonly words: string }>(await fetch(`${server.url}/admin/adapters/${name}/canary`))
  for (const arm of ['live', 'candidate'] as const) page.say(`  - ${arm}: ${judged[arm].rate === null ? 'not judged' : `${(100 * judged[arm].rate).toFixed(0)} % good`} of ${judged[arm].answers} judged answers to ${judged[arm].people} people; ${tried[arm].failed} failed`)
  page.say(`  - ${words}`)
  if ((await looked()).step === 'canary') {
    page.say('  - A person has seen enough, and says: `live`.')
    await loop('POST', '/decide', { name, decision: 'live' })
  }
}

/** What the curation drops of what the poisoners said. */
async function poisoned (): Promise<void> {
  const { manifest: { steps } } = await read<{ readonly manifest: { readonly steps: readonly { readonly name: string, readonly dropped: Readonly<Record<string, number>>, readonly report: { readonly people?: readonly string[] } | null }[] } }>(await server.post('/admin/datasets/preview', { tenant, name }))
  const push = steps.find(step => step.name === 'push')
  const dropped = Object.values(push?.dropped ?? {}).reduce((sum, count) => sum + count, 0)
  page.say(`Three people end each of their 4 corrections with “${pushed}”. The next data set drops ${dropped} of these 12 rows as a phrase that a handful of people push, and its report names the ${push?.report?.people?.length ?? 0} who do it: ${push?.report?.people?.join(', ') || 'nobody'}.`)
}

/** Whether the poison is anywhere. */
async function held (): Promise<void> {
  let found = 0
  await each(size.held, async i => { if ((await ask(`held-${i}`, voter(5000 + i).text)).choices[0].message.content.includes('Megamart')) found++ })
  page.say(`The poisoned phrase is in ${found} of ${size.held} answers to people who were never learnt from.`)
}

/** Somebody whose rows are taught in this version of the data set. */
async function learntFrom (dataset: string): Promise<string> {
  for (let i = 0; i < size.agents; i++) {
    const { data } = await read<{ readonly data: readonly { readonly versions: readonly { readonly id: string, readonly split: string }[] }[] }>(await fetch(`${server.url}/admin/datasets/lineage?user=agent-${i}&tenant=${tenant}`))
    if (data.some(({ versions }) => versions.some(({ id, split }) => id === dataset && split === 'train'))) return `agent-${i}`
  }
  throw new Error('nobody is learnt from')
}

/** Asks on and on, the base until there is a live version. */
async function visit (): Promise<{ readonly answered: number, readonly failed: number, readonly models: ReadonlySet<string> }> {
  const models = new Set<string>()
  let [answered, failed] = [0, 0]
  while (!visitors.signal.aborted) {
    const live = await adapter().then(({ live }) => live, () => null)
    await ask('visitor', voter(answered).text, live === null ? 'smollm2-135m' : name, { max_tokens: 24, engraft: { memory: 'off' } }).then(({ model }) => { answered++; models.add(model) }, () => { failed++ })
    await sleep(visitEvery)
  }
  return { answered, failed, models }
}

async function each (count: number, work: (i: number) => Promise<void>): Promise<void> {
  let next = 0
  await Promise.all(Array.from({ length: 4 }, async () => { while (next < count) await work(next++) }))
}
