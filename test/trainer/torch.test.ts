import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'tap'
import { architectures, checkArchitecture } from '../../src/training/python/architectures.ts'
import { trainerFolder } from '../../src/training/python/package.ts'
import { openTorch } from '../../src/training/python/torch.ts'
import { run } from '../clients/python.ts'
import { makeJobs, programOf, trainerPython } from './support.ts'

const found = await trainerPython()
const never = new AbortController().signal

test('PyTorch scores rows, probes a base, and says what the machine can do', { skip: 'missing' in found ? found.missing : false, timeout: 600_000 }, async t => {
  if ('missing' in found) return
  const folder = t.testdir()
  await makeJobs(found.python, folder, {})
  const torch = openTorch(programOf(found.python))
  const [base, rows, probed] = ['base.gguf', 'rows.jsonl', 'probed'].map(name => join(folder, name)) as [string, string, string]

  await torch.probe(base, probed, never)
  t.strictSame((await readdir(probed)).sort(), ['peft', 'permuted.gguf', 'plain.gguf', 'rows.jsonl', 'scores.jsonl'])

  const plain = await torch.score(base, rows, null, never)
  t.strictSame(plain.map(({ id }) => id), ['r0', 'r1', 'r2', 'r3', 'r4'])
  for (const { nll, logp, kl, agree } of plain) {
    t.equal(logp.length, 4)
    t.ok(Math.abs(nll + logp.reduce((sum, each) => sum + each) / 4) < 1e-5)
    t.strictSame([kl, agree], [null, null])
  }
  const adapted = await torch.score(base, rows, join(probed, 'peft'), never)
  t.ok(adapted.every(({ kl, agree }) => kl! > 0 && agree! >= 0 && agree! <= 1))
  t.not(adapted[0]!.nll, plain[0]!.nll)

  await t.rejects(torch.score(join(folder, 'nan.gguf'), rows, null, never), { code: 'training_diverged', message: /not finite numbers/ })

  t.match(await torch.doctor(base, never), { trainRate: Number, rssMb: Number })
  await t.rejects(torch.doctor(join(folder, 'strange.gguf'), never), { code: 'training_bad_base', message: /architecture smol3/ })

  await t.test('and the same is told from the header alone, by the list of the very version that trains', async t => {
    await checkArchitecture(base)
    await t.rejects(checkArchitecture(join(folder, 'strange.gguf')), { code: 'training_bad_base', message: /architecture smol3/ })
    const { out } = await run(found.python, ['-m', 'engraft_trainer', 'doctor'], { cwd: trainerFolder })
    t.strictSame((JSON.parse(out) as { architectures: string[] }).architectures, architectures)
  })
})

// Less than the minute that a training would have.
test('what is given up ends at once', { skip: 'missing' in found ? found.missing : false, timeout: 50_000 }, async t => {
  if ('missing' in found) return
  const stop = AbortSignal.timeout(500)
  await t.rejects(openTorch(programOf(found.python)).probe('/no/such/base.gguf', join(t.testdir(), 'out'), stop), { name: 'TimeoutError' })
})
