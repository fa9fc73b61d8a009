import { test } from 'tap'
import { options, parse } from '../src/config.ts'

test('a variable that is empty is as unset, for every setting', t => {
  const empty = Object.fromEntries(options.map(({ variable }) => [variable, '']))
  t.strictSame(parse({ ...empty, ENGRAFT_BOOTSTRAP_KEY: '' }, {}), parse({}, {}))
  t.match(parse({ ENGRAFT_DATA: '' }, {}).data, /engraft-data$/)
  t.end()
})

test('a flag wins over the environment, and what is wrong is told all at once', t => {
  t.equal(parse({ ENGRAFT_PORT: '1' }, { port: '2' }).port, 2)
  t.throws(() => parse({ ENGRAFT_PORT: 'x', ENGRAFT_PROT: '1' }, { slots: '0' }), { name: 'ConfigError', faults: [/--port \(ENGRAFT_PORT\) is 'x'/, /--slots .* is '0'/, /ENGRAFT_PROT is no setting/] })
  t.end()
})
