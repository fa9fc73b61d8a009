import { test } from 'tap'
import { Admission } from '../../src/inference/admission.ts'
import { never } from '../support/engine.ts'

const open = (over = {}): Admission => new Admission({ capacity: 1, queue: 4, queuePerTenant: 2, timeout: 60, ...over })

test('tenants are admitted in turn, each in its own order', async t => {
  const admission = open({ queue: 100, queuePerTenant: 100 })
  const order: string[] = []
  const leave = await admission.admit('flood', never)
  const join = (tenant: string, name: string): Promise<void> => admission.admit(tenant, never).then(done => { order.push(name); done() })
  const all = [join('flood', 'f1'), join('flood', 'f2'), join('flood', 'f3'), join('ada', 'a1'), join('bob', 'b1'), join('ada', 'a2')]
  leave()
  await Promise.all(all)
  t.strictSame(order, ['f1', 'a1', 'b1', 'f2', 'a2', 'f3'])
  t.equal(admission.running, 0)
  t.equal(admission.waiting, 0)
})

test('a full queue refuses early and says when to come back', async t => {
  const admission = open()
  await admission.admit('ada', never)
  const waiting = [admission.admit('ada', never), admission.admit('ada', never), admission.admit('bob', never), admission.admit('bob', never)]
  await t.rejects(admission.admit('ada', never), { code: 'queue_full', status: 503, retryAfter: Number })
  const eve = admission.admit('eve', never)
  await t.rejects(waiting[1] ?? eve, { code: 'queue_full' }, 'the longest line makes room for one who has none waiting')
  const zoe = admission.admit('zoe', never)
  await t.rejects(waiting[3] ?? zoe, { code: 'queue_full' })
  await t.rejects(admission.admit('kim', never), { code: 'queue_full' }, 'but not where all lines are short')
  t.equal(admission.waiting, 4)
  admission.close()
  for (const one of [waiting[0], waiting[2], eve, zoe]) await t.rejects(one ?? eve, { code: 'shutting_down' })
})

test('one who leaves or waits too long gives the place up, and the slot is not lost', async t => {
  const admission = open({ timeout: 0.05 })
  const leave = await admission.admit('ada', never)
  const gone = new AbortController()
  const left = admission.admit('bob', gone.signal)
  const late = admission.admit('eve', never)
  gone.abort(new Error('left'))
  // Given back in the same turn: it must not go to one who has just been refused.
  leave()
  await t.rejects(left, { message: 'left' })
  const free = await late
  await t.rejects(admission.admit('bob', never), { code: 'queue_timeout' })
  free()
  t.equal(admission.running, 0)
  ;(await admission.admit('bob', never))()
})
