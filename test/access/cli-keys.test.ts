import { type Test, test } from 'tap'
import { openKeys } from '../../src/access/keys.ts'
import { type CreateFlags, createKey, listKeys, revokeKey } from '../../src/cli/keys.ts'
import { freshPath, opened } from '../database/fixtures.ts'

const flags = { name: 'app', tenant: 'acme', scope: ['chat'] }

test('a key made on the command line is printed once, alone on its line, with a warning', async t => {
  const { keys, lines, print } = await desk(t)
  await createKey(keys, { ...flags, user: 'ada', model: ['house'], expires: '90d', requestsPerMinute: '60', tokensPerDay: '1000' }, print)
  t.match(await keys.verify(lines[0]!), { boundUser: 'ada', models: ['house'], requestsPerMinute: 60, tokensPerDay: 1000 })
  t.match(lines.at(-1), /only time/)
  const days = (Date.parse((await keys.list())[0]!.expiresAt!) - Date.now()) / 86_400_000
  t.ok(days > 89.9 && days <= 90)
})

test('flags that make no sense are refused by name', async t => {
  const { keys, lines, print } = await desk(t)
  const wrong: [string, Partial<CreateFlags>][] = [['expiresAt', { expires: 'soon' }], ['expiresAt', { expires: '2001-01-01' }], ['expiresAt', { expires: '0d' }], ['requestsPerMinute', { requestsPerMinute: 'many' }], ['tokensPerDay', { tokensPerDay: '' }], ['scopes', { scope: ['everything'] }]]
  for (const [param, part] of wrong) await t.rejects(createKey(keys, { ...flags, ...part }, print), { code: 'invalid_request', param })
  t.strictSame(lines, [])
})

test('keys are listed in aligned columns, with their state and without their secrets', async t => {
  const { keys, lines, print } = await desk(t)
  await listKeys(keys, {}, print)
  t.match(lines.splice(0), [/no keys yet/])
  await createKey(keys, flags, print)
  await createKey(keys, { ...flags, name: 'a much longer name', tenant: 'beta', expires: '2099-01-02T03:04:05Z' }, print)
  await createKey(keys, { ...flags, name: 'gone' }, print)
  const secrets = lines.splice(0).filter(line => line.startsWith('ek_'))
  await revokeKey(keys, (await keys.list()).find(key => key.name === 'gone')!.id, print)
  t.match(lines.splice(0), [/opens nothing any more/])

  await listKeys(keys, {}, print)
  const table = lines.splice(0)
  t.equal(table.length, 4)
  const column = table[0]!.indexOf('TENANT')
  for (const line of table.slice(1)) t.match(line.slice(column), /^(acme|beta) /)
  t.match(table.join('\n'), /valid until 2099-01-02T03:04Z[^]*revoked \d{4}-/)
  for (const secret of secrets) t.notOk(table.join('\n').includes(secret.slice(-43)))
  await listKeys(keys, { tenant: 'beta' }, print)
  t.equal(lines.length, 2)
  await t.rejects(revokeKey(keys, 'nobody', print), { code: 'key_not_found' })
})

async function desk (t: Test) {
  const lines: string[] = []
  return { keys: openKeys(await opened(t, freshPath(t))), lines, print: (line: string) => { lines.push(line) } }
}
