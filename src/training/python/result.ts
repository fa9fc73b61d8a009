import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { lstat, open, opendir, readFile } from 'node:fs/promises'
import { extname, join, relative } from 'node:path'
import { problem } from '../../errors.ts'
import { GgufError, readGguf, type GgufHeader } from '../../gguf/reader.ts'
import { positive, whole } from './events.ts'
import { brief } from './failure.ts'

/** A result folder that was found to be what it must be. */
export interface Result {
  readonly adapter: string
  /** sha256 (hex) of the adapter's file. */
  readonly digest: string
  /** Folder of the same weights as PyTorch reads them. */
  readonly peft: string
  /** 0: no epoch was better than the base. */
  readonly bestEpoch: number
  readonly seconds: number
  readonly steps: number
}

/** What the job was: its base's sha256 (hex) and its run; `limit`: bytes of an adapter, at most. */
export interface Expected { readonly baseDigest: string, readonly runId: string, readonly limit?: number }

/** A whole result has seven. */
const maxEntries = 64
const maxDepth = 3
const million = 1024 * 1024
/** Bytes by kind of file. All that a result consists of; none of these holds code. */
const small = { '.json': million, '.jsonl': 64 * million, '.md': million, '.svg': 8 * million }
/** As --adapter-limit, unless it was changed. */
const usualLimit = 1024 * million
/** First bytes of a pickle (protocol 2 and later), and of a zip archive, in which torch.save puts pickles. */
const pickles = ['8002', '8003', '8004', '8005', '504b']
/** Keys of an adapter's configuration with which PEFT would import or load something else. */
const reaching = ['auto_mapping', 'base_model_name_or_path', 'megatron_config']

/**
 * Looks through what a trainer gave back, of which nothing is believed: it may
 * come from another machine. Opens nothing before it is known to be a plain
 * file of bounded size. Throws `training_bad_result` with the reason.
 */
export async function checkResult (out: string, { baseDigest, runId, limit = usualLimit }: Expected): Promise<Result> {
  try {
    if (!(await lstat(out)).isDirectory()) refuse('it is not a folder')
    await checkFolder(out, out, limit, { left: maxEntries })
    const done = checkReport(await readJson(out, 'report.json'), runId)
    const adapter = join(out, 'adapter.gguf')
    checkLineage(await readGguf(adapter), baseDigest, runId)
    const config = await readJson(out, 'peft/adapter_config.json')
    if (config.peft_type !== 'LORA') refuse('peft/adapter_config.json is not of a LoRA adapter')
    for (const key of reaching) if (config[key] != null) refuse(`peft/adapter_config.json sets ${key}`)
    if (await digestOf(join(out, 'peft', 'adapter_model.safetensors')) !== done.weights) refuse('peft/adapter_model.safetensors is not the file that report.json tells of')
    return { adapter, digest: await digestOf(adapter), peft: join(out, 'peft'), bestEpoch: done.bestEpoch, seconds: done.seconds, steps: done.steps }
  } catch (error) {
    throw refusal(error, out)
  }
}

async function checkFolder (folder: string, out: string, limit: number, entries: { left: number }, depth = 1): Promise<void> {
  if (depth > maxDepth) refuse(`its folders are more than ${maxDepth} deep`)
  for await (const { name } of await opendir(folder)) {
    if (--entries.left < 0) refuse(`it has more than ${maxEntries} files`)
    const path = join(folder, name)
    const shown = brief(relative(out, path))
    const found = await lstat(path)
    if (found.isSymbolicLink()) refuse(`${shown} is a symbolic link`)
    else if (found.isDirectory()) await checkFolder(path, out, limit, entries, depth + 1)
    else if (!found.isFile()) refuse(`${shown} is not a regular file`)
    else await checkFile(path, shown, found.size, limit)
  }
}

async function checkFile (path: string, shown: string, size: number, limit: number): Promise<void> {
  const kind = extname(path)
  const most = kind === '.gguf' || kind === '.safetensors' ? limit : small[kind as keyof typeof small]
  if (most === undefined) refuse(`${shown} may hold code: only ${['.gguf', '.safetensors', ...Object.keys(small)].join(', ')} files are taken`)
  if (size > most) refuse(`${shown} has more than ${most} bytes`)
  await using file = await open(path)
  const { buffer, bytesRead } = await file.read(Buffer.alloc(2), 0, 2, 0)
  if (pickles.includes(buffer.toString('hex', 0, bytesRead))) refuse(`${shown} may hold code: it is a pickle or an archive`)
}

function checkReport ({ run_id: run, done }: Record<string, unknown>, runId: string): { weights: string, bestEpoch: number, seconds: number, steps: number } {
  if (run !== runId) refuse(`report.json is of the run ${brief(String(run))}`)
  const { adapter_sha256: weights, best_epoch: epoch, seconds: took, steps: taken } = Object(done) as Record<string, unknown>
  const [bestEpoch, seconds, steps] = [whole(epoch), positive(took), whole(taken)]
  if (bestEpoch === null || seconds === null || steps === null || typeof weights !== 'string') refuse('report.json does not say how the run ended')
  return { weights, bestEpoch, seconds, steps }
}

function checkLineage ({ metadata }: GgufHeader, baseDigest: string, runId: string): void {
  if (metadata.get('general.type') !== 'adapter') refuse('adapter.gguf is no adapter')
  if (metadata.get('engraft.base_sha256') !== baseDigest) refuse('adapter.gguf was trained on another base')
  if (metadata.get('engraft.run_id') !== runId) refuse('adapter.gguf is of another run')
}

async function readJson (out: string, name: string): Promise<Record<string, unknown>> {
  const text = await readFile(join(out, name), 'utf8')
  try {
    return Object(JSON.parse(text)) as Record<string, unknown>
  } catch {
    return refuse(`${name} is not JSON`)
  }
}

async function digestOf (path: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) hash.update(chunk)
  return hash.digest('hex')
}

/** Why a result is refused. */
class Refusal extends Error {}

function refuse (detail: string): never { throw new Refusal(detail) }

function refusal (error: unknown, out: string): unknown {
  if (error instanceof Refusal) return problem('training_bad_result', { detail: error.message })
  if (error instanceof GgufError) return problem('training_bad_result', { detail: `of adapter.gguf, ${brief(error.reason)}` })
  const { code, path } = error as NodeJS.ErrnoException
  return code === 'ENOENT' && path !== undefined ? problem('training_bad_result', { detail: `${relative(out, path) || 'its folder'} is missing` }) : error
}
