import { spawn, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, readFile, rename, rm } from 'node:fs/promises'
import { once } from 'node:events'
import { availableParallelism, homedir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** node-llama-cpp carries the sources of the llama.cpp release that it was built from. */
const sources = fileURLToPath(new URL('../llama', import.meta.resolve('node-llama-cpp')))

/** A release build with OpenMP for this very processor, which is the fastest that llama.cpp offers, and nothing that a benchmark does not ask (its web page, TLS). */
const options = [
  '-DCMAKE_BUILD_TYPE=Release', '-DGGML_NATIVE=ON', '-DGGML_OPENMP=ON', '-DBUILD_SHARED_LIBS=OFF',
  '-DLLAMA_BUILD_TESTS=OFF', '-DLLAMA_BUILD_EXAMPLES=OFF', '-DLLAMA_BUILD_APP=OFF',
  '-DLLAMA_BUILD_UI=OFF', '-DLLAMA_USE_PREBUILT_UI=OFF', '-DLLAMA_OPENSSL=OFF'
]
const cudaOptions = ['-DGGML_CUDA=ON', '-DCMAKE_CUDA_ARCHITECTURES=native']

export interface Built { readonly binary: string, readonly version: string }

/**
 * llama-server of the same release as ours, built once into the user's cache
 * folder; later calls find it there. The first takes about 10 minutes on two
 * cores. Throws where a tool for that is missing.
 */
export async function builtLlamaServer (cuda: boolean): Promise<Built> {
  const { release } = JSON.parse(await readFile(join(sources, 'binariesGithubRelease.json'), 'utf8')) as { release: string }
  const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'engraft-bench', `llama-${release}`)
  const build = join(cache, cuda ? 'build-cuda' : 'build')
  const binary = join(build, 'bin', 'llama-server')
  const chosen = [...options, ...cuda ? cudaOptions : []]
  if (!existsSync(binary)) {
    requireTools(['git', 'cmake', 'make', 'c++', ...cuda ? ['nvcc'] : []])
    console.log(`building llama-server ${release} once, into ${cache} …`)
    await fetchSource(cache)
    await run('cmake', ['-S', join(cache, 'source'), '-B', build, ...chosen])
    await run('cmake', ['--build', build, '--target', 'llama-server', '--parallel', String(availableParallelism())])
  }
  return { binary, version: `llama.cpp ${release} (${chosen.join(' ')})` }
}

export interface Running {
  readonly url: string
  readonly flags: readonly string[]
  readonly pid: number
  stop (): Promise<void>
}

/** Starts it on a free port of the loopback and resolves when it answers. Throws with its last lines when it ends before. */
export async function startLlamaServer ({ binary }: Built, given: readonly string[]): Promise<Running> {
  const flags = ['--host', '127.0.0.1', '--port', '0', ...given]
  const server = spawn(binary, flags, { stdio: ['ignore', 'pipe', 'pipe'] })
  let log = ''
  const url = await new Promise<string>((resolve, reject) => {
    for (const stream of [server.stdout, server.stderr]) {
      stream.on('data', chunk => {
        // Only the end is of use: it logs every request.
        log = (log + chunk).slice(-8192)
        const found = /listening on (http:\S+)/.exec(log)?.[1]
        if (found !== undefined) resolve(found)
      })
    }
    server.once('error', reject)
    server.once('exit', code => reject(new Error(`llama-server ended with ${code} before it was ready:\n${log}`)))
  })
  while (!(await fetch(`${url}/health`)).ok) await new Promise(resolve => setTimeout(resolve, 100))
  return {
    url,
    flags,
    pid: server.pid ?? NaN,
    stop: async () => {
      server.kill('SIGTERM')
      if (server.exitCode === null && server.signalCode === null) await once(server, 'exit')
    }
  }
}

function requireTools (tools: readonly string[]): void {
  const missing = tools.filter(tool => spawnSync(tool, ['--version']).error !== undefined)
  if (missing.length > 0) throw new Error(`To measure against llama-server it must be built, and ${missing.join(', ')} ${missing.length === 1 ? 'is' : 'are'} not there: install git, cmake, make and a C++ compiler (on Debian: apt-get install git cmake make g++)${tools.includes('nvcc') ? ', and the CUDA toolkit' : ''}.`)
}

/** Cloned beside its place first, so that a clone that was cut off is not taken for one. */
async function fetchSource (cache: string): Promise<void> {
  const source = join(cache, 'source')
  if (existsSync(source)) return
  await mkdir(cache, { recursive: true })
  await rm(`${source}.part`, { recursive: true, force: true })
  await run('git', ['clone', '--quiet', join(sources, 'gitRelease.bundle'), `${source}.part`])
  await rename(`${source}.part`, source)
}

async function run (command: string, args: readonly string[]): Promise<void> {
  const [code] = await once(spawn(command, args, { stdio: 'inherit' }), 'exit') as [number | null]
  if (code !== 0) throw new Error(`'${command} ${args.join(' ')}' failed.`)
}
