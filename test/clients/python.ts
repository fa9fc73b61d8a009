import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { access } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { holding } from '../../src/models/lock.ts'

export interface Ended { readonly code: number | null, readonly out: string, readonly err: string }

/** Runs a program to its end. It is killed after `ms`. */
export async function run (command: string, args: readonly string[], { ms = 120_000, cwd, env = process.env }: { ms?: number, cwd?: string, env?: NodeJS.ProcessEnv } = {}): Promise<Ended> {
  const child = spawn(command, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'], timeout: ms, killSignal: 'SIGKILL' })
  let out = ''
  let err = ''
  child.stdout.setEncoding('utf8').on('data', text => { out += text })
  child.stderr.setEncoding('utf8').on('data', text => { err += text })
  try {
    const [code] = await once(child, 'close') as [number | null]
    return { code, out, err }
  } catch (cause) {
    return { code: null, out, err: `${err}${String(cause)}` }
  }
}

export type Python = { readonly python: string } | { readonly missing: string }

/** A Python that has OpenAI's package, or the reason why there is none. */
export async function openaiPython (): Promise<Python> { return await pythonWith(['openai==3.54.0'], 'openai') }

/**
 * A Python that has these packages, of which `module` can be imported, or the
 * reason why there is none: no python3, no pip, or no index that pip can reach.
 * Anything else throws. Kept between runs, in a folder that is named by what is
 * in it, so that other versions are another folder. `alone` comes after the
 * others and brings nothing along; `ms` is how long each of the two may take.
 */
export async function pythonWith (requirements: readonly [string, ...string[]], module: string, { alone = [], ms = 240_000 }: { readonly alone?: readonly string[], readonly ms?: number } = {}): Promise<Python> {
  const [first, ...others] = requirements
  const rest = [...others, ...alone]
  const name = rest.length === 0 ? first : `${first}+${createHash('sha256').update(rest.join(' ')).digest('hex').slice(0, 8)}`
  const home = fileURLToPath(new URL(`../../.cache/python/${name}`, import.meta.url))
  const python = `${home}/bin/python`
  return await holding(`${home}.lock`, AbortSignal.timeout(ms + 40_000), () => {}, async () => {
    const ready = await access(`${home}/ready`).then(() => true, () => false)
    if (ready) return { python }
    if ((await run('python3', ['--version'])).code !== 0) return { missing: 'there is no python3 here' }
    if ((await run('python3', ['-m', 'pip', '--version'])).code !== 0) return { missing: 'python3 has no pip here' }
    // Debian keeps ensurepip apart, so the system's own pip fills the environment.
    await must(run('python3', ['-m', 'venv', '--clear', '--without-pip', home]))
    const install = async (...what: string[]): Promise<Ended> => await run('python3', ['-m', 'pip', '--python', python, 'install', '--disable-pip-version-check', '--no-color', '--quiet', ...what], { ms })
    let pip = await install(...requirements)
    if (pip.code === 0 && alone.length > 0) pip = await install('--no-deps', ...alone)
    if (pip.code !== 0 && /Connection|Temporary failure|timed out|No matching distribution/i.test(pip.err)) return { missing: `pip cannot fetch ${first}: ${pip.err.split('\n').findLast(line => line.startsWith('ERROR:'))}` }
    await must(pip)
    await must(run(python, ['-c', `import ${module}, pathlib; pathlib.Path(${JSON.stringify(`${home}/ready`)}).touch()`]))
    return { python }
  })
}

async function must (ending: Ended | Promise<Ended>): Promise<void> {
  const { code, err } = await ending
  if (code !== 0) throw new Error(err)
}
