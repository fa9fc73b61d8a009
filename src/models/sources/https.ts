import { CutError, SourceError } from '../errors.ts'
import type { Opening, Source, SourceSettings, Start } from './source.ts'

/** Hubs answer with one or two; more is a loop. */
const maxRedirects = 8
const redirects = new Set([301, 302, 303, 307, 308])

/** What a server says of the file before its bytes. */
export interface Facts { readonly sha256: string | null, readonly size: number | null }

interface Asking {
  /** Headers for the first host only: never sent on to where it redirects. */
  readonly headers?: Readonly<Record<string, string>>
  /** Called for each answer of the first host, redirects included, which is where a hub names digests. */
  readonly facts?: (headers: Headers) => Facts
  /** Words for a refusal, by status. */
  readonly explain?: (status: number) => string | null
}

/** A file at a URL. Its bytes are taken as they are: a URL names no digest. */
export function httpsSource (url: string, settings: SourceSettings): Source {
  return { name: url, room: 1, open: (start, { signal }) => openUrl(url, start, signal, settings) }
}

/** Opens a URL, resuming where `start` ends if the server still has the same version. */
export async function openUrl (url: string, start: Start, signal: AbortSignal, settings: SourceSettings, asking: Asking = {}): Promise<Opening> {
  const watch = new Watch(signal)
  try {
    const asked = await request(url, start, watch, settings, asking)
    // What is here is as long as the file there or longer, so it is not that file's beginning.
    const { response, facts, host } = asked.response.status === 416 ? await request(url, { offset: 0, tag: null }, watch, settings, asking) : asked
    if (response.status !== 200 && response.status !== 206) {
      await response.body?.cancel()
      throw new SourceError(asking.explain?.(response.status) ?? `${host} answered ${response.status}`)
    }
    const range = response.status === 206 ? contentRange(response, start.offset, host) : null
    const total = range ?? facts.size ?? length(response)
    if (total === null || response.body === null) throw new SourceError(`${host} does not say how large the file is`)
    if (response.status === 200 && length(response) !== null && length(response) !== total) throw new SourceError(`${host} announces ${length(response)} bytes of a file of ${total}`)
    const offset = range === null ? 0 : start.offset
    return { offset, total, sha256: facts.sha256, tag: strongTag(response), bytes: body(response.body, total - offset, host, watch, settings) }
  } catch (thrown) {
    watch.end()
    throw thrown
  }
}

async function request (url: string, start: Start, watch: Watch, settings: SourceSettings, asking: Asking) {
  let facts: Facts = { sha256: null, size: null }
  let target = parseUrl(url)
  const first = target.origin
  for (let hop = 0; hop <= maxRedirects; hop++) {
    const headers = new Headers(target.origin === first ? asking.headers : undefined)
    headers.set('user-agent', 'engraft')
    // Ranges and lengths mean the file itself only when nothing compresses it on the way.
    headers.set('accept-encoding', 'identity')
    if (start.offset > 0) {
      headers.set('range', `bytes=${start.offset}-`)
      if (start.tag !== null) headers.set('if-range', start.tag)
    }
    const host = target.host
    watch.within(settings.answerTimeout, `${host} did not answer within ${seconds(settings.answerTimeout)}`)
    const response = await watch.guard(fetch(target, { headers, redirect: 'manual', signal: watch.signal }), host)
    watch.rest()
    if (target.origin === first && asking.facts !== undefined) {
      const said = asking.facts(response.headers)
      facts = { sha256: facts.sha256 ?? said.sha256, size: facts.size ?? said.size }
    }
    const location = response.headers.get('location')
    if (!redirects.has(response.status) || location === null) return { response, facts, host }
    await response.body?.cancel()
    target = parseUrl(location, target)
  }
  throw new SourceError(`${target.host} redirects more than ${maxRedirects} times`)
}

/**
 * The body's bytes, counted. The reader is taken at once and not by a lazy
 * generator: undici cancels a body nobody reads yet when its Response is
 * garbage collected, and a generator that was never begun cannot be cleaned up.
 */
