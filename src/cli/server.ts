/** A running server, the key it is asked with and the end user it is asked for; null: none. */
export interface Server { readonly url: string, readonly key: string | null, readonly user?: string | null }

/** What a server, or the way to it, said no with: shown as it is. */
export class ServerError extends Error {
  override readonly name = 'ServerError'
  /** The server's own; null: it said none. */
  readonly code: string | null
  constructor (message: string, { code = null, ...options }: { readonly code?: string | null, readonly cause?: unknown } = {}) {
    super(message, options)
    this.code = code
  }
}

export interface Reply<T> { readonly status: number, readonly body: T }

/** Asks the server and reads its JSON. `content` is sent as JSON, a form as it is given. Throws `ServerError` with the server's own words. */
export async function ask<T> (server: Server, method: Method, path: string, content?: object | Response): Promise<Reply<T>> {
  const response = await fetched(server, method, path, content)
  const text = await response.text().catch((error: unknown) => { throw lost(server.url, error) })
  return { status: response.status, body: (text === '' ? null : JSON.parse(text)) as T }
}

/** Asks the server and gives its answer as it comes. Throws `ServerError` as `ask` does, also where it breaks off. */
export async function * stream (server: Server, path: string): AsyncGenerator<Uint8Array, void, undefined> {
  const { body } = await fetched(server, 'GET', path)
  try {
    yield * body ?? []
  } catch (error) {
    throw lost(server.url, error)
  }
}

/** What answers a GET with these headers, its body unread. Throws as `ask` does; the signal ends the body too. */
export async function get (server: Server, path: string, more: More): Promise<Response> {
  return await fetched(server, 'GET', path, undefined, more)
}

interface More { readonly headers?: Readonly<Record<string, string>>, readonly signal?: AbortSignal }

type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'

async function fetched ({ url, key, user = null }: Server, method: Method, path: string, content?: object | Response, { headers = {}, signal }: More = {}): Promise<Response> {
  const streamed = content instanceof Response
  const type = streamed ? content.headers.get('content-type') : content === undefined ? null : 'application/json'
  const response = await fetch(locate(url, path), {
    method,
    ...signal !== undefined && { signal },
    headers: { ...headers, ...(type !== null && { 'content-type': type }), ...(key !== null && { authorization: `Bearer ${key}` }), ...asUser(user) },
    ...(streamed ? { body: content.body, duplex: 'half' } : content !== undefined && { body: JSON.stringify(content) })
  }).catch((error: unknown) => { throw lost(url, error) })
  if (response.ok) return response
  const text = await response.text().catch((error: unknown) => { throw lost(url, error) })
  const { message, code } = errorIn(text)
  throw new ServerError(message ?? `${url} answers ${response.status} ${response.statusText}: is this an Engraft server?`, { code })
}

/** The header that names the end user, in UTF-8. */
export function asUser (user: string | null): Record<string, string> {
  return user === null ? {} : { 'x-engraft-user': Buffer.from(user).toString('latin1') }
}

/** A path of the server. Throws `ServerError` when what was given is no server's address. */
export function locate (url: string, path: string): URL {
  const at = URL.parse(path, url)
  if (at === null || !/^https?:$/.test(at.protocol)) throw new ServerError(`'${url}' is no address of a server: give --url (ENGRAFT_URL) as http://HOST:PORT, as http://127.0.0.1:8080.`)
  return at
}

function errorIn (text: string): { readonly message: string | null, readonly code: string | null } {
  try {
    const { error } = JSON.parse(text) as { error?: { message?: unknown, code?: unknown } }
    return { message: textOr(error?.message), code: textOr(error?.code) }
  } catch {
    return { message: null, code: null }
  }
}

function textOr (value: unknown): string | null { return typeof value === 'string' ? value : null }

function lost (url: string, error: unknown): ServerError {
  const cause = (error as { cause?: { code?: string, message?: string } }).cause
  return cause?.code === 'ECONNREFUSED' || cause?.code === 'ENOTFOUND'
    ? new ServerError(`Nothing answers at ${url}: start the server with 'engraft serve', or name another address with --url.`, { cause: error })
    : new ServerError(`The connection to ${url} was lost: ${cause?.message ?? String(error)}.`, { cause: error })
}
