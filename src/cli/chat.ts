import { createInterface } from 'node:readline/promises'
import { locate, type Server, ServerError } from './server.ts'

export interface ChatOptions extends Server {
  readonly model: string | null
  readonly system: string | null
}

interface Turn { readonly role: 'system' | 'user' | 'assistant', readonly content: string }

/** Frames of `/v1/ws` that a chat meets. */
type Frame =
  | { readonly type: 'chunk', readonly data: { readonly model: string, readonly choices: readonly { readonly delta: { readonly content?: string | null, readonly reasoning_content?: string }, readonly finish_reason: string | null }[], readonly usage?: { readonly completion_tokens: number } | null } }
  | { readonly type: 'done' }
  | { readonly type: 'error', readonly error: { readonly message: string } }

const help = '/reset starts over, /exit (or Ctrl-D) ends, Ctrl-C stops an answer'

/** A conversation in the terminal over the server's WebSocket, streamed as it is written. Resolves when the person ends it. */
export async function chat (options: ChatOptions, input: NodeJS.ReadableStream, output: NodeJS.WritableStream & { isTTY?: boolean }): Promise<void> {
  const socket = await connect(options)
  const dim = (text: string): string => output.isTTY === true ? `\u001B[2m${text}\u001B[0m` : text
  const lines = createInterface({ input, output, prompt: output.isTTY === true ? '> ' : '' })
  const opening: Turn[] = options.system === null ? [] : [{ role: 'system', content: options.system }]
  let turns = opening
  let count = 0
  let cancel: (() => void) | null = null
  let open = true
  lines.on('close', () => { open = false })
  lines.on('SIGINT', () => { if (cancel === null) lines.close(); else cancel() })
  socket.addEventListener('close', () => lines.close())
  output.write(`${dim(help)}\n`)
  lines.prompt()
  for await (const line of lines) {
    const text = line.trim()
    if (text === '/exit') break
    if (text === '/reset') turns = opening
    else if (text === '/help') output.write(`${dim(help)}\n`)
    else if (text !== '') {
      const id = String(++count)
      cancel = () => socket.send(JSON.stringify({ type: 'cancel', id }))
      const asked: Turn[] = [...turns, { role: 'user', content: text }]
      const answered = await answer(socket, id, { ...(options.model !== null && { model: options.model }), messages: asked, stream_options: { include_usage: true } }, output, dim)
      cancel = null
      // What failed is asked again by the person, not by the next question.
      if (answered !== null) turns = [...asked, { role: 'assistant', content: answered }]
    }
    // Piped questions are read to their end long before they are answered.
    if (open) lines.prompt()
  }
  lines.close()
  socket.close()
}

async function connect ({ url, key }: ChatOptions): Promise<WebSocket> {
  const at = locate(url, '/v1/ws')
  at.protocol = at.protocol === 'https:' ? 'wss:' : 'ws:'
  const socket = new WebSocket(at, ['engraft.v1', ...(key === null ? [] : [`engraft.key.${Buffer.from(key).toString('base64url')}`])])
  await new Promise<void>((resolve, reject) => {
    socket.addEventListener('open', () => resolve(), { once: true })
    socket.addEventListener('error', () => reject(new ServerError(`Nothing answers at ${url}${key === null ? '' : ', or it refuses the key'}: start the server with 'engraft serve', or name another address with --url (and a key with ENGRAFT_KEY, if it needs one).`)), { once: true })
  })
  return socket
}

/** Writes one answer as it comes; its text, or null when there is none to keep. */
async function answer (socket: WebSocket, id: string, body: object, output: NodeJS.WritableStream, dim: (text: string) => string): Promise<string | null> {
  const began = performance.now()
  let text = ''
  let first = 0
  let pieces = 0
  let tokens: number | null = null
  return await new Promise(resolve => {
    const end = (kept: string | null, note: string): void => {
      socket.removeEventListener('message', hear)
      socket.removeEventListener('close', lost)
      output.write(`\n${dim(note)}\n`)
      resolve(kept)
    }
    const lost = (): void => end(null, 'The server has closed the connection.')
    const hear = ({ data }: MessageEvent): void => {
      const frame = JSON.parse(String(data)) as Frame
      if (frame.type === 'error') return end(text === '' ? null : text, frame.error.message)
      if (frame.type === 'done') {
        const seconds = (performance.now() - began - first) / 1000
        // One that was stopped has no usage to tell.
        return end(text === '' ? null : text, `${tokens ?? `stopped after about ${pieces}`} tokens, first after ${(first / 1000).toFixed(2)} s, then ${((tokens ?? pieces) / Math.max(seconds, 0.001)).toFixed(0)} a second`)
      }
      tokens = frame.data.usage?.completion_tokens ?? tokens
      const delta = frame.data.choices[0]?.delta
      if (delta?.reasoning_content) output.write(dim(delta.reasoning_content))
      if (delta?.content) {
        if (text === '') first = performance.now() - began
        pieces++
        text += delta.content
        output.write(delta.content)
      }
    }
    socket.addEventListener('message', hear)
    socket.addEventListener('close', lost)
    socket.send(JSON.stringify({ type: 'create', id, body }))
  })
}
