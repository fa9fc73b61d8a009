import { type Test, test } from 'tap'
import { keyless } from '../../src/access/caller.ts'
import { problem } from '../../src/errors.ts'
import { appFor, listening } from '../support/app.ts'
import { ScriptedTraining, course, datasetsOf, estimate, falling, verdict, versionId } from '../support/training.ts'

const datasets = datasetsOf(
  { id: versionId(4), name: 'house', version: 3, state: 'building' },
  { id: versionId(3), name: 'house', version: 2 },
  { id: versionId(2), name: 'house', version: 1 },
  { id: versionId(5), name: 'barn', version: 1, tenant: 'acme' },
  { id: versionId(6), name: 'shed', version: 1, state: 'failed' }
)

async function open (t: Test) {
  const training = new ScriptedTraining()
  const app = await appFor(t, { training, datasets })
  const call = async (method: 'GET' | 'POST', url: string, payload?: object) => await app.inject({ method, url, headers: { host: '127.0.0.1' }, ...payload !== undefined && { payload } })
  const start = async (body: object) => await call('POST', '/admin/training', body)
  return { app, training, call, start }
}

test('a run begins with defaults where little is said, and with all that is said', async t => {
  const { training, start } = await open(t)
  const little = await start({ dataset: 'house' })
  t.equal(little.statusCode, 202)
  t.match(little.json(), { id: /^run_\d{24}$/, object: 'training.run', tenant: 'local', name: 'house', dataset: versionId(3), stage: 'waiting', created_at: '2025-10-09T08:53:20.000Z', ended_at: null, progress: null, verdict: null, erased: 0 })
  t.strictSame(training.asked.at(-1), ['start', { tenant: 'local', name: 'house', dataset: versionId(3), base: null, method: null, parent: null, candidate: null, hyper: {}, checks: [], examples: 3, judge: null, curve: false }])
  const nulls = Object.fromEntries(['tenant', 'name', 'base', 'method', 'parent', 'candidate', 'hyper', 'checks', 'examples', 'judge', 'curve', 'dry_run'].map(field => [field, null]))
  t.equal((await start({ dataset: 'house', ...nulls })).statusCode, 202)
  t.strictSame(training.asked.at(-1), training.asked[0], 'null means absent')

  const checks = [{ name: 'signed', type: 'pattern', pattern: '^(?<item>\\w+)\\.$' }, { name: 'no list', type: 'absent', pattern: '^- ' }, { name: 'short', type: 'words', least: 0, most: 80 }]
  const body = { tenant: 'acme', name: 'north', dataset: 'barn@1', base: 'org/big:q4@1', method: 'dpo', parent: 'run_1', hyper: { lr: 1e-4, targets: ['q_proj'], amp: null }, checks, examples: 0, judge: 'tiny', curve: true }
  t.match((await start(body)).json(), { method: 'dpo', hyper: { lr: 1e-4 }, checks, curve: true })
  t.strictSame(training.asked.at(-1), ['start', { ...body, dataset: versionId(5), hyper: { lr: 1e-4, targets: ['q_proj'] }, candidate: null }])
})

test('a data set is named by its id, its version, or its name for the newest ready one, within the tenant', async t => {
  const { training, start } = await open(t)
  for (const [dataset, id] of [['house@1', 2], [versionId(2), 2], ['house', 3], ['house@3', 4], ['shed', 6]] as const) {
    await start({ dataset })
    t.equal(training.asked.at(-1)?.[1].dataset, versionId(id), dataset)
  }
  for (const dataset of ['house@9', 'attic', 'barn', versionId(5), versionId(9)]) {
    const refused = await start({ dataset })
    t.match([refused.statusCode, refused.json()], [404, { error: { code: 'dataset_not_found', param: 'dataset' } }], dataset)
  }
})

