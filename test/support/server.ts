import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Test } from 'tap'
import { baseModel } from './model.ts'

/** Milliseconds for one request. A server that hangs fails the test at the place, instead of tap ending the file without one. */
const patience = 120_000

const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url))

export interface LiveServer {
  readonly url: string
  readonly port: number
  readonly data: string
  readonly process: ChildProcess
  /** Everything it has logged so far. */
  log (): string
  /** The process id of the engine child. */
  enginePid (): number
  post (path: string, body: unknown, init?: RequestInit): Promise<Response>
  /** The sum of a metric over its labels. */
  metric (name: string): Promise<number>
  /** Sends SIGTERM and waits; resolves to the exit code. */
  stop (): Promise<number | null>
}

/** `engraft serve` in a process of its own, with the real model, on a free port and an empty data folder, or the one given. Ends with the test. */
export async function startServer (t: Test, flags: readonly string[] = [], env: NodeJS.ProcessEnv = {}, data = `${t.testdir()}/data`): Promise<LiveServer> {
  const server = await spawnServer(data, flags, env)
  t.teardown(async () => {
    if (server.process.exitCode !== null || server.process.signalCode !== null) return
    server.process.kill('SIGKILL')
    await once(server.process, 'exit')
  })
  return server
}

/** The same without a test around it: whoever starts it stops it. */
export async function spawnServer (data: string, flags: readonly string[] = [], env: NodeJS.ProcessEnv = {}): Promise<LiveServer> {
  const { path } = await baseModel()
  const server = spawn(process.execPath, [main, 'serve', '--port', '0', '--data', data, '--models-dir', dirname(path), '--gpu', 'off', ...flags], { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] })
  let out = ''
  let log = ''
  server.stdout.on('data', chunk => { out += chunk })
  server.stderr.on('data', chunk => { log += chunk })
  const url = await new Promise<string>((resolve, reject) => {
    server.stdout.on('data', () => {
      const found = /is ready: (\S+)/.exec(out)?.[1]
      if (found !== undefined) resolve(found)
    })
    server.once('exit', code => reject(new Error(`the server ended with ${code} before it was ready:\n${out}${log}`)))
  })
  return {
    url,
    port: Number(new URL(url).port),
    data,
    process: server,
    log: () => log,
    enginePid: () => Number([...log.matchAll(/"pid":\d+,.*"pid":(\d+),"msg":"model loaded"/g)].at(-1)?.[1]),
    post: (path, body, init = {}) => fetch(new URL(path, url), { method: 'POST', signal: AbortSignal.timeout(patience), body: typeof body === 'string' ? body : JSON.stringify(body), ...init, headers: { 'content-type': 'application/json', ...init.headers } }),
    metric: async name => (await (await fetch(`${url}/metrics`, { signal: AbortSignal.timeout(patience) })).text()).split('\n').filter(line => line.startsWith(name) && /^[ {]/.test(line.slice(name.length))).reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0),
    stop: async () => {
      server.kill('SIGTERM')
      if (server.exitCode === null && server.signalCode === null) await once(server, 'exit')
      return server.exitCode
    }
  }
}

/** Resident bytes of a process. */
export async function residentBytes (pid: number): Promise<number> {
  return Number(/VmRSS:\s+(\d+)/.exec(await readFile(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024
}

export function chatBody (content: string, over: object = {}): object {
  return { model: 'smollm2-135m', messages: [{ role: 'user', content }], temperature: 0, max_tokens: 16, ...over }
}

/** SmolLM2 cannot end its turn: for answers that must go on. */
export const endlessBias = { logit_bias: { 0: -100, 2: -100 } }

/** The events of an SSE body, as they come. */
export async function * events (response: Response): AsyncGenerator<string> {
  let text = ''
  for await (const chunk of response.body ?? []) {
    text += Buffer.from(chunk).toString()
    for (let end = text.indexOf('\n\n'); end !== -1; end = text.indexOf('\n\n')) {
      yield text.slice(0, end)
      text = text.slice(end + 2)
    }
  }
  if (text !== '') yield text
}

/** Seconds of processor a process has used. */
export async function cpuSeconds (pid: number): Promise<number> {
  const fields = (await readFile(`/proc/${pid}/stat`, 'utf8')).split(') ')[1]?.split(' ') ?? []
  // Fields 14 and 15 of proc(5), in ticks of 1/100 s.
  return (Number(fields[11]) + Number(fields[12])) / 100
}
