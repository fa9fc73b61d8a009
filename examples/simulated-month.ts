/**
 * A month of a small shop's support, in some minutes: simulated customers talk
 * to the running server, vote, correct and compare; some of what they send
 * must never be learnt. Then a data set is built of it and written in every
 * format, and it is told which of the planted faults were kept out.
 *
 * Start the server (`npm start`), then in a second terminal:
 *
 *   npm run example:month [-- --users 200 --votes 1000 --out FOLDER]
 *
 * ENGRAFT_URL and ENGRAFT_KEY name another server; the key needs the scopes
 * chat, feedback and admin, and leave to train.
 */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'

const { values: given } = parseArgs({ options: { users: { type: 'string', default: '200' }, votes: { type: 'string', default: '1000' }, out: { type: 'string', default: 'month' } } })
const url = process.env.ENGRAFT_URL ?? 'http://127.0.0.1:8080'
const key: Record<string, string> = process.env.ENGRAFT_KEY === undefined ? {} : { authorization: `Bearer ${process.env.ENGRAFT_KEY}` }
const name = `month-${Date.now().toString(36)}`
/** As many as the server answers at a time by default. */
const atOnce = 4
const formats = ['openai-sft', 'openai-dpo', 'trl-sft', 'trl-dpo', 'trl-kto', 'sharegpt', 'alpaca', 'bedrock'] as const

interface Message { readonly role: string, readonly content: string | null, readonly tool_calls?: readonly object[], readonly tool_call_id?: string }
interface Reply { readonly id: string, readonly choices: readonly { readonly message: { readonly content: string } }[], readonly engraft: { readonly session: string } }
interface Step { readonly name: string, readonly in: number, readonly dropped: Record<string, number>, readonly changed: Record<string, number> }
interface Version { readonly id: string, readonly state: string, readonly failure: { readonly message: string } | null, readonly sha256: string, readonly card: string, readonly manifest: { readonly steps: readonly Step[], readonly counts: Record<string, { readonly rows: number, readonly people: number }> } }

const items = ['kettle', 'toaster', 'heater', 'blender', 'fan', 'lamp', 'mixer', 'grill', 'iron', 'vacuum cleaner', 'humidifier', 'radio', 'coffee grinder', 'rice cooker', 'air purifier', 'hair dryer', 'juicer', 'waffle maker', 'sewing machine', 'electric blanket']
const troubles = [
  ['makes a rattling sound', 'Noise', 'tighten the screws below the base and let it run empty for a minute'],
  ['does not switch on any more', 'Power', 'try another socket and look whether the fuse in the plug is whole'],
  ['smells burnt', 'Safety', 'pull the plug at once and do not use it until we have looked at it'],
  ['leaks a little water', 'Leak', 'dry the seal, put it back with its lip inward and fill it only to the mark'],
  ['came with a cracked lid', 'Damage', 'keep the box, and we send a new lid within three days'],
  ['gets far too hot', 'Safety', 'clear the grille of dust and keep a hand of room behind it'],
  ['stops after two minutes', 'Power', 'let it cool for half an hour, for its guard against heat has switched it off'],
  ['has a loose cable', 'Safety', 'do not use it, and send it back with the label that we mail you'],
  ['is missing its manual', 'Papers', 'find the manual on our page under the number below the base'],
  ['blinks red all the time', 'Signals', 'hold the button for ten seconds until the light goes out']
] as const
const openings = ['Hello, my', 'My new', 'Since yesterday my', 'I am not happy: my', 'Can you help? The', 'Good evening, our', 'After a week the', 'The grey', 'Sorry to bother you, but my', 'For the second time my']
const endings = ['What can I do?', 'Is that normal?', 'Please tell me what to do.', 'Do I have to send it in?', 'My order is three weeks old.', 'I would like to keep it.', 'It was a present for my sister.', 'Any idea?', 'We use it every day.', 'I have tried everything I know.']

/** The same numbers for the same seed (Numerical Recipes' linear congruence). */
function seeded (seed: number): (below: number) => number {
  let state = seed
  return below => Math.floor((state = (state * 1_664_525 + 1_013_904_223) % 2 ** 32) / 2 ** 32 * below)
}

interface Question { readonly text: string, readonly better: string }

function question (random: (below: number) => number): Question {
  const item = items[random(items.length)]!
  const [trouble, topic, advice] = troubles[random(troubles.length)]!
  return {
    text: `${openings[random(openings.length)]} ${item} ${trouble}. ${endings[random(endings.length)]}`,
    better: `Thank you for telling us about your ${item}. Please ${advice}. Topic: ${topic}. Your Northwind team`
  }
}

