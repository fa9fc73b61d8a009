import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { test } from 'tap'
import { localEnvironment, reachingEnvironment } from '../../../src/training/python/environment.ts'
import { outputOf, run } from '../../../src/training/python/process.ts'
import { alive, root, until } from './support.ts'

const env = localEnvironment(process.env)
const never = new AbortController().signal
const shell = (script: string) => ({ command: '/bin/sh', args: ['-c', script], env })

test('lines are heard whole however they arrive, and one that is too long is left out', async t => {
  const { code, lines } = await outputOf(shell('printf one; sleep 0.1; echo " line"; head -c 3000000 /dev/zero | tr "\\0" x; echo; echo another; printf "no end"'), never)
  t.equal(code, 0)
  t.strictSame(lines, ['one line', 'another'])
})

test('of stderr the end is kept, and a signal is told', async t => {
  const { code, signal, stderr } = await run(shell('yes 0123456789 | head -c 100000 >&2; echo last >&2; kill -9 $$'), () => {}, never)
  t.equal(code, null)
  t.equal(signal, 'SIGKILL')
  t.equal(stderr.length, 4096)
  t.ok(stderr.endsWith('last\n'))
})

test('nothing of the server\'s environment reaches a process but what programs need', async t => {
  const given = { PATH: process.env.PATH, HOME: '/home/x', ENGRAFT_BOOTSTRAP_KEY: 'ek_secret', AWS_SECRET_ACCESS_KEY: 'secret', PIP_INDEX_URL: 'https://x', HTTPS_PROXY: 'http://y', LANG: 'C' }
  const { lines } = await outputOf({ command: 'env', args: [], env: localEnvironment(given) }, never)
  // What runs this test adds some of its own.
  t.strictSame(lines.map(line => line.split('=')[0]!).filter(name => name in given).sort(), ['HOME', 'LANG', 'PATH'])
  t.strictSame(Object.keys(reachingEnvironment(given)).sort(), ['HOME', 'HTTPS_PROXY', 'LANG', 'PATH', 'PIP_INDEX_URL'])
})

test('who is asked to end and does not is made to, with all it has started', async t => {
  const stop = new AbortController()
  const pids: number[] = []
  const ended = run(shell("trap '' TERM; sleep 1000 & echo $$; echo $!; while :; do wait; sleep 1; done"), line => {
    pids.push(Number(line))
    if (pids.length === 2) stop.abort(new Error('enough'))
  }, stop.signal, 0.2)
  await t.rejects(ended, { message: 'enough' })
  await until(() => !pids.some(alive), 'both are gone')
  t.equal(pids.length, 2)
})

test('who is asked to end may finish what it writes, also behind a shell that ends at once', async t => {
  const stop = new AbortController()
  const heard: string[] = []
  const ended = run(shell("(trap 'sleep 0.3; echo saved; exit' TERM; echo ready; while :; do sleep 0.05; done); true"), line => {
    heard.push(line)
    if (line === 'ready') stop.abort(new Error('enough'))
  }, stop.signal)
  await t.rejects(ended, { message: 'enough' })
  t.strictSame(heard, ['ready', 'saved'])
})

test('what a command leaves running behind it ends with it', async t => {
  const { code, lines } = await outputOf(shell('sleep 1000 & echo $!'), never)
  t.equal(code, 0)
  await until(() => !alive(Number(lines[0])), 'it is gone')
})

test('a process ends when the server that started it is killed', async t => {
  const script = `import { run } from './src/training/python/process.ts'
await run({ command: '/bin/sh', args: ['-c', 'sleep 1000 & echo $$ $!; wait'], env: { PATH: process.env.PATH } }, console.log, new AbortController().signal)`
  const server = spawn(process.execPath, ['--input-type=module-typescript', '-e', script], { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] })
  const [pids] = await once(server.stdout.setEncoding('utf8'), 'data') as [string]
  const both = pids.trim().split(' ').map(Number)
  t.ok(both.every(alive))
  server.kill('SIGKILL')
  await until(() => !both.some(alive), 'both are gone')
})

test('what is given up before it begins does not begin', async t => {
  await t.rejects(run(shell('echo no'), () => t.fail('it began'), AbortSignal.abort(new Error('before'))), { message: 'before' })
})
