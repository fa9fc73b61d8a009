import { cp, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'tap'
import { Bases } from '../../src/inference/bases.ts'
import { sha256Of, writeRows } from '../../src/training/prepare/files.ts'
import { forgettingOf } from '../../src/training/prepare/forgetting.ts'
import { changeOf, gainOf, parityOf } from '../../src/training/prepare/parity.ts'
import { orderOf } from '../../src/training/prepare/probe.ts'
import { openTorch } from '../../src/training/python/torch.ts'
import { openServed } from '../../src/training/serving.ts'
import type { TokenRow } from '../../src/training/trainer.ts'
import { never, openEngine } from '../support/engine.ts'
import { makeJobs, programOf, trainerPython } from './support.ts'

const found = await trainerPython()
if ('missing' in found) console.log(`# PyTorch is not asked: ${found.missing}`)

test('the engine and PyTorch compared on a tiny base', { skip: 'missing' in found ? found.missing : false, timeout: 300_000 }, async t => {
  if ('missing' in found) return
  const folder = t.testdir()
  await makeJobs(found.python, folder, {})
  const path = join(folder, 'base.gguf')
  const digest = await sha256Of(path)
  const engine = await openEngine(t, { path, context: 256, slots: 1 })
  const bases = new Bases([{ name: 'tiny', digest, sizeBytes: 1, contextSize: 256, engine }], { capacity: 1, queue: 2, queuePerTenant: 2, timeout: 60, idleUnload: 0 })
  const served = openServed({ bases, name: null, path, tenant: 'acme' })
  const torch = openTorch(programOf(found.python))
  const [kept, probing] = [join(folder, 'bases'), join(folder, 'probed')]

  await t.test('the order of q and k is found once, and kept', async t => {
    let probed = 0
    // PyTorch takes half a minute to start: asked again, it says what it said.
    const probe: typeof torch.probe = async (base, out, signal) => {
      if (probed++ > 0) return await cp(probing, out, { recursive: true })
      await torch.probe(base, out, signal)
      await cp(out, probing, { recursive: true })
    }
    const parts = { served, bases: kept, torch: { probe } }
    t.equal(await orderOf(parts, never), 'permuted')
    t.strictSame(await readdir(join(kept, digest)), ['qk.json'], 'nothing else is left')
    const { errors } = JSON.parse(await readFile(join(kept, digest, 'qk.json'), 'utf8')) as { errors: { permuted: number, plain: number } }
    t.comment(errors)
    t.ok(errors.permuted < 0.001 && errors.plain > 10 * errors.permuted)
    t.equal(await orderOf(parts, never), 'permuted')
    t.equal(probed, 1)
    await writeFile(join(kept, digest, 'qk.json'), '{"order":')
    t.equal(await orderOf(parts, never), 'permuted')
    t.equal(probed, 2, 'what is damaged is found again')
  })

  await t.test('rows are scored alike by both, and an adapter written in the other order is seen', async t => {
    const out = probing
    const rows = (await readFile(join(out, 'rows.jsonl'), 'utf8')).trimEnd().split('\n').map(line => ({ group: 'base', ...JSON.parse(line) as Omit<TokenRow, 'group'> }))
    const file = join(folder, 'compared.jsonl')
    await writeRows(file, rows)
    const [base, adapted] = [await torch.score(path, file, null, never), await torch.score(path, file, join(out, 'peft'), never)]
    const scores = async (order: 'permuted' | 'plain', scale = 1) => await served.score(rows, { digest: await sha256Of(join(out, `${order}.gguf`)), path: join(out, `${order}.gguf`), scale }, never)
    const bare = await served.score(rows, null, never)
    const [right, wrong] = [await scores('permuted'), await scores('plain')]

    t.ok(parityOf(bare, base).error < 0.001 && parityOf(right, adapted).error < 0.001)
    t.ok(parityOf(wrong, adapted).error > 10 * parityOf(right, adapted).error)
    t.equal(changeOf(await scores('permuted', 0), bare), 0)
    const gain = gainOf(base.map(({ logp }) => logp), adapted.map(({ logp }) => logp))
    t.ok(Math.abs(gainOf(bare, right) - gain) < 0.01)
    const { rows: count, kl, agreement, worse } = forgettingOf(adapted, bare, right)
    t.equal(count, rows.length)
    t.ok(kl > 0 && agreement >= 0 && agreement <= 1 && Number.isFinite(worse))
  })
})
