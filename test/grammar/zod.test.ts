import { zodFunction, zodResponseFormat } from 'openai/helpers/zod'
import { test } from 'tap'
import { z } from 'zod'
import { schemaGrammar } from '../../src/grammar/grammar.ts'
import { randomFrom, Sampler } from './sampler.ts'

const node: z.ZodType = z.lazy(() => z.object({ name: z.string(), children: z.array(node) }))
const shapes: Readonly<Record<string, z.ZodObject>> = {
  scalars: z.object({ text: z.string().min(1).max(20), whole: z.int(), share: z.number().min(0).max(1), above: z.number().gt(2.5), yes: z.boolean(), none: z.null(), maybe: z.string().nullable(), one: z.literal('x'), some: z.enum(['a', 'b']) }),
  formats: z.object({ email: z.email(), uuid: z.uuid(), day: z.iso.date(), clock: z.iso.time(), at: z.iso.datetime(), anywhere: z.iso.datetime({ offset: true }), long: z.iso.duration(), v4: z.ipv4(), v6: z.ipv6(), phone: z.e164(), code: z.string().regex(/^[A-Z]{2}\d+$/).max(6) }),
  nested: z.object({ list: z.array(z.object({ a: z.number(), b: z.array(z.string()).min(1).max(3) })), either: z.union([z.string(), z.number()]), kind: z.discriminatedUnion('kind', [z.object({ kind: z.literal('a'), x: z.string() }), z.object({ kind: z.literal('b'), y: z.number() })]) }),
  recursive: z.object({ root: node })
}

for (const [name, shape] of Object.entries(shapes)) {
  test(`every text under the grammar of zodResponseFormat is what zod parses: ${name}`, t => {
    const { schema, strict } = zodResponseFormat(shape, 'answer').json_schema
    const sampler = new Sampler(schemaGrammar(schema, { strict: strict === true }))
    const random = randomFrom(3)
    for (let time = 0; time < 100; time++) {
      const text = sampler.text(random, 300)
      const parsed = shape.safeParse(JSON.parse(text))
      if (!parsed.success) t.fail(`${text}: ${parsed.error.message}`)
    }
    t.end()
  })
}

test('every text under the grammar of zodFunction\'s parameters is what zod parses', t => {
  const shape = z.object({ city: z.string(), days: z.int().min(1).max(14), unit: z.enum(['C', 'F']).nullable() })
  const { parameters, strict } = zodFunction({ name: 'weather', parameters: shape }).function
  const sampler = new Sampler(schemaGrammar(parameters, { strict: strict === true }))
  const random = randomFrom(4)
  for (let time = 0; time < 100; time++) shape.parse(JSON.parse(sampler.text(random)))
  t.end()
})

test('what zod writes without strictness is understood too', t => {
  const shape = z.object({ counts: z.record(z.string(), z.number()), named: z.record(z.enum(['a', 'b']), z.int()), pair: z.tuple([z.string(), z.number()]), maybe: z.string().optional(), host: z.hostname(), bytes: z.base64(), parts: z.string().startsWith('ab').includes('d').endsWith('c'), link: z.url(), both: z.intersection(z.object({ a: z.string() }), z.object({ b: z.string() })), any: z.unknown() })
  for (const target of ['draft-7', 'draft-2020-12'] as const) {
    const sampler = new Sampler(schemaGrammar(z.toJSONSchema(shape, { target })))
    const random = randomFrom(5)
    for (let time = 0; time < 100; time++) {
      const text = sampler.text(random)
      const parsed = shape.safeParse(JSON.parse(text))
      if (!parsed.success) t.fail(`${text}: ${parsed.error.message}`)
    }
  }
  t.end()
})
