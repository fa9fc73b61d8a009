import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { test } from 'tap'
import { pull } from '../../src/cli/pull.ts'
import { openModels, sourceSettings } from '../../src/models/models.ts'
import { smallBase } from '../gguf/builder.ts'
import { sendFile, serve } from './server.ts'

const base = smallBase([], 3_000_000)
const settings = sourceSettings({})

function output (isTTY: boolean) {
  return Object.assign(new PassThrough(), { isTTY, columns: 120 })
}

test('a pull into a log prints plain lines and ends with path, size and sha256', async t => {
  const server = await serve(t, (request, response) => sendFile(request, response, base))
  const dir = t.testdir()
  const out = output(false)
  const listeners = process.listenerCount('SIGINT')
  const url = `${server.origin}/a.gguf`
  const files = await pull(`house=${url}`, openModels({ dir, settings }), out)
  out.end()
  const printed = await text(out)
  t.match(printed, /^a\.gguf: 100 %, 3\.0 of 3\.0 MB from http:/m)
  t.equal(printed.trimEnd().split('\n').at(-1), `house: ${files![0]!.path}, ${base.length} bytes, sha256 ${files![0]!.sha256}`)
  t.notMatch(printed, new RegExp(String.fromCharCode(27)), 'no terminal codes')
  t.equal(process.listenerCount('SIGINT'), listeners, 'Ctrl-C is as before')
})

test('a pull on a terminal draws a bar', async t => {
  const server = await serve(t, (request, response) => sendFile(request, response, base))
  const out = output(true)
  await pull(`${server.origin}/a.gguf`, openModels({ dir: t.testdir(), settings }), out)
  out.end()
  const printed = await text(out)
  t.match(printed, /a\.gguf: [█░]{30} \d+ %, \d\.\d of 3\.0 MB/)
  t.match(printed, /sha256 [0-9a-f]{64}\n$/)
})

test('a pull that fails throws the reason and leaves the terminal alone', async t => {
  const server = await serve(t, (_, response) => response.writeHead(404).end())
  const listeners = process.listenerCount('SIGINT')
  await t.rejects(pull(`${server.origin}/a.gguf`, openModels({ dir: t.testdir(), settings }), output(true)), { name: 'ModelError', message: /404/ })
  t.equal(process.listenerCount('SIGINT'), listeners, 'Ctrl-C is as before')
})

test('Ctrl-C ends a pull at once, keeps what arrived, and says so', async t => {
  const server = await serve(t, (request, response) => sendFile(request, response, base, { hangAfter: 1_000_000 }))
  const dir = t.testdir()
  const from = (path: string) => JSON.stringify(fileURLToPath(new URL(`../../src/${path}`, import.meta.url)))
  const url = `${server.origin}/a.gguf`
  const child = spawn(process.execPath, ['--input-type=module', '-e', `
    import { openModels, sourceSettings } from ${from('models/models.ts')}
    import { pull } from ${from('cli/pull.ts')}
    const result = await pull(${JSON.stringify(url)}, openModels({ dir: ${JSON.stringify(dir)}, settings: sourceSettings({}) }), process.stdout)
    process.exitCode = result === null ? 130 : 0
  `], { stdio: ['ignore', 'pipe', 'inherit'] })
  let printed = ''
  const ended = new Promise<number | null>(resolve => child.once('close', resolve))
  child.stdout.setEncoding('utf8').on('data', (some: string) => {
    if (printed === '') child.kill('SIGINT')
    printed += some
  })
  t.equal(await ended, 130)
  t.ok(printed.includes(`Stopped. What arrived is kept: 'engraft pull ${url}' goes on from there.`), printed)
  const { path } = await serveWhole()
  t.equal(path.startsWith(join(dir, 'https')), true)
  t.match(server.requests.at(-1)?.headers.range, /bytes=[1-9]/)
  t.notOk(existsSync(`${path}.part`))

  /** The rest arrives now that the server no longer hangs so early. */
  async function serveWhole () {
    return await openModels({ dir, settings: { ...settings, stallTimeout: 500 } }).resolve(url)
  }
})
