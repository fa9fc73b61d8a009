import type { BaseMessageLike } from '@langchain/core/messages'
import { tool } from '@langchain/core/tools'
import { ChatOpenAI, OpenAIEmbeddings } from '@langchain/openai'
import { z } from 'zod'
import { weatherTurns } from '../support/tool-model.ts'

/** What frameworks.test.ts asks of LangChain; the address and the model are the arguments. Prints what it saw as JSON. */
const [, , baseURL = '', model = ''] = process.argv
const common = { model, apiKey: 'none', configuration: { baseURL }, maxRetries: 0 }
const Animal = z.object({ name: z.string().max(12), kind: z.enum(['bird', 'fish', 'mammal']), legs: z.number().int().min(0).max(8) })

const short = new ChatOpenAI({ ...common, temperature: 0, maxTokens: 8 })
const answer = await short.invoke('Name three colours.')
let streamed = ''
for await (const chunk of await short.stream('Name three colours.')) streamed += chunk.text

const chat = new ChatOpenAI({ ...common, temperature: 0, maxTokens: 80 })
const animals: unknown[] = []
for (const method of ['jsonSchema', 'functionCalling'] as const) animals.push(await chat.withStructuredOutput(Animal, { method, name: 'animal' }).invoke('Describe a cat.'))

const weather = tool(async () => 'snowy', { name: 'weather', description: 'The weather in a city', schema: z.object({ city: z.string().max(16) }) })
const bound = chat.bindTools([weather])
const turns = [...weatherTurns, { role: 'user', content: 'What is the weather in Oslo?' }] as BaseMessageLike[]
const called = await bound.invoke(turns)
let gathered = null
for await (const chunk of await bound.stream(turns)) gathered = gathered === null ? chunk : gathered.concat(chunk)

const vectors = await new OpenAIEmbeddings(common).embedDocuments(['The cat sleeps.', 'A dog barks.'])
console.log(JSON.stringify({
  answer: answer.text,
  outputTokens: answer.usage_metadata?.output_tokens,
  streamed,
  animals,
  calls: called.tool_calls,
  streamedCalls: gathered?.tool_calls,
  vectors: vectors.map(({ length }) => length)
}))
