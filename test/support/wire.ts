import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

/** Writes raw bytes to a port and resolves to everything that comes back until the server closes. */
export async function exchange (port: number, bytes: string, wait = 10_000): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  socket.write(bytes)
  return await drained(socket, wait)
}

export async function drained (socket: Socket, wait = 10_000): Promise<string> {
  let text = ''
  socket.setEncoding('utf8')
  socket.on('data', data => { text += data })
  socket.on('error', () => {})
  socket.resume()
  await Promise.race([new Promise(resolve => socket.once('close', resolve)), sleep(wait, undefined, { ref: false })])
  socket.destroy()
  return text
}

/** The bytes of a chat request. */
export function post (body: object | string, headers: Record<string, string> = {}, path = '/v1/chat/completions'): string {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  const all = { host: '127.0.0.1', 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(text)), ...headers }
  return `POST ${path} HTTP/1.1\r\n${Object.entries(all).map(([name, value]) => `${name}: ${value}`).join('\r\n')}\r\n\r\n${text}`
}

/** Resolves once `check` holds; rejects after `wait` ms. */
export async function until (check: () => boolean | Promise<boolean>, wait = 10_000): Promise<void> {
  const late = performance.now() + wait
  while (!await check()) {
    if (performance.now() > late) throw new Error(`It did not come to pass: ${check.toString()}`)
    await sleep(2)
  }
}

/** Resolves to the value of `read` once it has stopped changing for half a second. */
export async function settled (read: () => number): Promise<number> {
  let last = read()
  for (let same = 0; same < 10;) {
    await sleep(50)
    same = read() === last ? same + 1 : 0
    last = read()
  }
  return last
}