test('an adapter that exists is measured under its own name, and nothing is said of training', async t => {
  const { training, start } = await open(t)
  t.equal((await start({ dataset: 'house', candidate: 'north@7', curve: false })).statusCode, 202)
  t.match(training.asked.at(-1)?.[1], { name: 'north', candidate: 'north@7', method: null, hyper: {} })
  for (const [param, more] of [['method', { method: 'sft' }], ['hyper', { hyper: {} }], ['curve', { curve: true }]] as const) {
    t.match((await start({ dataset: 'house', candidate: 'north@7', ...more })).json(), { error: { code: 'invalid_request', param } })
  }
})

test('a dry run is an estimate, and begins nothing', async t => {
  const { training, start } = await open(t)
  const told = await start({ dataset: 'house', dry_run: true })
  t.match([told.statusCode, told.json()], [200, { object: 'training.estimate', ...estimate }])
  t.strictSame(training.asked.map(([verb]) => verb), ['estimate'])
  t.strictSame(training.runs, [])
})

test('a body that cannot be meant is refused with the field at fault, and nothing begins', async t => {
  const { training, start } = await open(t)
  const check = { name: 'a', type: 'pattern', pattern: 'x' }
  for (const [param, body] of [
    ['dataset', {}], ['dataset', { dataset: '' }], ['dataset', { dataset: 'a\0' }], ['dataset', { dataset: 'x'.repeat(513) }], ['dataset', { dataset: 7 }],
    ['colour', { dataset: 'house', colour: 1 }], ['name', { dataset: 'house', name: '-x' }], ['name', { dataset: 'house', name: 'x'.repeat(101) }], ['method', { dataset: 'house', method: 'ppo' }],
    ['candidate', { dataset: 'house', candidate: 'north' }], ['candidate', { dataset: 'house', candidate: 'north@0' }], ['parent', { dataset: 'house', parent: '' }],
    ['examples', { dataset: 'house', examples: 21 }], ['examples', { dataset: 'house', examples: -1 }], ['examples', { dataset: 'house', examples: '3' }], ['curve', { dataset: 'house', curve: 1 }], ['dry_run', { dataset: 'house', dry_run: 'yes' }],
    ['hyper', { dataset: 'house', hyper: ['lr'] }], ['hyper', { dataset: 'house', hyper: Object.fromEntries(Array.from({ length: 33 }, (_, i) => [`key${i}`, i])) }],
    ['checks', { dataset: 'house', checks: Array.from({ length: 21 }, (_, i) => ({ ...check, name: `c${i}` })) }], ['checks[0].type', { dataset: 'house', checks: [{ ...check, type: 'regex' }] }], ['checks[0].flags', { dataset: 'house', checks: [{ ...check, flags: 'i' }] }],
    ['checks[0].pattern', { dataset: 'house', checks: [{ name: 'a', type: 'absent' }] }], ['checks[0].pattern', { dataset: 'house', checks: [{ ...check, pattern: 'x'.repeat(1001) }] }], ['checks[0].least', { dataset: 'house', checks: [{ ...check, least: 1 }] }],
    ['checks[0].most', { dataset: 'house', checks: [{ name: 'a', type: 'words', least: 5 }] }], ['checks[1].pattern', { dataset: 'house', checks: [check, { name: 'a', type: 'words', least: 1, most: 4, pattern: 'x' }] }], ['checks[0].name', { dataset: 'house', checks: [{ ...check, name: '' }] }]
  ] as const) {
    const refused = await start(body)
    t.match([refused.statusCode, refused.json().error], [400, { code: 'invalid_request', param }], JSON.stringify(body).slice(0, 100))
  }
  t.strictSame(training.asked, [])
})

