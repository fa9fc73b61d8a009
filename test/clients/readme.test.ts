import { access, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test } from 'tap'
import { options } from '../../src/config.ts'
import { catalogue } from '../../src/models/catalogue.ts'
import { startServer } from '../support/server.ts'
import { openaiPython, run } from './python.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const readme = await readFile(join(root, 'README.md'), 'utf8')
const snippets = snippetsOf('A first conversation')
const found = await openaiPython()

test('The first conversation of the README goes as it is printed', async t => {
  t.strictSame(snippets.map(({ language }) => language), ['sh', 'js', 'python', 'js'])
  const server = await startServer(t)
  for (const [i, { language, code }] of snippets.entries()) {
    const skip = language === 'python' && 'missing' in found ? found.missing : false
    await t.test(`${language} ${i + 1}: ${code.split('\n')[0]}`, { skip }, async t => {
      const elsewhere = code.replaceAll('127.0.0.1:8080', `127.0.0.1:${server.port}`)
      t.not(elsewhere, code, 'it names the default address')
      // Below the repository, where the snippet finds what npm installed.
      const file = join(t.testdir(), `snippet.${language === 'js' ? 'mjs' : language}`)
      await writeFile(file, elsewhere)
      const { code: exit, out, err } = await run(commands[language]!, [file])
      t.equal(exit, 0, err)
      if (language === 'sh') t.match(JSON.parse(out), { object: 'chat.completion', choices: [{ message: { role: 'assistant', content: /\w/ } }] })
      else if (code.includes('WebSocket')) for (const id of ['colour', 'animal']) t.match(out, new RegExp(`^${id} .*\\w`, 'm'), `${id} is answered`)
      else t.match(out, /\w+ \w+/, 'the model has written words')
    })
  }
})

const commands: Readonly<Record<string, string>> = { sh: 'sh', js: process.execPath, python: 'python' in found ? found.python : '' }

