import { test } from 'tap'
import { collect, endless, generation, openEngine } from '../support/engine.ts'

test('who waits gets the slot that a cancelled answer gives up, whenever that is', { timeout: 120_000 }, async t => {
  const engine = await openEngine(t, { slots: 1 })
  for (let round = 0; round < 20; round++) {
    const leaving = new AbortController()
    const parts = engine.generate(generation('Count.', { maxTokens: 1000, sampling: endless }), leaving.signal)
    for (let i = 0; i < 3; i++) await parts.next()
    // In one step, while a batch runs: the child hears of both before its next one.
    leaving.abort(new Error('left'))
    const { done } = await collect(engine.generate(generation('Still there?', { maxTokens: 2 }), AbortSignal.timeout(20_000)))
    t.equal(done.usage.completionTokens, 2, `round ${round}`)
    await parts.return()
  }
})
