import { createInterface } from 'node:readline/promises'
import { asUser, locate, type Server, ServerError } from './server.ts'
import { why } from './why.ts'

export interface ChatOptions extends Server {
  readonly model: string | null
  readonly system: string | null
}

/** What is known of an answer when it is over. */
interface Answered { readonly text: string, readonly memories: readonly string[], readonly forgetful: boolean }

interface Turn { readonly role: 'system' | 'user' | 'assistant', readonly content: string }

/** Frames of `/v1/ws` that a chat meets. */
type Frame =
  | { readonly type: 'chunk', readonly data: { readonly model: string, readonly choices: readonly { readonly delta: { readonly content?: string | null, readonly reasoning_content?: string }, readonly finish_reason: string | null }[], readonly usage?: { readonly completion_tokens: number } | null, readonly engraft?: { readonly memories: readonly string[], readonly forgetful?: true } } }
  | { readonly type: 'done' }
  | { readonly type: 'error', readonly error: { readonly message: string } }

const help = '/reset starts over, /exit (or Ctrl-D) ends, Ctrl-C stops an answer'
const helpWithUser = `/why shows what was remembered for the last answer, ${help}`

/** A conversation in the terminal over the server's WebSocket, streamed as it is written. Resolves when the person ends it. */
export async function chat (options: ChatOptions, input: NodeJS.ReadableStream, output: NodeJS.WritableStream & { isTTY?: boolean }): Promise<void> {
  const socket = await connect(options)
  const dim = (text: string): string => output.isTTY === true ? `\u001B[2m${text}\u001B[0m` : text
  const lines = createInterface({ input, output, prompt: output.isTTY === true ? '> ' : '' })
  const opening: Turn[] = options.system === null ? [] : [{ role: 'system', content: options.system }]
  const commands = options.user == null ? help : helpWithUser
  let turns = opening
  let last: Answered | null = null
  let count = 0
  let cancel: (() => void) | null = null
  let open = true
  lines.on('close', () => { open = false })
  lines.on('SIGINT', () => { if (cancel === null) lines.close(); else cancel() })
  socket.addEventListener('close', () => lines.close())
  output.write(`${dim(commands)}\n`)
  lines.prompt()
  for await (const line of lines) {
    const text = line.trim()
    if (text === '/exit') break
    if (text === '/reset') [turns, last] = [opening, null]
    else if (text === '/help') output.write(`${dim(commands)}\n`)
    else if (text === '/why') output.write(`${dim((await explained(options, turns, last)).join('\n'))}\n`)
    else if (text !== '') {
      const id = String(++count)
      cancel = () => socket.send(JSON.stringify({ type: 'cancel', id }))
      const asked: Turn[] = [...turns, { role: 'user', content: text }]
      const answered = await answer(socket, id, { ...(options.model !== null && { model: options.model }), messages: asked, stream_options: { include_usage: true } }, output, dim)
      cancel = null
      // What failed is asked again by the person, not by the next question.
      if (answered !== null) turns = [...asked, { role: 'assistant', content: answered.text }]
      last = answered ?? last
    }
    // Piped questions are read to their end long before they are answered.
    if (open) lines.prompt()
  }
  lines.close()
  socket.close()
}

/** What `/why` says of the last answer. */
async function explained (server: Server, turns: readonly Turn[], last: Answered | null): Promise<string[]> {
  if (server.user == null) return ['Nobody is named, so nothing is remembered: start the chat with --user NAME.']
  if (last === null) return ['There is no answer yet.']
  if (last.forgetful) return ['What was said before could not be looked up in time for this answer.']
  try {
    return await why(server, turns.findLast(({ role }) => role === 'user')?.content ?? '', last.memories)
  } catch (error) {
    if (!(error instanceof ServerError)) throw error
    return [error.message]
  }
}

async function connect ({ url, key, user = null }: ChatOptions): Promise<WebSocket> {
  const at = locate(url, '/v1/ws')
  at.protocol = at.protocol === 'https:' ? 'wss:' : 'ws:'
  const socket = new WebSocket(at, { protocols: ['engraft.v1'], headers: { ...asUser(user), ...(key !== null && { authorization: `Bearer ${key}` }) } })
  await new Promise<void>((resolve, reject) => {
    socket.addEventListener('open', () => resolve(), { once: true })
    socket.addEventListener('error', () => reject(new ServerError(`Nothing answers at ${url}${key === null ? '' : ', or it refuses the key'}: start the server with 'engraft serve', or name another address with --url (and a key with ENGRAFT_KEY, if it needs one).`)), { once: true })
  })
  return socket
}

/** Writes one answer as it comes; null when there is none to keep. */
async function answer (socket: WebSocket, id: string, body: object, output: NodeJS.WritableStream, dim: (text: string) => string): Promise<Answered | null> {
  const began = performance.now()
  let text = ''
  let first = 0
  let pieces = 0
  let tokens: number | null = null
  let about: Omit<Answered, 'text'> = { memories: [], forgetful: false }
  return await new Promise(resolve => {
    const end = (note: string, broken = false): void => {
      socket.removeEventListener('message', hear)
      socket.removeEventListener('close', lost)
      output.write(`\n${dim(note)}\n`)
      resolve(text === '' || broken ? null : { text, ...about })
    }
    const lost = (): void => end('The server has closed the connection.', true)
    const hear = ({ data }: MessageEvent): void => {
      const frame = JSON.parse(String(data)) as Frame
      if (frame.type === 'error') return end(frame.error.message)
      if (frame.type === 'done') {
        const seconds = (performance.now() - began - first) / 1000
        // One that was stopped has no usage to tell.
        return end(`${tokens ?? `stopped after about ${pieces}`} tokens, first after ${(first / 1000).toFixed(2)} s, then ${((tokens ?? pieces) / Math.max(seconds, 0.001)).toFixed(0)} a second${about.memories.length === 0 ? '' : `; ${about.memories.length} ${about.memories.length === 1 ? 'memory' : 'memories'} (/why)`}`)
      }
      tokens = frame.data.usage?.completion_tokens ?? tokens
      const { engraft } = frame.data
      if (engraft !== undefined) about = { memories: engraft.memories, forgetful: engraft.forgetful === true }
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