function body (stream: ReadableStream<Uint8Array>, expected: number, host: string, watch: Watch, settings: SourceSettings): AsyncIterableIterator<Uint8Array, undefined> {
  const reader = stream.getReader()
  let received = 0
  return {
    [Symbol.asyncIterator] () { return this },

    async next () {
      watch.within(settings.stallTimeout, `${host} sent nothing for ${seconds(settings.stallTimeout)}`)
      const { done, value } = await watch.guard(reader.read(), host)
      watch.rest()
      if (done) {
        if (received < expected) throw new CutError(`${host} ended after ${received} of ${expected} bytes`)
        return { done, value: undefined }
      }
      received += value.length
      if (received > expected) throw new SourceError(`${host} sent more than the ${expected} bytes it announced`)
      return { done, value }
    },

    async return () {
      watch.end()
      // Already ended or failed when the transfer did; what cancelling says then is old news.
      await reader.cancel().catch(() => {})
      return { done: true, value: undefined }
    }
  }
}

/** One deadline at a time over one request, joined with the caller's signal. */
class Watch {
  readonly #outer: AbortSignal
  readonly #inner = new AbortController()
  readonly #pass = () => this.#inner.abort(this.#outer.reason)
  #timer: NodeJS.Timeout | undefined

  constructor (outer: AbortSignal) {
    outer.throwIfAborted()
    this.#outer = outer
    outer.addEventListener('abort', this.#pass, { once: true })
  }

  get signal (): AbortSignal { return this.#inner.signal }

  within (milliseconds: number, reason: string): void {
    this.rest()
    this.#timer = setTimeout(() => this.#inner.abort(new SourceError(reason)), milliseconds)
  }

  rest (): void { clearTimeout(this.#timer) }

  end (): void {
    this.rest()
    this.#outer.removeEventListener('abort', this.#pass)
  }

  /** What was awaited, or the true reason why it failed. */
  async guard<T> (pending: Promise<T>, host: string): Promise<T> {
    try {
      return await pending
    } catch (thrown) {
      if (this.#inner.signal.aborted) throw this.#inner.signal.reason
      throw new CutError(`${host}: ${deepest(thrown)}`, { cause: thrown })
    }
  }
}

function parseUrl (text: string, base?: URL): URL {
  const url = URL.parse(text, base?.href)
  if (url === null) throw new SourceError(`'${text}' is no URL`)
  if (url.protocol === 'https:' || (url.protocol === 'http:' && loopback(url.hostname))) return url
  throw new SourceError(`${url.protocol}//${url.host} is not https, and only this machine itself may be asked without`)
}

function loopback (hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(hostname)
}

function contentRange (response: Response, offset: number, host: string): number {
  const match = /^bytes (\d+)-(\d+)\/(\d+)$/.exec(response.headers.get('content-range') ?? '')
  if (match === null || Number(match[1]) !== offset || Number(match[2]) !== Number(match[3]) - 1) throw new SourceError(`${host} was asked for the bytes from ${offset} on and answered with others`)
  return Number(match[3])
}

function length (response: Response): number | null {
  return byteCount(response.headers.get('content-length'))
}

/** A header's number of bytes; null when it is none. */
export function byteCount (header: string | null): number | null {
  return header !== null && /^\d+$/.test(header) && Number.isSafeInteger(Number(header)) ? Number(header) : null
}

/** A weak tag promises the same meaning, not the same bytes. */
function strongTag (response: Response): string | null {
  const tag = response.headers.get('etag')
  return tag === null || tag.startsWith('W/') ? null : tag
}

/** fetch says "fetch failed"; what failed is in the cause. */
function deepest (thrown: unknown): string {
  let inner = thrown
  while (inner instanceof Error && inner.cause instanceof Error) inner = inner.cause
  if (inner instanceof AggregateError && inner.errors.length > 0) inner = inner.errors[0]
  return inner instanceof Error ? inner.message : String(inner)
}

function seconds (milliseconds: number): string { return `${milliseconds / 1000} s` }
