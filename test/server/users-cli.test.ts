import { dirname, join } from 'node:path'
import { test } from 'tap'
import { eraseUser, forgetMemory, setPolicy, showUser } from '../../src/cli/users.ts'
import { openErasures } from '../../src/privacy/erasures.ts'
import { People } from '../../src/privacy/people.ts'
import { openPolicies } from '../../src/privacy/policies.ts'
import { openedMemories } from '../memory/opened.ts'
import { appFor, listening } from '../support/app.ts'

test('what is kept of a user is shown, limited, forgotten and erased from the terminal', async t => {
  const { memories, database, path } = await openedMemories(t)
  const policies = openPolicies(database)
  const erasures = { ...openErasures({ database, path: join(dirname(path), 'erasures.jsonl'), people: new People(), policies }), copies: async () => ['engraft.db.before-007'] }
  const { url } = await listening(await appFor(t, { memories, policies, erasures }))
  const server = { url, key: null, user: null }
  const lines: string[] = []
  const print = (line: string): void => { lines.push(line) }
  const owner = { tenant: 'local', user: 'Ådå/1' }
  const { ids } = await memories.remember(owner, [{ kind: 'note', text: 'Likes tea.' }, { kind: 'note', text: 'Likes cake.' }])

  await showUser(server, owner.user, print)
  t.strictSame(lines.splice(0), ['Ådå/1 lets be kept: memory read on, write on; answers on; training on; until it is erased', 'with this key and server holds: memory read on, write on; answers on; training on; until it is erased'])
  await setPolicy(server, owner.user, { memory: 'read', training: 'off', retentionDays: '7' }, print)
  t.match(lines.splice(0)[0], 'memory read on, write off; answers on; training off; 7 days')
  await setPolicy(server, owner.user, { retentionDays: 'server' }, print)
  t.match(lines.splice(0)[0], 'memory read on, write off; answers on; training off; until it is erased')
  await t.rejects(setPolicy(server, owner.user, { memory: 'some' }, print), /--memory is 'some'/)
  await t.rejects(setPolicy(server, owner.user, { store: 'yes' }, print), /--store is 'yes'/)
  await t.rejects(setPolicy(server, owner.user, { retentionDays: '0' }, print), /retention_days/)

  await forgetMemory({ ...server, user: owner.user }, ids[0]!, print)
  t.strictSame(lines.splice(0), [`${ids[0]} is forgotten.`])
  await t.rejects(eraseUser(server, owner.user, {}, print), /--yes/)
  await eraseUser(server, owner.user, { yes: true }, print)
  t.match(JSON.parse(lines[0]!), { object: 'erasure', rows: { memories: 1 }, outside: ['engraft.db.before-007'] })
  t.match(lines[1], /engraft\.db\.before-007 in the data folder still holds/)
})