test('what keeps a run from beginning is told with its code', async t => {
  const { training, start } = await open(t)
  for (const [refusal, status] of [
    [problem('dataset_not_ready', { dataset: 'house@3', state: 'building', id: versionId(4) }), 409],
    [problem('model_not_found', { model: 'gone' }, { param: 'base' }), 404],
    [problem('invalid_request', { detail: 'hyper.lr is not a number from 1e-8 to 1.' }, { param: 'hyper.lr' }), 400],
    [problem('training_too_few', { rows: 12, limit: 40 }), 422],
    [problem('python_missing', { detail: 'none was found' }), 503]
  ] as const) {
    training.refusal = refusal
    for (const body of [{ dataset: 'house' }, { dataset: 'house', dry_run: true }]) {
      const refused = await start(body)
      t.match([refused.statusCode, refused.json().error.code], [status, refusal.code])
    }
  }
})

test('a run is shown live over HTTP, from waiting to its verdict, with its losses', async t => {
  const training = new ScriptedTraining()
  const { url } = await listening(await appFor(t, { training, datasets }))
  const get = async (path: string) => await (await fetch(`${url}${path}`)).json() as Record<string, unknown>
  const { id } = await (await fetch(`${url}/admin/training`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ dataset: 'house' }) })).json() as { id: string }
  training.steps = course()
  t.match(await get(`/admin/training/${id}`), { id, stage: 'waiting', progress: null, losses: [] })
  t.match(await get(`/admin/training/${id}`), { stage: 'preparing', progress: { what: 'reads the rows', done: 40, total: null, loss: null, tokens_per_second: null, eta: null } })
  training.steps.splice(0, 2)
  training.points = falling
  t.match(await get(`/admin/training/${id}`), { stage: 'training', method: 'sft', progress: { what: 'trains', done: 3, total: 12, loss: 2.3456, tokens_per_second: 171.4, eta: 125 }, losses: { length: 100, 0: { step: 1, loss: 4, valid: null }, 49: { valid: 2.02 } } })
  t.match(await get(`/admin/training/${id}`), { stage: 'evaluating', took: { preparing: 12_000, training: 130_000 } })
  t.match(await get(`/admin/training/${id}`), { stage: 'done', ended_at: '2025-10-09T08:56:40.000Z', verdict, adapter: { name: 'house', version: 3 }, digest: 'ab'.repeat(32) })
  training.steps = [{ failure: { code: 'training_diverged', message: 'The training diverged.' }, stage: 'failed' }]
  t.match(await get(`/admin/training/${id}`), { stage: 'failed', failure: { code: 'training_diverged' } })
})

test('runs are listed, of all tenants or of one, and cancelled', async t => {
  const { call, start } = await open(t)
  await start({ dataset: 'house' })
  await start({ dataset: 'barn', tenant: 'acme' })
  t.match((await call('GET', '/admin/training')).json(), { object: 'list', data: [{ name: 'barn' }, { name: 'house' }] })
  const { data: [{ id }], ...rest } = (await call('GET', '/admin/training?tenant=local')).json()
  t.strictSame(rest, { object: 'list' })
  t.match((await call('POST', `/admin/training/${id}/cancel`)).json(), { id, stage: 'cancelled', ended_at: /^\d{4}-/ })
  for (const [method, url] of [['GET', '/admin/training/run_none'], ['POST', '/admin/training/run_none/cancel'], ['GET', '/admin/training/run_none/report']] as const) {
    t.match((await call(method, url)).json(), { error: { code: 'training_not_found' } }, url)
  }
})

