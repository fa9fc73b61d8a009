import { dirname, join } from 'node:path'
import { test } from 'tap'
import { startServer } from '../support/server.ts'
import { pythonWith, run } from './python.ts'

const found = await pythonWith(['schemathesis==4.32.5'], 'schemathesis')

/**
 * Whatever is generated from /openapi.json, right values and wrong ones, is
 * answered as the document says. Whether a wrong one is refused is not asked
 * here: fields that nobody knows are taken, and names that are right may name
 * nothing.
 */
const checks = ['not_a_server_error', 'status_code_conformance', 'content_type_conformance', 'response_schema_conformance']

test('Schemathesis finds no failure of ours, and no reply that the document does not describe', { skip: 'missing' in found ? found.missing : false }, async t => {
  if ('missing' in found) return
  // Small answers: a request that leaves the length open would be answered up to the end of the context.
  const server = await startServer(t, ['--max-tokens', '2', '--context', '512'])
  const document = await (await fetch(`${server.url}/openapi.json`)).json() as { paths: Record<string, object> }
  const operations = Object.values(document.paths).reduce((sum, path) => sum + Object.keys(path).length, 0)
  const { code, out, err } = await run(join(dirname(found.python), 'st'), [
    'run', `${server.url}/openapi.json`, '--checks', checks.join(','), '--phases', 'examples,coverage,fuzzing', '--max-examples', '8', '--generation-deterministic',
    '--continue-on-failure', '--no-shrink', '--request-timeout', '60', '--warnings', 'off', '--no-color'
  ], { ms: 240_000, cwd: server.data })
  t.equal(code, 0, `${/=+ (?:ERRORS|FAILURES) =+[^]*/.exec(out)?.[0] ?? out.slice(-5_000)}${err}`)
  t.match(out, new RegExp(`Tested: ${operations}\\b`), 'every route was tried')
  t.strictSame(server.log().split('\n').filter(line => /"level":[56]0/.test(line)), [], 'nothing broke')
  t.equal(await server.metric('engraft_engine_restarts_total'), 0)
})