test('The README makes a data set of a correction as it is printed', async t => {
  const snippets = snippetsOf('From feedback to data')
  t.strictSame(snippets.map(({ language }) => language), ['sh'])
  const server = await startServer(t)
  const out = join(t.testdirName, 'house.jsonl')
  const file = join(t.testdirName, 'house.sh')
  await writeFile(file, snippets[0]!.code.replaceAll('127.0.0.1:8080', `127.0.0.1:${server.port}`).replace('--out house.jsonl', `--out ${out}`))
  const { code: exit, err, out: printed } = await run('sh', ['-e', file], { cwd: root, env: { ...process.env, ENGRAFT_URL: server.url } })
  t.equal(exit, 0, err)
  t.match(printed, /^# house@1$/m)
  t.strictSame(JSON.parse(await readFile(out, 'utf8')), { prompt: [{ role: 'user', content: 'When does the shop close?' }], completion: [{ role: 'assistant', content: 'It closes at six.' }] })
})

test('The adapters of the README come, are promoted, rolled back and mixed as it is printed', async t => {
  const snippets = snippetsOf('Adapters')
  t.strictSame(snippets.map(({ language }) => language), ['sh', 'sh', 'sh', 'sh'])
  const server = await startServer(t)
  const outs: string[] = []
  for (const [i, { code }] of snippets.entries()) {
    // Beside the server's data, which asking for the folder again would empty.
    const file = join(t.testdirName, `${i}.sh`)
    await writeFile(file, code.replaceAll('127.0.0.1:8080', `127.0.0.1:${server.port}`))
    // With -e: a command that fails in the middle fails the snippet.
    const { code: exit, out, err } = await run('sh', ['-e', file], { cwd: root, env: { ...process.env, ENGRAFT_URL: server.url } })
    t.equal(exit, 0, err)
    outs.push(out)
  }
  const [added = '', moved = '', full = '', mixed = ''] = outs
  t.match(added, /^notes@1 is registered: .*\nnotes@1 answers as notes now\.$/m)
  const [uploaded, promoted, rolledBack] = moved.replaceAll('}{', '}\n{').trim().split('\n').map(line => JSON.parse(line) as object)
  t.match(uploaded, { name: 'notes', version: 2, live: false })
  t.match(promoted, { name: 'notes', live: 2, previous: 1 })
  t.match(rolledBack, { name: 'notes', live: 1, previous: 2 })
  t.match(JSON.parse(full), { model: 'notes@2', choices: [{ message: { content: '{"item": "heater", "issue": "makes a loud noise"}' } }], engraft: { version: 2, digest: /^[0-9a-f]{64}$/ } })
  t.match(JSON.parse(mixed), { model: 'smollm2-135m+notes@1+notes@2', choices: [{ message: { content: /\w/ } }], engraft: { version: null, digest: /^[0-9a-f]{64}$/ } })
})

test('The schemas, tools, texts and vectors of the README go as it is printed', async t => {
  const snippets = snippetsOf('Schemas, tools, texts and vectors')
  t.strictSame(snippets.map(({ language }) => language), ['js', 'js', 'sh'])
  const server = await startServer(t)
  const outs: string[] = []
  for (const [i, { language, code }] of snippets.entries()) {
    const file = join(t.testdirName, `${i}.${language === 'js' ? 'mjs' : 'sh'}`)
    await writeFile(file, code.replaceAll('127.0.0.1:8080', `127.0.0.1:${server.port}`))
    const { code: exit, out, err } = await run(commands[language]!, [file])
    t.equal(exit, 0, err)
    outs.push(out)
  }
  const [parsed = '', called = '', replies = ''] = outs
  t.match(parsed, /^\{ name: .*, kind: '(?:bird|fish|mammal)', legs: \d \}$/m)
  t.type((JSON.parse(/^weather (\{[\s\S]*\})\s*$/.exec(called)?.[1] ?? 'null') as { city: unknown }).city, 'string', called)
  const [text, vectors] = replies.replaceAll('}{', '}\n{').trim().split('\n').map(line => JSON.parse(line) as object)
  t.match(text, { object: 'text_completion', choices: [{ text: / Paris/, logprobs: { tokens: Array } }] })
  t.match(vectors, { object: 'list', data: [{ embedding: /^[\w+/]+=*$/ }, { index: 1 }] })
})

test('What is kept of a person is shown, changed and erased as the README prints it', async t => {
  const [{ code } = { code: '' }] = snippetsOf('Yours to keep, yours to erase')
  const server = await startServer(t)
  const file = join(t.testdirName, 'own.sh')
  await writeFile(file, code.replaceAll('127.0.0.1:8080', `127.0.0.1:${server.port}`))
  const { code: exit, out, err } = await run('sh', ['-e', file])
  t.equal(exit, 0, err)
  const [policy, changed, profile, receipt] = out.replaceAll('}{', '}\n{').trim().split('\n').map(line => JSON.parse(line) as object)
  t.match(policy, { user: 'ada', memory: { read: true, write: true }, retention_days: null })
  t.match(changed, { memory: { write: false }, training: false, retention_days: 90 })
  t.match(profile, { object: 'profile', data: [], frame: null })
  t.match(receipt, { id: String }, 'a receipt')
})

test('The settings of the README are those of the code', async t => {
  const rows = [...section('Settings').matchAll(/^\| `(--\S+)` \| `(\w+)` \| (?:`(.+?)`)? ?\|/gm)].map(([, flag, variable, fallback = '']) => ({ flag: flag!, variable: variable!, fallback }))
  t.ok(rows.length > 5)
  for (const row of rows) {
    const { flag, variable, fallback } = options.find(({ flag }) => flag === row.flag) ?? {}
    t.strictSame({ flag, variable, fallback }, row, row.flag)
  }
})

test('The catalogue of the README is that of the code', async t => {
  const line = /from the catalogue[^\n]*/.exec(section('Bringing a model'))?.[0] ?? ''
  t.strictSame([...line.matchAll(/`([^`]+)`/g)].map(([, name]) => name).sort(), [...catalogue.keys()].sort())
})

test('Every file that the README names is there', async t => {
  const files = [...readme.matchAll(/\]\(([\w./-]+)\)/g)].map(([, file]) => file!)
  const map = [...section('The map').matchAll(/^\| `(\S+\/)` \|.*\| `(\S+)`/gm)].map(([, folder, file]) => folder! + file!)
  t.ok(map.length > 10)
  for (const file of [...files, ...map]) await t.resolves(access(join(root, file)), file)
})

function snippetsOf (title: string): { readonly language: string, readonly code: string }[] {
  return [...section(title).matchAll(/^```(\w+)\n(.*?)^```$/gms)].map(([, language, code]) => ({ language: language!, code: code! }))
}

function section (title: string): string {
  const start = readme.indexOf(`\n## ${title}\n`)
  if (start === -1) throw new Error(`README.md has no section '${title}'.`)
  const end = readme.indexOf('\n## ', start + 1)
  return readme.slice(start, end === -1 ? undefined : end)
}
