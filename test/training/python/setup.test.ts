import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test, type Test } from 'tap'
import { holding } from '../../../src/models/lock.ts'
import { openPython, type Python, type PythonOptions } from '../../../src/training/python/setup.ts'
import { pythonWith, run } from '../../clients/python.ts'
import { root } from './support.ts'

/** A small package of pure Python stands in for the two gigabytes that training needs. */
const small = 'iniconfig==2.1.0'
const found = await pythonWith([small], 'iniconfig')
const skip = 'missing' in found ? found.missing : false
const never = new AbortController().signal

async function opened (t: Test, { needs = small, ...over }: Partial<PythonOptions> & { needs?: string } = {}): Promise<{ folder: string, options: PythonOptions, python: Python, said: string[], logged: unknown[] }> {
  const folder = join(t.testdir(), 'python')
  await mkdir(folder, { recursive: true })
  const requirements = join(folder, 'requirements.txt')
  await writeFile(requirements, `${needs}\n`)
  const logged: unknown[] = []
  const options = { folder, given: null, gpu: false, environment: process.env, lock: holding, log: (...line: unknown[]) => { logged.push(line) }, requirements, ...over }
  return { folder, options, python: openPython(options), said: [], logged }
}

async function environments (folder: string): Promise<readonly string[]> {
  return (await readdir(folder)).filter(name => /^[0-9a-f]{16}$/.test(name))
}

test('Python is set up once, says first what it fetches, and takes the place of an older one', { skip, timeout: 240_000 }, async t => {
  const { folder, options, python, said } = await opened(t)
  await mkdir(join(folder, '0123456789abcdef', 'bin'), { recursive: true })
  t.equal(await python.ready(), null)
  await python.check()
  // Two at once: the second waits, and finds it done.
  const [one, two] = await Promise.all([python.setUp(words => said.push(words), never), openPython(options).setUp(words => said.push(words), never)])
  t.strictSame(one, two)
  t.strictSame(await python.ready(), one)
  t.match(said.find(words => words !== 'another process sets Python up'), /^fetches iniconfig and what they need into .*: about 0\.2 GB/)
  t.equal(said.filter(words => words.startsWith('fetches')).length, 1)
  t.ok(said.includes('Collecting iniconfig==2.1.0'))
  t.equal((await run(one.python, ['-c', 'import iniconfig'])).code, 0)
  t.equal((await environments(folder)).length, 1, 'the older one is gone')
  t.strictSame((await readdir(folder)).length, 2, 'and so is all that was only fetched')

  await openPython(options).setUp(() => t.fail('it was set up again'), never)
  const [name] = await environments(folder)
  await writeFile(join(folder, name!, 'ready'), '3.9')
  t.equal(await python.ready(), null, 'one whose packages are another Python\'s is not taken')
})

test('a set-up that is killed leaves nothing that is taken for one, and can be done again', { skip, timeout: 240_000 }, async t => {
  const { folder, options, python } = await opened(t)
  const script = `import { holding } from './src/models/lock.ts'
import { openPython } from './src/training/python/setup.ts'
const options = ${JSON.stringify({ ...options, environment: undefined })}
await openPython({ ...options, environment: process.env, lock: holding, log: () => {} }).setUp(console.log, new AbortController().signal)`
  for (const moment of ['fetches', 'Installing', 'tries']) {
    const server = spawn(process.execPath, ['--input-type=module-typescript', '-e', script], { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] })
    let said = ''
    server.stdout.setEncoding('utf8').on('data', text => {
      said += text
      if (said.includes(moment)) server.kill('SIGKILL')
    })
    const [, signal] = await once(server, 'exit')
    t.equal(signal, 'SIGKILL', `killed when it ${moment}`)
    t.equal((await environments(folder)).length, 1)
    t.equal(await python.ready(), null)
  }
  const ready = await python.setUp(() => {}, never)
  t.equal((await run(ready.python, ['-c', 'import iniconfig'])).code, 0)
})

test('a set-up that is given up throws the reason and leaves no environment', { skip, timeout: 120_000 }, async t => {
  const { folder, python } = await opened(t)
  const stop = new AbortController()
  await t.rejects(python.setUp(words => { if (words.startsWith('fetches')) stop.abort(new Error('enough')) }, stop.signal), { message: 'enough' })
  t.strictSame(await environments(folder), [])
})

test('what pip cannot install is told in its own words', { skip, timeout: 120_000 }, async t => {
  const { folder, python } = await opened(t, { needs: 'iniconfig==0.0.0.1' })
  await t.rejects(python.setUp(() => {}, never), { code: 'python_setup_failed', message: /No matching distribution found for iniconfig==0\.0\.0\.1/ })
  t.strictSame(await environments(folder), [])
  t.equal(await python.ready(), null)
})

test('without a Python that can train, a line says how to get one', async t => {
  const bin = join(t.testdirName, 'bin')
  const install = /apt install python3 python3-venv python3-pip.*ENGRAFT_PYTHON.*Everything but training works/
  const without = await opened(t, { environment: { PATH: bin } })
  await mkdir(bin)
  t.equal(await without.python.ready(), null)
  await t.rejects(without.python.check(), { code: 'python_missing', message: install })
  await t.rejects(without.python.setUp(() => {}, never), { code: 'python_missing', message: /there is no python3 here/ })
  for (const [version, pip, venv, why] of [[[3, 10, 4], true, true, /python3 is 3\.10\.4/], [[3, 13, 0], false, true, /python3 has no pip/], [[3, 13, 0], true, false, /python3 has no venv/]] as const) {
    await writeFile(join(bin, 'python3'), `#!/bin/sh\necho '${JSON.stringify({ version, pip, venv, ensurepip: false })}'\n`, { mode: 0o755 })
    await t.rejects(without.python.check(), { code: 'python_missing', message: why })
  }
})

test('the operator\'s own Python is used as it is, or refused with what it lacks', { skip }, async t => {
  if ('missing' in found) return
  const own = await opened(t, { given: found.python })
  t.strictSame(await own.python.setUp(() => t.fail('something was installed'), never), { python: found.python })
  t.strictSame(own.logged, [])

  const other = await opened(t, { given: found.python, needs: 'iniconfig==2.0.0' })
  t.strictSame(await other.python.ready(), { python: found.python })
  t.match(other.logged, [[/other versions/, { found: { iniconfig: '2.1.0' } }]])

  const lacking = await opened(t, { given: found.python, needs: `${small}\nno-such-package-here==1.0` })
  t.equal(await lacking.python.ready(), null)
  await t.rejects(lacking.python.setUp(() => {}, never), { code: 'python_missing', message: /lacks no-such-package-here \(pip install -r / })
  await t.rejects((await opened(t, { given: '/no/such/python' })).python.check(), { code: 'python_missing', message: /\/no\/such\/python cannot be run/ })
})

test('what trains is named with its exact versions', async t => {
  const text = await readFile(join(root, 'trainer/requirements.txt'), 'utf8')
  t.match(text, /^torch==[\d.]+$/m, 'without a build: a machine with a GPU wants another than one without')
})