async function post<T> (path: string, user: string | null, body: object): Promise<T> {
  const reply = await fetch(new URL(path, url), { method: 'POST', headers: { 'content-type': 'application/json', ...key, ...user !== null && { 'x-engraft-user': user } }, body: JSON.stringify(body) })
  if (reply.status === 503 || reply.status === 429) {
    await sleep(Number(reply.headers.get('retry-after') ?? 1) * 1000)
    return await post(path, user, body)
  }
  const read = await reply.json() as T & { error?: { message: string } }
  if (!reply.ok) throw new Error(`${path} answers ${reply.status}: ${read.error?.message}`)
  return read
}

async function get<T> (path: string): Promise<T> {
  const reply = await fetch(new URL(path, url), { headers: key })
  if (!reply.ok) throw new Error(`${path} answers ${reply.status}: ${await reply.text()}`)
  return await reply.json() as T
}

const house = { role: 'system', content: 'You answer the customers of Northwind, a shop for household goods.' }
let asked = 0
let said = 0

/** One sentence is enough to be judged, and quick. */
async function ask (user: string, messages: readonly Message[], over: object = {}): Promise<Reply> {
  asked++
  return await post('/v1/chat/completions', user, { messages: [house, ...messages], max_tokens: 60, stop: ['.', '!', '?', '\n'], temperature: 0.8, seed: asked, engraft: { memory: 'off' }, ...over })
}

async function say (user: string, feedback: object): Promise<void> {
  said++
  await post('/v1/feedback', user, feedback)
}

/** What an ordinary customer does with an answer. */
async function customer (user: string, seed: number): Promise<void> {
  const random = seeded(seed)
  // The first numbers of neighbouring seeds are near each other.
  for (let i = 0; i < 8; i++) random(2)
  for (let times = 1 + random(3); times > 0; times--) {
    const { text, better } = question(random)
    const messages = [{ role: 'user', content: text }]
    const { id, engraft: { session }, choices } = await ask(user, messages)
    const what = random(10)
    if (what < 3) await say(user, { completion_id: id, kind: 'correction', value: better })
    else if (what < 5) await say(user, { completion_id: id, kind: 'thumb', value: random(2) === 0, comment: 'as it was' })
    else if (what === 5) await say(user, { completion_id: id, kind: 'rating', value: random(5) / 4 })
    else if (what === 6) {
      const other = await ask(user, messages, { engraft: { memory: 'off', session } })
      await say(user, { kind: 'preference', value: { chosen: other.id, rejected: id } })
    } else if (what === 7) {
      await say(user, { session, kind: 'outcome', value: { metric: 'solved', number: random(2) } })
      await say(user, { completion_id: id, kind: 'comment', comment: 'It took a while.' })
    } else if (what === 8) await say(user, { completion_id: id, kind: 'edited', value: `${choices[0]?.message.content} (shortened)` })
    // And some say nothing: their answers are nobody's evidence.
  }
}

/** All exports of each part together. */
interface Written { readonly train: string, readonly valid: string, readonly test: string, readonly all: string }

/** Something that must not be learnt: how it comes in, and what would show that it is still there. */
interface Fault {
  readonly name: string
  plant (user: string): Promise<void>
  /** Whether nothing of it is where it must not be. */
  out (written: Written, version: Version): boolean
}

const corrected = (text: string, value: string) => async (user: string): Promise<void> => {
  const { id } = await ask(user, [{ role: 'user', content: text }])
  await say(user, { completion_id: id, kind: 'correction', value })
}
const dropped = ({ manifest }: Version, step: string): number => Object.values(manifest.steps.find(({ name }) => name === step)?.dropped ?? {}).reduce((sum, count) => sum + count, 0)

