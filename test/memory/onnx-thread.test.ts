import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { test } from 'tap'
import { GateShutError, RunGate } from '../../src/memory/onnx/gate.ts'

const script = fileURLToPath(new URL('ended-thread.ts', import.meta.url))

for (const how of ['exit', 'terminate']) {
  test(`a thread that embeds is ended by ${how} in the middle of its work without a crash`, async t => {
    for (const after of [200, 310, 420]) {
      const child = spawn(process.execPath, [script, how, String(after)], { stdio: ['ignore', 'ignore', 'pipe'] })
      const [complaint, [code, signal]] = await Promise.all([text(child.stderr), once(child, 'exit')])
      t.strictSame({ code, signal, complaint }, { code: 3, signal: null, complaint: '' }, `after ${after} ms`)
    }
  })
}

test('a shut gate lets nothing through', async t => {
  const gate = new RunGate()
  t.equal(await gate.through(async () => 1), 1)
  await t.rejects(gate.through(async () => { throw new TypeError('its own') }), TypeError)
  new RunGate(gate.memory).shut()
  await t.rejects(gate.through(async () => 2), GateShutError)
})
