import fc from 'fast-check'
import { test } from 'tap'
import { schemaGrammar } from '../../src/grammar/grammar.ts'
import { acceptor, dispose } from './native.ts'
import { randomFrom, Sampler } from './sampler.ts'
import { pair } from './schemas.ts'
import { validator } from './validator.ts'

/** The same run every time; a failure prints the smallest schema that fails. */
const runs = { seed: 20_260, numRuns: 150 }

test('every text of a random schema\'s grammar is JSON that Ajv accepts', t => {
  let texts = 0
  fc.assert(fc.property(pair, fc.nat(), ({ schema }, seed) => {
    const sampler = new Sampler(schemaGrammar(schema))
    const validate = validator(schema)
    const random = randomFrom(seed)
    for (let time = 0; time < 5; time++) {
      const text = sampler.text(random)
      const verdict = validate(JSON.parse(text))
      if (verdict !== true) throw new Error(`${text}: ${verdict}`)
      texts++
    }
  }), runs)
  t.equal(texts, 5 * runs.numRuns)
  t.end()
})

test('every valid value, in compact JSON with its keys in order, is taken by llama.cpp under its schema\'s grammar', async t => {
  t.teardown(dispose)
  await fc.assert(fc.asyncProperty(pair.chain(({ schema, values }) => values.map(value => ({ schema, value }))), async ({ schema, value }) => {
    const verdict = validator(schema)(value)
    if (verdict !== true) throw new Error(`the test's own value does not fit: ${verdict}`)
    const accepts = await acceptor(schemaGrammar(schema))
    if (!accepts(JSON.stringify(value))) throw new Error(`not taken: ${JSON.stringify(value)}`)
  }), runs)
})
