import { execFileSync } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, statSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { type Test, test } from 'tap'
import { openVault, type Vault } from '../../src/adapters/vault.ts'
import { problem } from '../../src/errors.ts'

const MiB = 1024 * 1024
const content = randomBytes(MiB + 12_345)
const digest = createHash('sha256').update(content).digest('hex')
const mountable = process.platform === 'linux' && process.getuid?.() === 0
const skip = mountable ? false : 'needs root on Linux, to mount a small disk'

test('a file is kept under its digest, readable by nobody else, and survives a reopening', async t => {
  const { dir, vault } = await opened(t)
  const incoming = await vault.receive(pieces(content), MiB * 2)
  t.match(incoming, { digest, size: content.length })
  t.strictSame(readFileSync(incoming.path), content, 'it can be looked at before it is kept')
  t.strictSame(await vault.size(), { bytes: 0, count: 0 }, 'but is not counted')

  const path = await incoming.keep()
  t.equal(path, join(dir, digest.slice(0, 2), `${digest}.gguf`))
  t.equal(path, vault.pathOf(digest))
  t.strictSame(readFileSync(path), content)
  t.equal(statSync(path).mode & 0o777, 0o600)
  for (const folder of [dir, join(dir, 'incoming'), join(dir, digest.slice(0, 2))]) t.equal(statSync(folder).mode & 0o777, 0o700, folder)
  await incoming.discard()
  t.equal(await (await openVault(dir)).verify(digest, 'house@1'), path, 'a discard after it was kept takes nothing away')
})

test('the same file twice is stored once', async t => {
  const { dir, vault } = await opened(t)
  const first = await store(vault, content)
  const second = await vault.receive(pieces(content, 100), MiB * 2)
  t.equal(await second.keep(), first)
  t.equal(await second.keep(), first, 'also when it is kept twice')
  t.strictSame(await vault.size(), { bytes: content.length, count: 1 })
  t.strictSame(files(dir), [`${digest}.gguf`])
})

test('two that receive the same content at once both get the one place', async t => {
  const { dir, vault } = await opened(t)
  const both = await Promise.all([vault.receive(pieces(content, 500), MiB * 2), vault.receive(pieces(content, 700), MiB * 2)])
  t.not(both[0].path, both[1].path)
  t.strictSame(await Promise.all(both.map(incoming => incoming.keep())), Array(2).fill(vault.pathOf(digest)))
  t.equal(await vault.verify(digest, 'house@1'), vault.pathOf(digest))
  t.strictSame(files(dir), [`${digest}.gguf`])
})

test('an upload cut at each quarter, or before its first byte, leaves nothing', async t => {
  const { dir, vault } = await opened(t)
  for (const quarter of [0, 1, 2, 3]) {
    const cut = new Error('ECONNRESET')
    const upload = (async function * () {
      yield * pieces(content.subarray(0, content.length * quarter / 4))
      throw cut
    })()
    await t.rejects(vault.receive(upload, MiB * 2), { code: 'upload_cut', status: 400, cause: cut })
    t.strictSame(files(dir), [], `cut at ${quarter}/4`)
  }
  const destroyed = new PassThrough()
  destroyed.write(content.subarray(0, 1000))
  setTimeout(() => { destroyed.destroy() }, 20)
  await t.rejects(vault.receive(destroyed, MiB * 2), { code: 'upload_cut' }, 'a stream that is destroyed without a word was cut too')
  t.strictSame(files(dir), [])
})

test('what the source itself has to say about its failure is passed on', async t => {
  const { dir, vault } = await opened(t)
  const source = (async function * () {
    yield content
    throw problem('source_failed', { detail: 'the server answered 404' })
  })()
  await t.rejects(vault.receive(source, MiB * 2), { code: 'source_failed' })
  t.strictSame(files(dir), [])
})

test('the limit is exact, ends the upload early, and leaves nothing', async t => {
  const { dir, vault } = await opened(t)
  const exact = await vault.receive(pieces(content), content.length)
  t.equal(exact.size, content.length)
  await exact.discard()
  let asked = 0
  const endless = (async function * () {
    for (;;) {
      asked++
      yield content.subarray(0, 1000)
    }
  })()
  await t.rejects(vault.receive(endless, 9_999), { code: 'adapter_too_large', status: 413, message: /9999 bytes/ })
  t.equal(asked, 10)
  t.strictSame(files(dir), [])
})

