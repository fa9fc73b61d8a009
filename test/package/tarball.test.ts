import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test } from 'tap'
import { run } from '../clients/python.ts'
import { baseModel } from '../support/model.ts'
import { chatBody } from '../support/server.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))

/** Where systems and installers put a Node.js of their own. */
const usualNodes = ['/usr/bin/node', '/usr/local/bin/node', '/opt/homebrew/bin/node']

test('The packed command works where nothing else of the repository is', async t => {
  // Not below the repository, whose node_modules would lend what the package forgot to name.
  const folder = await mkdtemp(join(tmpdir(), 'engraft-package-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  await writeFile(join(folder, 'package.json'), '{"private":true}')
  const packed = await run('npm', ['pack', '--json', '--pack-destination', folder], { cwd: root })
  t.equal(packed.code, 0, packed.err)
  const [{ filename, version, files }] = JSON.parse(packed.out.slice(packed.out.indexOf('[\n'))) as [{ filename: string, version: string, files: { path: string }[] }]
  const shipped = files.map(({ path }) => path)
  for (const path of ['README.md', 'LICENSE', 'CHANGELOG.md', 'SECURITY.md', 'bin/engraft.js', 'dist/main.js', 'dist/inference/llama/child.js', 'migrations/001-access.sql']) t.ok(shipped.includes(path), path)
  t.strictSame(shipped.filter(path => /\.ts$|^(?:src|test|bench|examples)\/|\.map$/.test(path)), [], 'and nothing that only development needs')

  // As the README says: the embedding runtime's own script fetches a GPU provider, which is not used.
  const installed = await run('npm', ['install', '--prefer-offline', '--no-audit', '--no-fund', join(folder, filename)], { cwd: folder, ms: 280_000, env: { ...process.env, ONNXRUNTIME_NODE_INSTALL: 'skip' } })
  t.equal(installed.code, 0, installed.err)
  const engraft = join(folder, 'node_modules/.bin/engraft')
  const modern = { ...process.env, PATH: [dirname(process.execPath), process.env.PATH].join(delimiter) }

  await t.test('says its version', async t => {
    const { code, out, err } = await run(engraft, ['--version'], { env: modern })
    t.equal(code, 0, err)
    t.equal(out, `${version}\n`)
  })

  await t.test('serves a chat with the real model', async t => {
    const { path } = await baseModel()
    const server = spawn(engraft, ['serve', '--port', '0', '--gpu', 'off', '--models-dir', dirname(path), '--data', join(folder, 'data')], { cwd: folder, env: modern, stdio: ['ignore', 'pipe', 'pipe'] })
    t.teardown(() => { server.kill('SIGKILL') })
    let log = ''
    server.stderr.setEncoding('utf8').on('data', text => { log += text })
    const url = await new Promise<string>((resolve, reject) => {
      let out = ''
      server.stdout.setEncoding('utf8').on('data', text => {
        out += text
        const found = /is ready: (\S+)/.exec(out)?.[1]
        if (found !== undefined) resolve(found)
      })
      server.once('exit', code => reject(new Error(`it ended with ${code}: ${log}`)))
    })
    const response = await fetch(`${url}/v1/chat/completions`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(chatBody('Say hello.')) })
    t.equal(response.status, 200)
    t.match(await response.json(), { object: 'chat.completion', choices: [{ message: { content: /\w/ } }] })
    const ended = new Promise(resolve => server.once('exit', resolve))
    server.kill('SIGTERM')
    t.equal(await ended, 0, log)
  })

  const old = (await Promise.all(usualNodes.filter(existsSync).map(async node => ({ node, ...await run(node, ['-p', 'process.versions.node']) })))).find(({ out }) => tooOld(out))
  await t.test('tells a Node.js that is too old what is needed', { skip: old === undefined ? `no Node.js below 22.18 is at ${usualNodes.join(', ')}` : false }, async t => {
    const { code, out, err } = await run(old!.node, [engraft, '--version'])
    t.equal(code, 1)
    t.equal(out, '')
    t.match(err, `Engraft needs Node.js 22.18 or newer, but this is v${old!.out.trim()}.`)
  })
})

function tooOld (version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  return major < 22 || (major === 22 && minor < 18)
}