test('each file of a report is sent as what it is, and a plot may run and fetch nothing', async t => {
  const { training, call, start } = await open(t)
  const { id } = (await start({ dataset: 'house' })).json()
  t.match([(await call('GET', `/admin/training/${id}/report`)).statusCode, (await call('GET', `/admin/training/${id}/report`)).json()], [409, { error: { code: 'training_not_done' } }])
  training.runs[0] = { ...training.runs[0]!, stage: 'done' }
  training.files = { 'report.md': '# häuser', 'report.json': '{"rows": 3}', 'card.md': '---\n', 'loss.svg': '<svg xmlns="http://www.w3.org/2000/svg"/>' }
  for (const [query, type, body] of [['', 'text/markdown', '# häuser'], ['?file=report.md', 'text/markdown', '# häuser'], ['?file=report.json', 'application/json', '{"rows": 3}'], ['?file=card.md', 'text/markdown', '---\n'], ['?file=loss.svg', 'image/svg+xml', training.files['loss.svg']]] as const) {
    const sent = await call('GET', `/admin/training/${id}/report${query}`)
    t.match([sent.statusCode, sent.headers['content-type'], sent.body], [200, `${type}; charset=utf-8`, body])
    t.match(sent.headers, { 'content-security-policy': "default-src 'none'; sandbox", 'x-content-type-options': 'nosniff' })
  }
  t.match((await call('GET', `/admin/training/${id}/report?file=curve.svg`)).json(), { error: { code: 'not_found' } })
  for (const file of ['../job.json', 'peft', 'report.md.svg']) t.match((await call('GET', `/admin/training/${id}/report?${new URLSearchParams({ file })}`)).json(), { error: { code: 'invalid_request', param: 'file' } })
})

test('training is for who may administer', async t => {
  const app = await appFor(t, { datasets, verify: async () => ({ ...keyless, keyId: 'chat', scopes: new Set(['chat', 'memory', 'feedback']) }) })
  for (const [method, url] of [['GET', '/admin/training'], ['POST', '/admin/training'], ['GET', '/admin/training/run_1'], ['POST', '/admin/training/run_1/cancel'], ['GET', '/admin/training/run_1/report']] as const) {
    const refused = await app.inject({ method, url, headers: { authorization: 'Bearer ek_x' } })
    t.match([refused.statusCode, refused.json()], [403, { error: { code: 'insufficient_scope' } }], `${method} ${url}`)
  }
})

test('a run of another tenant is begun by naming it, and without a name of the key\'s own', async t => {
  const training = new ScriptedTraining()
  const app = await appFor(t, { training, datasets, verify: async () => ({ ...keyless, keyId: 'k', tenant: 'acme' }) })
  const start = async (payload: object) => (await app.inject({ method: 'POST', url: '/admin/training', headers: { authorization: 'Bearer ek_x' }, payload })).json()
  t.match(await start({ dataset: 'barn' }), { tenant: 'acme', dataset: versionId(5) })
  t.match(await start({ dataset: 'house' }), { error: { code: 'dataset_not_found' } })
  t.match(await start({ dataset: 'house', tenant: 'local' }), { tenant: 'local', dataset: versionId(3) })
})

test('metrics tell how many runs ended how, and how the one that trains goes', async t => {
  const { training, call, start } = await open(t)
  const told = async () => (await call('GET', '/metrics')).body.split('\n').filter(line => /^engraft_training/.test(line))
  t.strictSame(await told(), [])
  t.equal(training.listed, 1, 'runs are read once for all of it')
  for (let i = 0; i < 5; i++) await start({ dataset: 'house', name: `n${i}` })
  const become = (i: number, change: object) => { training.runs[i] = { ...training.runs[i]!, ...change } }
  become(0, { stage: 'training', progress: { what: 'trains', done: 3, total: 12, loss: 2.5, tokensPerSecond: 171, eta: 5 } })
  become(1, { stage: 'done', ended: 1, verdict })
  become(2, { stage: 'done', ended: 1, verdict: { ...verdict, decision: 'refuse' } })
  become(3, { stage: 'failed', ended: 1 })
  t.strictSame((await told()).sort(), [
    'engraft_training_loss{adapter="n4"} 2.5', 'engraft_training_runs_total{outcome="failed"} 1', 'engraft_training_runs_total{outcome="promote"} 1', 'engraft_training_runs_total{outcome="refuse"} 1',
    'engraft_training_stage{stage="training"} 1', 'engraft_training_stage{stage="waiting"} 1', 'engraft_training_tokens_per_second{adapter="n4"} 171'
  ])
  become(0, { stage: 'evaluating', progress: { what: 'answers', done: 1, total: 2, eta: null } })
  t.notMatch((await told()).join(), /loss|per_second/, 'only while it trains')
})
