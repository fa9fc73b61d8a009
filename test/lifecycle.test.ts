import { once } from 'node:events'
import { chmod, symlink } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { test } from 'tap'
import { greeting } from '../src/cli/serve.ts'
import { parse } from '../src/config.ts'
import { endAll, probeAddress, unlessAborted } from '../src/lifecycle.ts'
import { diskUse } from '../src/serve.ts'

test('a step of the end that fails keeps none of the others from running, and is told', async t => {
  const ran: string[] = []
  const step = (name: string, error?: Error) => async (): Promise<void> => {
    ran.push(name)
    if (error !== undefined) throw error
  }
  const broken = new Error('broken')
  await t.rejects(endAll([step('first'), step('second', broken), step('third')]), broken)
  t.strictSame(ran.splice(0), ['third', 'second', 'first'])
  await t.rejects(endAll([step('first', broken), () => { throw new Error('at once') }]), { name: 'AggregateError', errors: [{ message: 'at once' }, broken] })
  t.strictSame(ran.splice(0), ['first'])
  await endAll([step('first')])
})

test('work is given up when the signal fires, before or under way', async t => {
  const controller = new AbortController()
  t.equal(await unlessAborted(controller.signal, Promise.resolve(7)), 7)
  const never = unlessAborted(controller.signal, sleep(60_000, 7, { ref: false }))
  const late = unlessAborted(controller.signal, sleep(5).then(() => { throw new Error('too late to be told') }))
  controller.abort(new Error('enough'))
  await t.rejects(never, { message: 'enough' })
  await t.rejects(late, { message: 'enough' })
  await t.rejects(unlessAborted(controller.signal, sleep(60_000, 7, { ref: false })), { message: 'enough' })
  await sleep(10)
})

test('an address that was tried is free afterwards', async t => {
  const taken = createServer().listen(0, '127.0.0.1')
  await once(taken, 'listening')
  const address = { host: '127.0.0.1', port: (taken.address() as AddressInfo).port }
  await t.rejects(probeAddress(address), { name: 'StartError', message: /--port/ })
  taken.close()
  await once(taken, 'close')
  await probeAddress(address)
  await probeAddress(address)
})

test("a folder's size counts what can be read, and nothing else stops it", async t => {
  const dir = t.testdir({ a: '12345', below: { b: '123' }, shut: { c: '1' } })
  await symlink('/nowhere', `${dir}/dangling`)
  t.equal(await diskUse(dir), 9)
  t.equal(await diskUse(`${dir}/vanished`), 0)
  await chmod(`${dir}/shut`, 0)
  // The administrator may read anything; nobody (65534) may not.
  const administrator = process.getuid?.() === 0
  if (administrator) process.seteuid?.(65534)
  try {
    t.equal(await diskUse(dir), 8)
  } finally {
    if (administrator) process.seteuid?.(0)
    await chmod(`${dir}/shut`, 0o755)
  }
})

test('the first request that is shown lets the shell put the key in', t => {
  const started = { url: 'http://h:1', version: '1', models: [], gpu: 'off', dataBytes: 0 }
  t.match(greeting({ ...started, keyless: false }, parse({}, {})), '-H "authorization: Bearer $ENGRAFT_KEY" \\\n')
  t.notMatch(greeting({ ...started, keyless: true }, parse({}, {})), 'authorization')
  t.end()
})
