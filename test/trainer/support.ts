import { createHash, randomUUID } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { trainerFolder } from '../../src/training/python/package.ts'
import type { Program } from '../../src/training/python/program.ts'
import type { JobFolder } from '../../src/training/trainer.ts'
import { pythonWith, run, type Python } from '../clients/python.ts'

/** The Python with all that trains, or why there is none here. */
export async function trainerPython (): Promise<Python> {
  const [first = '', ...others] = (await readFile(join(trainerFolder, 'requirements.txt'), 'utf8')).trim().split('\n')
  // PyTorch is large.
  return await pythonWith([first, ...others], 'peft', { ms: 600_000 })
}

/** That Python behind a script which notes the id of each process, so that a test can end one. */
export async function notingPython (python: string, folder: string): Promise<{ readonly python: string, readonly pids: () => Promise<readonly number[]> }> {
  const [script, list] = [join(folder, `python-${randomUUID()}`), join(folder, `pids-${randomUUID()}`)]
  await writeFile(script, `#!/bin/sh\necho $$ >> '${list}'\nexec '${python}' "$@"\n`, { mode: 0o755 })
  return { python: script, pids: async () => (await readFile(list, 'utf8').catch(() => '')).trim().split('\n').filter(line => line !== '').map(Number) }
}

export function programOf (python: string): Program {
  return { python: { setUp: async () => ({ python }) }, environment: process.env, threads: 1 }
}

const making = `import json, sys
from pathlib import Path
from tests import support
folder = Path(sys.argv[1])
base = support.write_base(folder / "base.gguf", "llama")
model = support.tiny_model("llama")
model.model.layers[0].mlp.up_proj.weight.data[0, 0] = float("nan")
support.write_base(folder / "nan.gguf", "llama", model)
(folder / "strange.gguf").write_bytes(base.read_bytes().replace(b"llama", b"smol3"))
support.write_rows(folder / "rows.jsonl", [{key: row[key] for key in ("id", "prompt", "completion")} for row in support.pattern_rows(5)])
for name, over in json.loads(sys.argv[2]).items():
    support.write_job(folder / name, base, support.sft_rows(), **over)`

/** A tiny base with random weights, one of an unknown architecture, one with a weight that is no number, rows, and a job folder for each name. */
export async function makeJobs<Name extends string> (python: string, folder: string, jobs: Readonly<Record<Name, object>>): Promise<Readonly<Record<Name, JobFolder>>> {
  const { code, err } = await run(python, ['-c', making, folder, JSON.stringify(jobs)], { cwd: trainerFolder })
  if (code !== 0) throw new Error(err)
  const base = join(folder, 'base.gguf')
  const baseDigest = await digestOf(base)
  return Object.fromEntries(Object.keys(jobs).map(name => [name, { path: join(folder, name), base, baseDigest }])) as Record<Name, JobFolder>
}

export async function digestOf (path: string): Promise<string> {
  return createHash('sha256').update(await readFile(path)).digest('hex')
}
