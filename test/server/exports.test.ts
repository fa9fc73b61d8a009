import { createHash } from 'node:crypto'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import { keyless } from '../../src/access/caller.ts'
import { formatNames } from '../../src/datasets/exports/format.ts'
import { openReviews } from '../../src/datasets/open-reviews.ts'
import { tenant } from '../datasets/fixtures.ts'
import { feedbackStore } from '../interactions/feedback.ts'
import { interaction } from '../interactions/fixtures.ts'
import { appFor } from '../support/app.ts'
import { exporting } from './exporting.ts'

/** The routes over a real version of a data set. */
async function open (t: Test) {
  const made = await exporting(t)
  const { version, exports, schedules } = made
  const app = await appFor(t, { exports, schedules })
  const call = async (method: 'GET' | 'HEAD' | 'POST' | 'DELETE', url: string, headers: Record<string, string> = {}, payload?: object) =>
    await app.inject({ method, url, headers: { host: '127.0.0.1', ...headers }, ...payload !== undefined && { payload } })
  return { ...made, app, call, url: `/admin/datasets/${version.id}/export` }
}

test('a version is downloaded in any format, with its digest, and what is left out is told', async t => {
  const { call, url, data } = await open(t)
  const whole = await call('GET', `${url}?format=openai-sft`)
  t.equal(whole.statusCode, 200)
  t.match(whole.headers, { 'content-type': 'application/jsonl', 'content-length': String(whole.rawPayload.length), etag: `"${createHash('sha256').update(whole.rawPayload).digest('hex')}"`, 'accept-ranges': 'bytes' })
  const told = JSON.parse(String(whole.headers['x-engraft-export']))
  t.equal(told.rows, whole.body.trimEnd().split('\n').length)
  t.match(told, { skipped: {}, warnings: Array })
  t.equal((await call('GET', `${url}?format=openai-sft`)).body, whole.body, 'byte for byte')
  for (const format of formatNames.filter(name => name !== 'trl-kto')) t.equal((await call('GET', `${url}?format=${format}&split=train`)).statusCode, 200, format)
  t.match((await call('GET', `${url}?format=trl-kto`)).json(), { error: { code: 'export_refused', message: /no row of it fits/, param: 'format' } })
  t.match((await call('GET', `${url}?format=parquet`)).json(), { error: { param: 'format' } })
  t.match((await call('GET', '/admin/datasets/ds_none/export?format=alpaca')).json(), { error: { code: 'dataset_not_found' } })
  t.match(await call('HEAD', `${url}?format=alpaca`), { statusCode: 200, body: '' })
  t.strictSame(await readdir(join(data, 'exports')), [], 'nothing of it stays')
})

test('a download that was cut off goes on where it ended, and begins anew where rows were erased meanwhile', async t => {
  const { call, url, erasures } = await open(t)
  const whole = await call('GET', `${url}?format=trl-sft`)
  const etag = String(whole.headers.etag)
  const rest = await call('GET', `${url}?format=trl-sft`, { range: 'bytes=1000-', 'if-range': etag })
  t.match(rest, { statusCode: 206, headers: { 'content-range': `bytes 1000-${whole.rawPayload.length - 1}/${whole.rawPayload.length}` } })
  t.ok(Buffer.concat([whole.rawPayload.subarray(0, 1000), rest.rawPayload]).equals(whole.rawPayload))
  t.equal((await call('GET', `${url}?format=trl-sft`, { range: 'bytes=10-19' })).body, whole.body.slice(10, 20))
  t.equal((await call('GET', `${url}?format=trl-sft`, { range: 'bytes=-5' })).body, whole.body.slice(-5))
  t.equal((await call('GET', `${url}?format=trl-sft`, { range: 'lines=1-2' })).statusCode, 200)
  t.match((await call('GET', `${url}?format=trl-sft`, { range: `bytes=${whole.rawPayload.length}-` })).json(), { error: { code: 'range_not_satisfiable' } })
  for (let user = 0; user < 10; user++) await erasures.erase({ tenant, user: `user-${user}` })
  const anew = await call('GET', `${url}?format=trl-sft`, { range: 'bytes=1000-', 'if-range': etag })
  t.equal(anew.statusCode, 200)
  t.ok(anew.rawPayload.length < whole.rawPayload.length)
  t.not(anew.headers.etag, etag)
})