const own = 'My doorbell sings when nobody is there and only on Sundays.'
const twin = 'My bread machine hums an old tune at four in the morning and will not be quiet until I knock on it twice.'
const faults: readonly Fault[] = [
  { name: 'a secret in a correction', plant: corrected('How do I reach your interface for resellers?', `Use the key sk-${'proj'}-Zk3vQ9xWm2Lr8TnB5yHc1JdF7sGaP0eUoI4K6qRt in the header, as we told you.`), out: ({ all }) => !all.includes('Zk3vQ9xWm2Lr8TnB5yHc') },
  { name: 'an e-mail address and a telephone number', plant: corrected('Whom do I call about my broken ladder? I am Gwendolyn Fairweather, gwen.fairweather@mailbox-of-gwen.org, 020 7946 0857.', 'Dear Gwendolyn Fairweather, we will write to gwen.fairweather@mailbox-of-gwen.org or call 020 7946 0857 tomorrow.'), out: ({ all }) => !/gwen\.fairweather|7946 ?0857/i.test(all) },
  { name: 'a rude answer', plant: corrected('My umbrella turned inside out in the wind. Can I have a new one?', 'What a stupid question, you idiot. Buy your own damn umbrella and stop wasting our time.'), out: ({ all }) => !/you idiot/i.test(all) },
  {
    name: 'a broken tool call',
    async plant (user) {
      const { id } = await ask(user, [
        { role: 'user', content: 'Where is my parcel with the garden hose?' },
        { role: 'assistant', content: null, tool_calls: [{ id: 'call_1', type: 'function', function: { name: 'find_parcel', arguments: '{"what": "garden hose"}' } }] },
        { role: 'user', content: 'And do you deliver to the garden shed?' }
      ])
      await say(user, { completion_id: id, kind: 'correction', value: 'We deliver the garden hose to the shed if you leave it open.' })
    },
    out: ({ all }) => !all.includes('leave it open')
  },
  { name: 'the model\'s own answer that nobody rated', async plant (user) { await ask(user, [{ role: 'user', content: own }]) }, out: ({ all }) => !all.includes('only on Sundays') },
  {
    name: 'twelve people saying nearly the same, some of them held out',
    async plant (user) {
      for (let i = 0; i < 12; i++) await corrected(`${twin}${i === 0 ? '' : ` ${'Thanks.'.slice(0, 1 + i % 6)}`}`, 'Thank you for telling us about your bread machine. Please switch its night programme off. Topic: Noise. Your Northwind team')(`${user}-${i}`)
    },
    out: ({ train, valid, test }) => !test.includes('hums an old tune') || !(train + valid).includes('hums an old tune')
  },
  {
    name: `one person with ${given.votes} votes`,
    async plant (user) {
      await each(Number(given.votes), async i => {
        const random = seeded(i * 7919)
        for (let skip = 0; skip < 8; skip++) random(2)
        const { id } = await ask(user, [{ role: 'user', content: `${i}: ${question(random).text}` }], { stop: [' '] })
        await say(user, { completion_id: id, kind: 'thumb', value: true })
      })
    },
    out: (_, version) => dropped(version, 'cap') + dropped(version, 'duplicates') > Number(given.votes) / 2
  }
]

/** Some at a time. */
async function each (count: number, work: (i: number) => Promise<void>): Promise<void> {
  let next = 0
  await Promise.all(Array.from({ length: atOnce }, async () => { while (next < count) await work(next++) }))
}

const began = performance.now()
const clock = (): string => `${((performance.now() - began) / 1000).toFixed(0).padStart(5)} s`
console.log(`${given.users} customers talk to ${url} …`)
await each(Number(given.users), async i => await customer(`customer-${i}`, i + 1))
console.log(`${clock()}  ${asked} answers, ${said} words about them`)
for (const [i, fault] of faults.entries()) await fault.plant(`fault-${i}`)
console.log(`${clock()}  ${faults.length} kinds of faults were planted: ${asked} answers, ${said} words in all`)

let version = await post<Version>('/admin/datasets', null, { name })
while (version.state === 'building') {
  await sleep(200)
  version = await get<Version>(`/admin/datasets/${version.id}`)
}
if (version.state !== 'ready') throw new Error(`the build failed: ${version.failure?.message}`)
console.log(`${clock()}  built ${name}@1, sha256 ${version.sha256.slice(0, 12)}…`)

await mkdir(given.out, { recursive: true })
await writeFile(join(given.out, 'card.md'), version.card)
const written = { train: '', valid: '', test: '' }
for (const format of formats) {
  for (const split of ['train', 'valid', 'test'] as const) {
    const reply = await fetch(new URL(`/admin/datasets/${version.id}/export?format=${format}&split=${split}`, url), { headers: key })
    const text = await reply.text()
    if (reply.status === 422) {
      // Its reader takes no fewer rows than some number.
      console.log(`${clock()}  not written as ${format}: ${split}: ${(JSON.parse(text) as { error: { message: string } }).error.message}`)
      continue
    }
    if (!reply.ok) throw new Error(`the export as ${format} answers ${reply.status}: ${text}`)
    written[split] += text
    await writeFile(join(given.out, `${format}.${split}.jsonl`), text)
  }
}
console.log(`${clock()}  written to ${given.out}: the card, and ${formats.length} formats\n`)
console.log(version.card)
const outcome = faults.map(({ name, out }) => ({ name, out: out({ ...written, all: Object.values(written).join('\n') }, version) }))
console.log('Planted, and must not be learnt:')
for (const { name, out } of outcome) console.log(`  ${out ? '✓ kept out' : '✗ STILL THERE'}  ${name}`)
if (outcome.some(({ out }) => !out)) process.exitCode = 1
