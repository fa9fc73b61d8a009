import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { access } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { holding } from '../../src/models/lock.ts'

/** Kept between runs, and named by what is in it, so that another version is another folder. */
const requirement = 'openai==3.54.0'
const home = fileURLToPath(new URL(`../../.cache/python/${requirement}`, import.meta.url))
const python = `${home}/bin/python`

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

/**
 * A Python that has OpenAI's package, or the reason why there is none: no
 * python3, no pip, or no index that pip can reach. Anything else throws.
 */
export async function openaiPython (): Promise<{ readonly python: string } | { readonly missing: string }> {
  return await holding(`${home}.lock`, AbortSignal.timeout(280_000), () => {}, async () => {
    const ready = await access(`${home}/ready`).then(() => true, () => false)
    if (ready) return { python }
    if ((await run('python3', ['--version'])).code !== 0) return { missing: 'there is no python3 here' }
    if ((await run('python3', ['-m', 'pip', '--version'])).code !== 0) return { missing: 'python3 has no pip here' }
    // Debian keeps ensurepip apart, so the system's own pip fills the environment.
    await must(run('python3', ['-m', 'venv', '--clear', '--without-pip', home]))
    const pip = await run('python3', ['-m', 'pip', '--python', python, 'install', '--disable-pip-version-check', '--no-color', '--quiet', requirement], { ms: 240_000 })
    if (pip.code !== 0 && /Connection|Temporary failure|timed out|No matching distribution/i.test(pip.err)) return { missing: `pip cannot fetch ${requirement}: ${pip.err.split('\n').findLast(line => line.startsWith('ERROR:'))}` }
    await must(pip)
    await must(run(python, ['-c', `import openai, pathlib; pathlib.Path(${JSON.stringify(`${home}/ready`)}).touch()`]))
    return { python }
  })
}

async function must (ending: Ended | Promise<Ended>): Promise<void> {
  const { code, err } = await ending
  if (code !== 0) throw new Error(err)
}