test('a chunk is asked for only when the one before it is written, so memory stays bounded', async t => {
  const { vault } = await opened(t)
  const before = process.memoryUsage.rss()
  // One buffer for all, so that what grows is not the upload's own garbage.
  const buffer = Buffer.alloc(MiB)
  const large = (async function * () {
    for (let part = 0; part < 192; part++) yield buffer.fill(part)
  })()
  const incoming = await vault.receive(large, 200 * MiB)
  t.equal(incoming.size, 192 * MiB)
  await incoming.keep()
  await vault.verify(incoming.digest, 'house@1')
  const grown = process.memoryUsage.rss() - before
  t.ok(grown < 64 * MiB, `grew by ${grown} bytes`)
})

test('a discarded file is gone, and discarding again is no error', async t => {
  const { dir, vault } = await opened(t)
  const incoming = await vault.receive(pieces(content), MiB * 2)
  await incoming.discard()
  await incoming.discard()
  t.strictSame(files(dir), [])
  await t.rejects(incoming.keep(), { code: 'storage_failed' }, 'and cannot be kept any more')
})

test('what a crash left half received is swept at the next opening, and nothing else', async t => {
  const { dir, vault } = await opened(t)
  const path = await store(vault, content)
  await vault.receive(pieces(content), MiB * 2)
  writeFileSync(join(dir, 'incoming', 'half'), 'half')
  t.equal(files(dir).length, 3)
  await openVault(dir)
  t.strictSame(files(dir), [`${digest}.gguf`])
  t.ok(existsSync(path))
})

test('a link in place of incoming is removed, and what it leads to stays', async t => {
  const { dir } = await opened(t)
  const elsewhere = fresh(t)
  writeFileSync(join(elsewhere, 'precious'), 'precious')
  rmSync(join(dir, 'incoming'), { recursive: true })
  symlinkSync(elsewhere, join(dir, 'incoming'))
  const vault = await openVault(dir)
  await store(vault, content)
  t.strictSame(readdirSync(elsewhere), ['precious'])
})

test('a changed byte is found, and a new upload of the file repairs it', async t => {
  const { vault } = await opened(t)
  const path = await store(vault, content)
  await vault.verify(digest, 'house@7')
  const changed = Buffer.from(content)
  changed[content.length - 1]! ^= 1
  writeFileSync(path, changed)
  await t.rejects(vault.verify(digest, 'house@7'), { code: 'adapter_damaged', status: 500, message: /'house@7'/ })
  await t.rejects(vault.verify(digest, 'house@7'), { code: 'adapter_damaged' }, 'and found again')
  await store(vault, content)
  t.equal(await vault.verify(digest, 'house@7'), path)
})

test('a byte that changes right after a file was found right is found too, however coarse the disk\'s clock', async t => {
  const { vault } = await opened(t)
  const right = Buffer.from('GGUF and very little else')
  const name = createHash('sha256').update(right).digest('hex')
  const path = await store(vault, right)
  for (let round = 0; round < 50; round++) {
    writeFileSync(path, right)
    await vault.verify(name, 'house@1')
    writeFileSync(path, 'GGUF and very little ELSE')
    await t.rejects(vault.verify(name, 'house@1'), { code: 'adapter_damaged' })
  }
})

test('a file that has not changed since it was found right is not read again', async t => {
  const { vault } = await opened(t)
  const path = await store(vault, content)
  // Whole seconds, which can be set back exactly.
  utimesSync(path, 1000, 1000)
  // Only times that lie a while back are trusted.
  await new Promise(resolve => setTimeout(resolve, 2100))
  await vault.verify(digest, 'house@1')
  const began = bytesRead()
  await vault.verify(digest, 'house@1')
  if (process.platform === 'linux') t.ok(bytesRead() - began < content.length, 'fewer bytes were read than the file has')

  const changed = Buffer.from(content)
  changed[0]! ^= 1
  writeFileSync(path, changed)
  utimesSync(path, 1000, 1000)
  await t.rejects(vault.verify(digest, 'house@1'), { code: 'adapter_damaged' }, 'a change whose modification time was set back is found all the same')
})

test('a missing file, a shorter one, and anything but a regular file of its own is damaged', async t => {
  const { dir, vault } = await opened(t)
  const path = await store(vault, content)
  const damaged = async (name: string) => { await t.rejects(vault.verify(digest, 'house@1'), { code: 'adapter_damaged' }, name) }

  writeFileSync(path, content.subarray(1))
  await damaged('shorter')
  rmSync(path)
  await damaged('missing')

  const elsewhere = join(fresh(t), 'copy.gguf')
  writeFileSync(elsewhere, content)
  symlinkSync(elsewhere, path)
  await damaged('a link, even to the same content')
  rmSync(path)
  mkdirSync(path)
  await damaged('a folder')
  rmSync(path, { recursive: true })
  if (process.platform !== 'win32') {
    execFileSync('mkfifo', [path])
    await damaged('a pipe, which is not waited for')
    rmSync(path)
  }
  await store(vault, content)
  const folder = join(dir, digest.slice(0, 2))
  renameSync(folder, `${elsewhere}.folder`)
  symlinkSync(`${elsewhere}.folder`, folder)
  await damaged('a file behind a folder that is a link')
  await t.rejects(store(vault, content), { code: 'storage_failed' }, 'and nothing is kept through one')
})

