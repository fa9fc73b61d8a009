import { readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { prose } from '../../test/support/engine.ts'
import { seeded } from '../../test/gguf/builder.ts'
import { until } from '../../test/support/wire.ts'
import type { Contestant, Opened, Question, Turn } from './contestants.ts'
import { estimate, inTurn, median, printPairs, printWithin, quantile, ratios, shown, type Both } from './pairs.ts'
import type { RawLoop } from './raw.ts'
import { firstToken, gaps, Refused, wholeRate, writingRate, type Answered } from './stream.ts'

export interface Stage {
  readonly both: Opened
  /** How many pairs each figure is the median of. */
  readonly pairs: number
  raw (): Promise<RawLoop>
}

/** In the order they run in. Each takes its pairs and prints its lines. */
export const sections = { writing, processor, reading, stall, product, overhead, schema } as const

const subjects = ['the sea', 'a lighthouse', 'an old clock', 'a lost dog', 'the first snow', 'a night train', 'two brothers', 'a garden']

function story (number: number): readonly Turn[] {
  return [{ role: 'system', content: 'You tell long stories.' }, { role: 'user', content: `Tell me a long story about ${subjects[number % subjects.length]}.` }]
}

/** That many answers at a time, each of so many tokens. */
export async function together (contestant: Contestant, streams: number, tokens: number, adapter: (stream: number) => number | undefined = () => undefined): Promise<readonly Answered[]> {
  return await Promise.all(Array.from({ length: streams }, (_, i) => {
    const given = adapter(i)
    return contestant.ask({ messages: story(i), tokens, ...given !== undefined && { adapter: given } })
  }))
}

/** Of each measurement, one number. */
export function each<M> ({ engraft, llama }: Both<readonly M[]>, number: (measurement: M) => number): Both<readonly number[]> {
  return { engraft: engraft.map(number), llama: llama.map(number) }
}

const loads = {
  '1 stream': { streams: 1, tokens: 64, adapter: undefined },
  '4 streams': { streams: 4, tokens: 48, adapter: undefined },
  '8 streams': { streams: 8, tokens: 40, adapter: undefined },
  '1 stream, one adapter': { streams: 1, tokens: 64, adapter: 0 },
  '8 streams, one adapter': { streams: 8, tokens: 40, adapter: 0 }
} as const
type Load = keyof typeof loads
const loadNames = Object.keys(loads) as Load[]

/** Tokens per second with and without an adapter, and how evenly they come. */
async function writing ({ both, pairs }: Stage): Promise<void> {
  const all = (contestant: Contestant) => async (): Promise<Record<Load, readonly Answered[]>> => {
    const taken: Partial<Record<Load, readonly Answered[]>> = {}
    for (const name of loadNames) taken[name] = await together(contestant, loads[name].streams, loads[name].tokens, () => loads[name].adapter)
    return taken as Record<Load, readonly Answered[]>
  }
  const taken = await inTurn(pairs, all(both.engraft), all(both.llama))
  const rate = (load: Load) => each(taken, answers => writingRate(answers[load]))
  for (const load of loadNames) printPairs(`tokens/s, ${load}`, rate(load))
  for (const load of ['8 streams', '8 streams, one adapter'] as const) printPairs(`from request to last token, ${load}`, each(taken, answers => wholeRate(answers[load])))
  for (const load of ['1 stream', '8 streams'] as const) {
    printPairs(`ms between tokens, p95, ${load}`, each(taken, answers => quantile(answers[load].flatMap(gaps), 0.95)))
    const [tuned, base] = [rate(`${load}, one adapter`), rate(load)]
    printWithin(`one adapter against the base, ${load}`, { engraft: ratios(tuned.engraft, base.engraft), llama: ratios(tuned.llama, base.llama) })
  }
}

/** What a step costs the process that decodes, which for llama-server is all of it. Others on the machine take time from both but add none of theirs here. */
async function processor ({ both, pairs }: Stage): Promise<void> {
  if (process.platform !== 'linux') return console.log('  not measured: only Linux tells it of another process')
  for (const name of loadNames) {
    const { streams, tokens, adapter } = loads[name]
    const step = (contestant: Contestant) => async (): Promise<number> => {
      // Its prompts are read, and were by an earlier pair.
      await together(contestant, streams, 1, () => adapter)
      const before = await processorMs(contestant.pid)
      await together(contestant, streams, tokens, () => adapter)
      return (await processorMs(contestant.pid) - before) / tokens
    }
    printPairs(`processor ms a step, ${name}`, await inTurn(pairs, step(both.engraft), step(both.llama)))
  }
}

/** User and system time of a process so far; proc(5) counts it in hundredths of a second. */
async function processorMs (pid: number): Promise<number> {
  const fields = (await readFile(`/proc/${pid}/stat`, 'utf8')).split(') ').at(-1)?.split(' ') ?? []
  return 10 * (Number(fields[11]) + Number(fields[12]))
}

/** A prompt that nobody has seen, and the conversation's second turn. */
async function reading ({ both, pairs }: Stage): Promise<void> {
  const read = (contestant: Contestant) => async (round: number): Promise<{ cold: Answered, warm: Answered }> => {
    const messages: readonly Turn[] = [{ role: 'user', content: `Note ${round}. ${prose(500)}` }]
    const cold = await contestant.ask({ messages, tokens: 1 })
    return { cold, warm: await contestant.ask({ messages: [...messages, { role: 'assistant', content: 'Yes.' }, { role: 'user', content: 'Go on.' }], tokens: 1 }) }
  }
  const taken = await inTurn(pairs, read(both.engraft), read(both.llama))
  const length = taken.engraft[0]?.cold.promptTokens
  printPairs(`prompt tokens/s (${length} tokens)`, each(taken, ({ cold }) => cold.promptTokens / firstToken(cold) * 1000))
  printPairs('ms to first token, cold', each(taken, ({ cold }) => firstToken(cold)))
  printPairs('ms to first token, second turn', each(taken, ({ warm }) => firstToken(warm)))
}

/** How long a piece may take to come on a machine that others use too, in ms. */
const patience = 60_000

/** One stream runs while another's long prompt is read. */
async function stall ({ both, pairs }: Stage): Promise<void> {
  const held = (contestant: Contestant) => async (round: number): Promise<{ gap: number, first: number }> => {
    const leaving = new AbortController()
    const heard: number[] = []
    const running = contestant.ask({ messages: story(round), tokens: 1800 }, leaving.signal, at => heard.push(at)).catch((error: unknown) => {
      if (!leaving.signal.aborted) throw error
    })
    await Promise.race([until(() => heard.length >= 16, patience), running])
    const long = await contestant.ask({ messages: [{ role: 'user', content: `Book ${round}. ${prose(1500)}` }], tokens: 1 })
    const read = long.pieces[0] ?? NaN
    await until(() => (heard.at(-1) ?? 0) > read, patience)
    leaving.abort()
    await running
    // The caller has left; the server hears of it a moment later.
    await sleep(300)
    const around = heard.filter((_, i) => (heard[i + 1] ?? Infinity) > long.sentAt && (heard[i - 1] ?? 0) <= read)
    return { gap: Math.max(...around.slice(1).map((at, i) => at - (around[i] ?? NaN))), first: firstToken(long) }
  }
  const taken = await inTurn(pairs, held(both.engraft), held(both.llama))
  printPairs('longest gap of a stream beside a 1,500-token prompt (ms)', each(taken, ({ gap }) => gap))
  printPairs('that prompt\'s own time to first token (ms)', each(taken, ({ first }) => first))
}

/** Two users of each of the four. */
const adaptersOfUsers = [0, 0, 1, 1, 2, 2, 3, 3]
const house = `You are the assistant of a small shop for garden tools. ${'Be short, be friendly, name the price in euros, and never promise a date of delivery that the customer has not been given in writing. '.repeat(10)}`
const talk = ['I look for a spade.', 'Is there a lighter one?', 'How do I clean it?']

/** The product's own load: users of four adapters talk with one long system prompt. New conversations each round, by users who come in another order; the system prompt is the old one, as in a shop that stays open. */
async function product ({ both, pairs }: Stage): Promise<void> {
  const shop = (contestant: Contestant) => async (round: number): Promise<{ all: number, later: number, first: number }> => {
    const conversations = shuffled(adaptersOfUsers, round).map((adapter): { adapter: number, messages: Turn[], answers: Answered[] } => ({ adapter, messages: [{ role: 'system', content: house }], answers: [] }))
    const turn = async ({ adapter, messages, answers }: typeof conversations[number], user: number): Promise<void> => {
      messages.push({ role: 'user', content: `${talk[answers.length]} (customer ${round}-${user})` })
      const answer = await contestant.ask({ messages: [...messages], tokens: 20, adapter })
      messages.push({ role: 'assistant', content: answer.text })
      answers.push(answer)
    }
    await Promise.all(conversations.map(turn))
    await Promise.all(conversations.map(async (conversation, user) => {
      await turn(conversation, user)
      await turn(conversation, user)
    }))
    const later = conversations.flatMap(({ answers }) => answers.slice(1))
    return { all: wholeRate(conversations.flatMap(({ answers }) => answers)), later: wholeRate(later), first: median(later.map(firstToken)) }
  }
  const taken = await inTurn(pairs, shop(both.engraft), shop(both.llama))
  printPairs('tokens/s, 8 users of 4 adapters, three turns each', each(taken, ({ all }) => all))
  printPairs('the second and third turns alone', each(taken, ({ later }) => later))
  printPairs('ms to first token in them, median user', each(taken, ({ first }) => first))
}

/** The same order for the same seed (Fisher and Yates). */
function shuffled (values: readonly number[], seed: number): number[] {
  const random = seeded(seed)
  const order = [...values]
  for (let left = order.length; left > 1; left--) order.push(...order.splice(random(left), 1))
  return order
}

/** Over HTTP, through the scheduler and from the engine's process, against nothing but batches and samples of the same native context. */
async function overhead ({ both, pairs, raw }: Stage): Promise<void> {
  const loop = await raw()
  for (const [streams, tokens] of [[1, 64], [8, 40]] as const) {
    const { engraft, llama: bare } = await inTurn(pairs, async () => writingRate(await together(both.engraft, streams, tokens)), () => loop.rate(streams, tokens))
    console.log(`  ${`share of a token's time beyond decode and sample, ${streams === 1 ? '1 stream' : `${streams} streams`}`.padEnd(62)} engraft ${shown(estimate(ratios(engraft, bare).map(ratio => 1 - ratio)))}`)
  }
  await loop.close()
}

/** Text of a list that is never complete, so that the grammar is at work to the last token. */
const list = {
  response_format: {
    type: 'json_schema',
    json_schema: {
      name: 'plants',
      strict: true,
      schema: {
        type: 'object',
        properties: { plants: { type: 'array', minItems: 30, items: { type: 'object', properties: { name: { type: 'string', maxLength: 24 }, height: { type: 'integer' }, hardy: { type: 'boolean' } }, required: ['name', 'height', 'hardy'], additionalProperties: false } } },
        required: ['plants'],
        additionalProperties: false
      }
    }
  }
}

async function schema ({ both, pairs }: Stage): Promise<void> {
  const asks: Omit<Question, 'over'> = { messages: [{ role: 'user', content: 'List thirty garden plants as JSON.' }], tokens: 96 }
  const written = (contestant: Contestant) => async (): Promise<number> => {
    const free = writingRate([await contestant.ask(asks)])
    return writingRate([await contestant.ask({ ...asks, over: list })]) / free
  }
  try {
    printWithin('tokens/s with a JSON schema against free text, 1 stream', await inTurn(pairs, written(both.engraft), written(both.llama)))
  } catch (error) {
    if (!(error instanceof Refused) || error.status !== 400) throw error
    console.log(`  tokens/s with a JSON schema: not available (${error.message})`)
  }
}
