import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Test } from 'tap'

/** How a file server behaves for one request; `n` counts requests from 1. */
export type Behaviour = (request: IncomingMessage, response: ServerResponse, n: number) => void

export interface FileServer {
  readonly origin: string
  /** What was asked, in order. */
  readonly requests: IncomingMessage[]
}

/** A real HTTP server on loopback that ends with the test. */
export async function serve (t: Test, behaviour: Behaviour): Promise<FileServer> {
  const requests: IncomingMessage[] = []
  const server = createServer((request, response) => {
    requests.push(request)
    behaviour(request, response, requests.length)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return { origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, requests }
}

export interface Serving {
  readonly etag?: string
  readonly headers?: Readonly<Record<string, string>>
  /** Destroys the connection after so many bytes of the body, once they had time to arrive. */
  readonly cutAfter?: number
  /** Sends so many bytes of the body, then nothing. */
  readonly hangAfter?: number
}

/** Answers as good file servers do: Range, If-Range, ETag, lengths. */
export function sendFile (request: IncomingMessage, response: ServerResponse, bytes: Buffer, { etag = '"v1"', headers = {}, cutAfter, hangAfter }: Serving = {}): void {
  const range = /^bytes=(\d+)-$/.exec(request.headers.range ?? '')
  const condition = request.headers['if-range']
  const from = range !== null && (condition === undefined || condition === etag) ? Number(range[1]) : 0
  if (from >= bytes.length && from > 0) {
    response.writeHead(416, { 'content-range': `bytes */${bytes.length}` }).end()
    return
  }
  const rest = bytes.subarray(from)
  const common = { etag, 'content-length': rest.length, 'accept-ranges': 'bytes', ...headers }
  if (from > 0) response.writeHead(206, { ...common, 'content-range': `bytes ${from}-${bytes.length - 1}/${bytes.length}` })
  else response.writeHead(200, common)
  const stop = cutAfter ?? hangAfter
  if (stop === undefined || stop >= rest.length) response.end(rest)
  else response.write(rest.subarray(0, stop), () => { if (cutAfter !== undefined) setTimeout(() => response.destroy(), 150) })
}