test('keeping a file replaces a link planted in its place and does not follow it', async t => {
  const { dir, vault } = await opened(t)
  const victim = join(fresh(t), 'victim')
  writeFileSync(victim, 'untouched')
  mkdirSync(join(dir, digest.slice(0, 2)))
  symlinkSync(victim, vault.pathOf(digest))
  const path = await store(vault, content)
  t.equal(readFileSync(victim, 'utf8'), 'untouched')
  t.ok(statSync(path).isFile())
  t.equal(await vault.verify(digest, 'house@1'), path)
})

test('a removed file is gone, damaged to those that ask for it, and can come again', async t => {
  const { dir, vault } = await opened(t)
  const path = await store(vault, content)
  await vault.verify(digest, 'house@1')
  await vault.remove(digest)
  await vault.remove(digest)
  t.strictSame(files(dir), [])
  await t.rejects(vault.verify(digest, 'house@1'), { code: 'adapter_damaged' })
  t.equal(await store(vault, content), path)
  await vault.remove('0'.repeat(64))
})

test('only a digest becomes a path', async t => {
  const { vault } = await opened(t)
  for (const name of ['', '..', `../${digest}`, digest.toUpperCase(), `${digest}\0`, `${digest}\n`, digest.slice(1)]) {
    t.throws(() => vault.pathOf(name), TypeError, JSON.stringify(name))
    await t.rejects(vault.remove(name), TypeError)
  }
})

test('a full disk answers storage_full, leaves nothing, and works again when there is room', { skip }, async t => {
  const disk = mount(t, '2m')
  const vault = await openVault(join(disk, 'adapters'))
  const small = Buffer.alloc(MiB / 2, 1)
  await store(vault, small)
  const large = Buffer.alloc(4 * MiB, 2)
  await t.rejects(vault.receive(pieces(large), MiB * 8), { code: 'storage_full', status: 507 })
  t.equal(files(disk).length, 1, 'what was there stays, the rest is gone')
  await store(vault, Buffer.alloc(MiB, 3))
  execFileSync('mount', ['-o', 'remount,size=8m', disk])
  await store(vault, large)
  t.strictSame(await vault.size(), { bytes: 5.5 * MiB, count: 3 })
})

test('a folder that cannot be written is the storage\'s failure', { skip }, async t => {
  const disk = mount(t, '2m')
  const vault = await openVault(disk)
  const incoming = await vault.receive(pieces(Buffer.alloc(1000)), MiB)
  execFileSync('mount', ['-o', 'remount,ro', disk])
  await t.rejects(incoming.keep(), { code: 'storage_failed' })
  await t.rejects(vault.receive(pieces(content), MiB * 2), { code: 'storage_failed' })
  await t.rejects(openVault(disk), { code: 'storage_failed' })
})

async function opened (t: Test): Promise<{ dir: string, vault: Vault }> {
  const dir = join(fresh(t), 'adapters')
  return { dir, vault: await openVault(dir) }
}

async function store (vault: Vault, bytes: Buffer): Promise<string> {
  const incoming = await vault.receive(pieces(bytes), 100 * MiB)
  try {
    return await incoming.keep()
  } finally {
    await incoming.discard()
  }
}

async function * pieces (bytes: Buffer, size = 65_536): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

/** Names of all files under a folder. */
function files (dir: string): string[] {
  return readdirSync(dir, { recursive: true, withFileTypes: true }).filter(entry => !entry.isDirectory()).map(({ name }) => name)
}

/** Bytes this process has asked the system to read so far. */
function bytesRead (): number {
  return process.platform === 'linux' ? Number(/^rchar: (\d+)/.exec(readFileSync('/proc/self/io', 'utf8'))![1]) : 0
}

function fresh (t: Test): string {
  const folder = mkdtempSync(join(tmpdir(), 'engraft-'))
  t.teardown(() => { rmSync(folder, { recursive: true, force: true }) })
  return folder
}

/** A disk of its own, unmounted when the test ends. */
function mount (t: Test, size: string): string {
  const folder = fresh(t)
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', folder])
  t.teardown(() => execFileSync('umount', ['-l', folder]))
  return folder
}
