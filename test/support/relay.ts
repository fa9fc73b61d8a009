import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Test } from 'tap'

/** A connection to `port` whose reading side can be paused so that the server notices soon: within some hundred kilobytes. */
export async function slowRelay (t: Pick<Test, 'teardown'>, port: number): Promise<{ port: number, toggle: () => void }> {
  const relay = spawn('python3', [fileURLToPath(new URL('slow_relay.py', import.meta.url)), String(port)], { stdio: ['pipe', 'pipe', 'inherit'] })
  t.teardown(() => relay.kill())
  const [line] = await once(relay.stdout, 'data') as [Buffer]
  return { port: Number(line.toString()), toggle: () => relay.stdin.write('\n') }
}