test('schedules are made, listed and ended, and what they wrote is listed', async t => {
  const { call, schedules } = await open(t)
  const given = await call('POST', '/admin/schedules', {}, { tenant, dataset: 'house', format: 'trl-sft', rows: 5 })
  t.match([given.statusCode, given.json()], [201, { object: 'schedule', tenant, dataset: 'house', format: 'trl-sft', split: 'train', folder: null, cron: null, rows: 5, next_at: null, failure: null }])
  await schedules.tick()
  t.strictSame((await call('GET', '/admin/schedules')).json().data, [given.json()])
  t.match((await call('GET', '/admin/exports')).json(), { object: 'list', data: [{ object: 'export', schedule: given.json().id, format: 'trl-sft', path: /house@1-train\.trl-sft\.jsonl$/, removed_at: null }] })
  t.match((await call('POST', '/admin/schedules', {}, { dataset: 'house', format: 'trl-sft', cron: 'soon' })).json(), { error: { code: 'schedule_invalid', param: 'cron' } })
  t.match((await call('POST', '/admin/schedules', {}, { dataset: 'house', format: 'trl-sft', rows: 5, every: 'day' })).statusCode, 400)
  t.equal((await call('DELETE', `/admin/schedules/${given.json().id}`)).statusCode, 204)
  t.match((await call('DELETE', `/admin/schedules/${given.json().id}`)).json(), { error: { code: 'schedule_not_found' } })
})

test('answers are reviewed over HTTP by who may administer', async t => {
  const store = await feedbackStore(t)
  const made = interaction({ training: true })
  await store.interactions.record(made)
  await store.say(made.owner, { kind: 'correction', value: 'Better.', completion: made.id })
  const app = await appFor(t, { reviews: openReviews({ database: store.database, feedback: store.feedback }) })
  const call = async (method: 'GET' | 'POST', url: string, payload?: object) => await app.inject({ method, url, headers: { host: '127.0.0.1' }, ...payload !== undefined && { payload } })
  t.match((await call('GET', '/admin/reviews?evidence=correction')).json(), { data: [{ id: made.id, object: 'review.candidate', tenant: 'acme', user: 'ada', messages: [{ role: 'user', content: 'hello' }], answer: 'hi', feedback: [{ kind: 'correction', value: 'Better.' }], review: null }], has_more: false })
  for (const wrong of [{ verdict: 'edited', reviewer: 'rita' }, { verdict: 'approved', answer: 'x', reviewer: 'rita' }, { verdict: 'approved' }, { verdict: 'fine', reviewer: 'rita' }]) t.equal((await call('POST', `/admin/reviews/${made.id}`, wrong)).statusCode, 400)
  t.match((await call('POST', `/admin/reviews/${made.id}`, { verdict: 'edited', answer: ' ', reviewer: 'rita' })).json(), { error: { code: 'review_empty' } })
  const given = await call('POST', `/admin/reviews/${made.id}`, { verdict: 'edited', answer: 'Best.', reviewer: 'rita', reason: 'clearer' })
  t.match([given.statusCode, given.json()], [201, { object: 'review', completion_id: made.id, verdict: 'edited', answer: 'Best.', reviewer: 'rita', reason: 'clearer' }])
  t.strictSame((await call('GET', '/admin/reviews')).json().data, [])
  t.match((await call('GET', '/admin/reviews?state=reviewed')).json().data, [{ review: given.json() }])
  t.match((await call('POST', '/admin/reviews/chatcmpl-none', { verdict: 'approved', reviewer: 'rita' })).json(), { error: { code: 'completion_not_found' } })
  const keyed = await appFor(t, { verify: async () => ({ ...keyless, keyId: 'chat', scopes: new Set(['chat']) }) })
  t.equal((await keyed.inject({ method: 'GET', url: '/admin/reviews', headers: { authorization: 'Bearer ek_x' } })).statusCode, 403)
})
