import { createHash } from 'node:crypto'
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { problem } from '../../errors.ts'
import { localEnvironment, reachingEnvironment, type Environment } from './environment.ts'
import { lookAt, packagesOf, parseRequirements, type Interpreter } from './interpreter.ts'
import { trainerFolder } from './package.ts'
import { install } from './pip.ts'

export interface Python {
  /** The Python that trains, if there is one; nothing is fetched. */
  ready (): Promise<{ readonly python: string } | null>
  /** Throws `python_missing` where none is there and none can be set up. */
  check (): Promise<void>
  /**
   * That Python, set up first where it is not there yet. `progress` is told in
   * words what happens, before anything is fetched how much. Throws
   * `python_missing`, `python_setup_failed`, `storage_full`, and the signal's
   * reason; what has been fetched is kept for the next time.
   */
  setUp (progress: (words: string) => void, signal: AbortSignal): Promise<{ readonly python: string }>
}

export interface PythonOptions {
  /** Where it is set up. */
  readonly folder: string
  /** The operator's own Python, which is used as it is; null: one is set up with `python3`. */
  readonly given: string | null
  /** Whether this machine has a GPU that PyTorch may use. */
  readonly gpu: boolean
  readonly environment: Environment
  /** One process at a time does the work while it holds the file at a path. */
  readonly lock: <T>(path: string, signal: AbortSignal, waiting: () => void, work: () => Promise<T>) => Promise<T>
  readonly log: (message: string, fields: Readonly<Record<string, unknown>>) => void
  /** pip's list of what is needed. */
  readonly requirements?: string
}

/** The least that numpy 2.4 and the trainer run on. */
const least = [3, 11] as const
/** What an environment is named: the digest of what is to be in it. */
const environmentName = /^[0-9a-f]{16}$/

export function openPython ({ folder, given, gpu, environment, lock, log, requirements = join(trainerFolder, 'requirements.txt') }: PythonOptions): Python {
  const env = localEnvironment(environment)
  const never = new AbortController().signal
  /** The operator's, once it was found to be whole. */
  let accepted: string | null = null

  async function ready (): Promise<{ python: string } | null> {
    if (given !== null) return await lacking(given) === null ? { python: given } : null
    const { home, python } = await wanted()
    const made = await readFile(join(home, 'ready'), 'utf8').catch(() => null)
    if (made === null) return null
    // A system that has moved on to another Python leaves an environment that finds none of its packages.
    const found = await lookAt(python, env, never)
    return found !== null && minorOf(found) === made ? { python } : null
  }

  async function wanted (): Promise<{ home: string, python: string, text: string }> {
    const text = await readFile(requirements, 'utf8')
    const home = join(folder, createHash('sha256').update(text).digest('hex').slice(0, 16))
    return { home, python: join(home, 'bin', 'python'), text }
  }

  /** What the operator's own Python lacks; null: nothing. */
  async function lacking (python: string): Promise<string | null> {
    if (accepted === python) return null
    const found = await lookAt(python, env, never)
    if (found === null) return `${python} cannot be run`
    if (tooOld(found)) return `${python} is ${found.version.join('.')}`
    const needed = parseRequirements(await readFile(requirements, 'utf8'))
    const has = await packagesOf(python, [...needed.keys()], env, never)
    const missing = [...needed.keys()].filter(name => !has.has(name))
    if (missing.length > 0) return `${python} lacks ${missing.join(', ')} (pip install -r ${requirements})`
    const others = Object.fromEntries([...has].filter(([name, version]) => version.split('+')[0] !== needed.get(name)))
    if (Object.keys(others).length > 0) log('the Python that trains has other versions than the trainer was tested with', { python, found: others, tested: Object.fromEntries(needed) })
    accepted = python
    return null
  }

  async function check (): Promise<void> {
    if (await ready() === null) await maker()
  }

  /** The Python that environments are made with. */
  async function maker (): Promise<Interpreter> {
    if (given !== null) throw problem('python_missing', { detail: await lacking(given) ?? '' })
    const found = await lookAt('python3', env, never)
    if (found === null) throw problem('python_missing', { detail: 'there is no python3 here' })
    if (tooOld(found)) throw problem('python_missing', { detail: `python3 is ${found.version.join('.')}` })
    if (!found.venv || !(found.pip || found.ensurepip)) throw problem('python_missing', { detail: `python3 has no ${found.venv ? 'pip' : 'venv'}` })
    return found
  }

  return {
    ready,
    check,
    async setUp (progress, signal) {
      const before = await ready()
      if (before !== null) return before
      const making = await maker()
      return await lock(join(folder, 'lock'), signal, () => progress('another process sets Python up'), async () => {
        const meanwhile = await ready()
        if (meanwhile !== null) return meanwhile
        const { home, python, text } = await wanted()
        const downloads = join(folder, 'downloads')
        await mkdir(downloads, { recursive: true })
        try {
          await install({ making, home, folder, downloads, requirements, needed: parseRequirements(text), gpu, environment: reachingEnvironment(environment) }, progress, signal)
        } catch (error) {
          await rm(home, { recursive: true, force: true })
          throw error
        }
        // Written last: what was cut off at any moment has none.
        await writeFile(join(home, 'ready'), minorOf(making))
        for (const name of await readdir(folder)) {
          if (name === 'downloads' || (environmentName.test(name) && join(folder, name) !== home)) await rm(join(folder, name), { recursive: true, force: true })
        }
        log('the Python that trains is set up', { folder: home })
        return { python }
      })
    }
  }
}

/** `3.11`: what packages are installed for. */
function minorOf ({ version: [major, minor] }: Interpreter): string { return `${major}.${minor}` }

function tooOld ({ version: [major, minor] }: Interpreter): boolean {
  return major < least[0] || (major === least[0] && minor < least[1])
}
