import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { appendFile, cp, mkdir, readFile, rename, rm, symlink, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'tap'
import { checkResult } from '../../../src/training/python/result.ts'
import { adapterFile } from '../../adapters/builder.ts'

// What the trainer itself leaves passes in test/trainer/local.test.ts.
test('of what a trainer gives back nothing is believed', async t => {
  const baseDigest = 'b'.repeat(64)
  const adapter = adapterFile({ pairs: [['engraft.base_sha256', 'string', baseDigest], ['engraft.run_id', 'string', 'run-1']] })
  const weights = Buffer.alloc(1000, 'weights')
  const folder = t.testdir({
    'base.gguf': adapterFile({ pairs: [['general.type', 'string', 'model']] }),
    good: {
      'job.json': '{}',
      'events.jsonl': '{"event": "start"}\n',
      'report.json': JSON.stringify({ run_id: 'run-1', done: { steps: 6, seconds: 2.5, best_epoch: 1, adapter_sha256: sha256(weights), peak_mb: 300, gguf: 'adapter.gguf' } }),
      'adapter.gguf': adapter,
      peft: { 'adapter_config.json': '{"peft_type": "LORA", "r": 4, "base_model_name_or_path": null}', 'adapter_model.safetensors': weights }
    }
  })
  const good = join(folder, 'good')
  const expected = { baseDigest, runId: 'run-1' }
  t.strictSame(await checkResult(good, expected), { adapter: join(good, 'adapter.gguf'), digest: sha256(adapter), peft: join(good, 'peft'), bestEpoch: 1, seconds: 2.5, steps: 6 })

  const edited = (file: string, change: (value: Record<string, unknown>) => unknown) => async (out: string) => {
    const value = JSON.parse(await readFile(join(out, file), 'utf8')) as Record<string, unknown>
    change(value)
    await writeFile(join(out, file), JSON.stringify(value))
  }
  const cases: Record<string, [(out: string) => unknown, RegExp]> = {
    'a link to a file': [out => symlink('/etc/hostname', join(out, 'notes.md')), /notes\.md is a symbolic link/],
    'a link in place of the adapter': [async out => { await rename(join(out, 'adapter.gguf'), join(folder, 'elsewhere.gguf')); await symlink(join(folder, 'elsewhere.gguf'), join(out, 'adapter.gguf')) }, /adapter\.gguf is a symbolic link/],
    'a link to a folder': [out => symlink('/etc', join(out, 'more')), /more is a symbolic link/],
    'a link that is the folder': [async out => { await rename(out, `${out}-real`); await symlink(`${out}-real`, out) }, /it is not a folder/],
    'a pickle': [out => writeFile(join(out, 'peft', 'adapter_model.bin'), 'x'), /peft\/adapter_model\.bin may hold code/],
    'weights of torch.save': [out => writeFile(join(out, 'optimizer.pt'), 'x'), /optimizer\.pt may hold code/],
    'a pickle under another name': [out => writeFile(join(out, 'notes.json'), Buffer.from('80049500', 'hex')), /notes\.json may hold code/],
    'a zip under another name': [out => writeFile(join(out, 'peft', 'adapter_model.safetensors'), 'PK\u0003\u0004'), /adapter_model\.safetensors may hold code/],
    'a program': [out => writeFile(join(out, 'run'), '#!/bin/sh'), /run may hold code/],
    'a pipe': [out => execFileSync('mkfifo', [join(out, 'report.jsonl')]), /report\.jsonl is not a regular file/],
    'too many files': [async out => await Promise.all(Array.from({ length: 70 }, (_, i) => writeFile(join(out, `${i}.md`), ''))), /more than 64 files/],
    'deep folders': [out => mkdir(join(out, 'a/b/c/d'), { recursive: true }), /more than 3 deep/],
    'a large log': [async out => { await writeFile(join(out, 'big.jsonl'), ''); await truncate(join(out, 'big.jsonl'), 65 * 1024 * 1024) }, /big\.jsonl has more than/],
    'a large adapter': [out => truncate(join(out, 'adapter.gguf'), 1025 * 1024 * 1024), /adapter\.gguf has more than/],
    'no adapter': [out => rm(join(out, 'adapter.gguf')), /adapter\.gguf is missing/],
    'an adapter that was cut off': [async out => await truncate(join(out, 'adapter.gguf'), (await readFile(join(out, 'adapter.gguf'))).length - 100), /damaged or incomplete/],
    'no GGUF': [out => writeFile(join(out, 'adapter.gguf'), 'GGML'), /not a GGUF file/],
    'a base in place of the adapter': [out => cp(join(folder, 'base.gguf'), join(out, 'adapter.gguf')), /is no adapter/],
    'no weights': [out => rm(join(out, 'peft/adapter_model.safetensors')), /peft\/adapter_model\.safetensors is missing/],
    'weights that were cut off': [out => truncate(join(out, 'peft/adapter_model.safetensors'), 500), /is not the file that report\.json tells of/],
    'weights that were altered': [out => appendFile(join(out, 'peft/adapter_model.safetensors'), 'x'), /is not the file that report\.json tells of/],
    'no report': [out => rm(join(out, 'report.json')), /report\.json is missing/],
    'a report that is no JSON': [out => writeFile(join(out, 'report.json'), '{"run_id"'), /report\.json is not JSON/],
    'a report of nothing': [out => writeFile(join(out, 'report.json'), 'null'), /report\.json is of the run undefined/],
    'a report of another run': [edited('report.json', report => { report.run_id = 'run-2\u001b[31m' }), /of the run run-2 \[31m/],
    'a report without an end': [edited('report.json', report => { delete report.done }), /does not say how the run ended/],
    'a report of impossible steps': [edited('report.json', report => { (report.done as Record<string, unknown>).steps = -1 }), /does not say how the run ended/],
    'a configuration that is no LoRA\'s': [edited('peft/adapter_config.json', config => { config.peft_type = 'IA3' }), /not of a LoRA adapter/],
    'a configuration that loads more': [edited('peft/adapter_config.json', config => { config.auto_mapping = { parent_library: 'os' } }), /sets auto_mapping/]
  }
  for (const [name, [damage, why]] of Object.entries(cases)) {
    const out = join(folder, 'bad')
    await cp(good, out, { recursive: true })
    await damage(out)
    await t.rejects(checkResult(out, expected), { code: 'training_bad_result', message: why }, name)
    for (const left of [out, `${out}-real`]) await rm(left, { recursive: true, force: true })
  }
  await t.rejects(checkResult(good, { ...expected, baseDigest: 'f'.repeat(64) }), { code: 'training_bad_result', message: /trained on another base/ })
  await t.rejects(checkResult(join(folder, 'nowhere'), expected), { code: 'training_bad_result', message: /its folder is missing/ })
})

function sha256 (bytes: Buffer): string { return createHash('sha256').update(bytes).digest('hex') }
