import { execFile } from 'node:child_process'
import { copyFile, mkdir, rm, stat, symlink, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { test } from 'tap'
import { gguf, smallBase, string, u32, u64 } from '../gguf/builder.ts'
import { baseModel } from '../support/model.ts'

const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url))
/** Nobody waits longer than this to be told, the start of two processes on a busy machine included; not a claim of speed. */
const hangsMs = 15_000

interface Ended { readonly code: number | null, readonly out: string, readonly err: string, readonly ms: number }

/** Runs `engraft` to its end; one that serves is killed, and has no code. */
async function engraft (...args: string[]): Promise<Ended> {
  const began = performance.now()
  return await new Promise(resolve => execFile(process.execPath, [main, ...args, '--gpu', 'off'], { timeout: 2 * hangsMs, killSignal: 'SIGKILL' }, (error, out, err) => {
    resolve({ code: error === null ? 0 : typeof error.code === 'number' ? error.code : null, out, err, ms: performance.now() - began })
  }))
}

const run = promisify(execFile)
const write = (bytes: Buffer | string) => async (path: string): Promise<void> => await writeFile(path, bytes)
/** The real model, cut at a byte; below zero: that many before its end. */
const cut = (at: number) => async (path: string): Promise<void> => {
  const { path: whole, size } = await baseModel()
  await copyFile(whole, path)
  await truncate(path, at < 0 ? size + at : at)
}
const value = (bytes: Buffer): Buffer => gguf({ pairs: [['k', 'raw', bytes]] })
const tensor = { name: 'w', shape: [8] }

/** What a model file may be instead of one, and the words that say so. */
const files: Record<string, readonly [make: (path: string) => Promise<unknown>, reason: RegExp]> = {
  empty: [write(''), /it is empty/],
  'cut in its magic': [cut(3), /not a GGUF file/],
  'cut in its counts': [cut(20), /ends in the middle of the metadata count/],
  'cut in its vocabulary': [cut(100_000), /ends in the middle of the metadata value "tokenizer\.ggml\.tokens"/],
  'cut in its merges': [cut(1_500_000), /ends in the middle of the metadata value "tokenizer\.ggml\.merges"/],
  'cut in its weights': [cut(50_000_000), /tensor ".+" would end \d+ bytes behind the end of the file/],
  'one byte short': [cut(-1), /would end 1 bytes behind the end of the file/],
  'the 24 bytes that make other readers spin': [write(gguf({ tensorCount: 2n ** 63n })), /declares over 2\^53 tensors/],
  'one with 2^40 metadata entries': [write(gguf({ pairCount: 2n ** 40n })), /declares 1099511627776 metadata entries/],
  'one with an array of 2^40 numbers': [write(value(Buffer.concat([u32(9), u32(4), u64(2n ** 40n)]))), /array of 1099511627776 items/],
  'one with a text of 4 GiB': [write(value(Buffer.concat([u32(8), u64(2n ** 32n)]))), /string of 4294967296 bytes/],
  'one with a tensor larger than it': [write(gguf({ tensors: [{ ...tensor, shape: [2n ** 32n, 2n ** 32n] }], data: 32 })), /more elements than a file of \d+ bytes can hold/],
  'one with a key of line breaks and colours': [write(gguf({ pairs: [['\n\u001B[31m', 'raw', Buffer.concat([u32(77), string('x')])]] })), /"\\n\\u001b\[31m" has the unknown value type 77/],
  'a web page': [write('<!doctype html><title>Sign in</title>'), /not a GGUF file/],
  'a LoRA adapter': [write(smallBase([['general.type', 'string', 'adapter']])), /is a LoRA adapter, not a base model: name the base as the model, and this file as an adapter/],
  'one that llama.cpp cannot load': [write(smallBase()), /could not be loaded: .*llama\.embedding_length/],
  'a folder': [mkdir, /not a regular file/],
  'a pipe': [async path => await run('mkfifo', [path]), /not a regular file/],
  'a link to itself': [async path => await symlink(path, path), /There is no file/],
  'not there': [async () => {}, /There is no file/]
}

/** Every refusal ends in something to do. */
const remedy = /correct the path given for the model|if this should be one, fetch it again|fetch this file again or name another with --model/

test('a file that is no whole base model is refused by its name with what to do, by serve and by doctor, in time', async t => {
  const dir = t.testdir()
  for (const [what, [make, reason]] of Object.entries(files)) {
    const path = join(dir, `${what.replaceAll(/[^a-z0-9]/gi, '-')}.gguf`)
    await make(path)
    const [served, examined] = await Promise.all(['serve', 'doctor'].map(async command => await engraft(command, '--model', path, '--data', join(dir, command), ...(command === 'serve' ? ['--port', '0', '--log-level', 'silent', '--embedder', 'none'] : []))))
    await rm(path, { force: true, recursive: true })
    if (served === undefined || examined === undefined) throw new Error('two commands were run')

    t.equal(served.code, 1, `${what}: serve does not start`)
    t.equal(served.out, '', `${what}: nothing says that it is ready`)
    t.match(served.err, reason, what)
    t.ok(served.err.includes(path), `${what}: the file is named`)
    t.match(served.err, remedy, `${what}: what to do`)
    t.match(served.err, /^[^\n]{20,1500}\n$/, `${what}: one line and no stack`)

    t.equal(examined.code, 1, `${what}: doctor finds a fault`)
    t.equal(examined.err, '', what)
    const fault = /^✗ .*(?:\n {2,}→ .*)?/m.exec(examined.out)?.[0] ?? ''
    t.match(fault, reason, what)
    t.ok(fault.includes(path), `${what}: doctor names the file`)
    t.match(fault, remedy, `${what}: doctor says what to do`)
    t.match(examined.out, /1 of \d+ checks found something that must be changed\.\n$/)
    t.ok(Math.max(served.ms, examined.ms) < hangsMs, `${what}: told after ${Math.round(served.ms)} and ${Math.round(examined.ms)} ms`)
  }
})

test('a file in the place of a model that would be fetched is refused too, and nothing of it is changed', async t => {
  const dir = t.testdir()
  const { path: whole } = await baseModel()
  const path = join(dir, whole.split('/').at(-1) ?? '')
  await cut(50_000_000)(path)
  const { code, err } = await engraft('serve', '--port', '0', '--data', join(dir, 'data'), '--models-dir', dir)
  t.equal(code, 1)
  t.ok(err.includes(path))
  t.match(err, /has 50000000 bytes, but 'smollm2-135m' has \d+\. Delete it to have it fetched again/)
  t.equal((await stat(path)).size, 50_000_000)
})

test('what is no reference to a model is refused with the forms that are', async t => {
  const dir = t.testdir()
  for (const reference of ['/etc/passwd', '../../etc/passwd', 'gpt-9', 'hf:../../etc/passwd.gguf', 'https://']) {
    const { code, err } = await engraft('serve', '--port', '0', '--data', join(dir, 'data'), '--model', reference)
    t.equal(code, 1, reference)
    t.match(err, /^'.+' (?:is no model of the catalogue \(.*smollm2-135m.*\), nor hf:.* or a path ending in \.gguf|must be .+)\.\n$/, reference)
    t.ok(err.includes(reference))
  }
})
