import { once } from 'node:events'
import type { Test } from 'tap'

/** Frames of the server that a test meets. */
export interface Frame { readonly type: string, readonly id?: string, readonly data?: { choices: { delta: { content?: string } }[] }, readonly error?: { code: string } }

/** A WebSocket client that keeps all frames. */
export async function openSocket (t: Test, port: number): Promise<{ socket: WebSocket, frames: Frame[], create (id: string, body: object): void }> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/v1/ws`, 'engraft.v1')
  const frames: Frame[] = []
  socket.addEventListener('message', ({ data }) => frames.push(JSON.parse(String(data)) as Frame))
  t.teardown(() => socket.close())
  await once(socket, 'open')
  return { socket, frames, create: (id, body) => socket.send(JSON.stringify({ type: 'create', id, body })) }
}
