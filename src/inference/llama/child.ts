import { problem, publicError, type PublicError } from '../../errors.ts'
import { BatchLoop } from './loop.ts'
import { Native, type Adapter } from './native.ts'
import { probe } from './probe.ts'
import { PromptWriter } from './prompt.ts'
import type { Order, Word } from './protocol.ts'
import { Residents } from './residents.ts'
import { shapeOf } from './shape.ts'

/**
 * The process that alone holds a base model: `engine.ts` forks it, sends it
 * orders and hears its words. It lives as long as its parent: when the channel
 * closes, it ends.
 */
interface Loaded { readonly native: Native, readonly writer: PromptWriter, readonly loop: BatchLoop, readonly residents: Residents<Adapter> }
let loaded: Loaded | null = null
let threads = 1
let pinged = false

process.on('disconnect', () => process.exit(0))
// Ctrl-C reaches the whole process group; the parent decides when answers end.
process.on('SIGINT', () => {})
process.on('SIGTERM', () => {})
process.on('message', (order: Order) => {
  if (order.type === 'load') void load(order)
  else if (order.type === 'ping') pong()
  else if (order.type === 'threads') setThreads(order.count)
  else if (loaded !== null) obey(loaded, order)
})

/** Kept for a model that is still being loaded. */
function setThreads (count: number): void {
  threads = count
  loaded?.loop.threads(count)
}

function say (word: Word): void {
  if (process.connected) process.send?.(word)
}

async function load ({ options, residents: limit }: Extract<Order, { type: 'load' }>): Promise<void> {
  try {
    const native = await Native.open(options)
    const residents = new Residents<Adapter>(native, limit)
    let shown = ''
    const show = (): void => {
      const state = residents.state()
      const now = JSON.stringify(state)
      if (now !== shown) say({ type: 'residents', state })
      shown = now
    }
    const loop = new BatchLoop(native, options.slots, residents, {
      parts: parts => say({ type: 'parts', parts }),
      failed: fail,
      adopted: id => {
        // First what is in memory now: whoever asked may look.
        show()
        say({ type: 'adopted', id })
      },
      embedded: (id, vectors, promptTokens) => say({ type: 'embedded', id, vectors, promptTokens }),
      between: longestBatchMs => {
        if (pinged) answerPing(longestBatchMs)
        show()
      }
    })
    loop.threads(threads)
    loaded = { native, loop, residents, writer: new PromptWriter(native) }
    say({ type: 'ready', contextSize: native.contextSize, batchSize: native.batchSize, gpu: native.gpu, ends: native.specials.flatMap(({ id }) => native.isEnd(id) ? [id] : []) })
  } catch (cause) {
    say({ type: 'unready', message: cause instanceof Error ? cause.message : String(cause) })
  }
}

function obey ({ native, writer, loop, residents }: Loaded, order: Exclude<Order, { type: 'load' | 'ping' | 'threads' }>): void {
  if (order.type === 'cancel') loop.cancel(order.id)
  else if (order.type === 'taken') loop.taken(order.id, order.count)
  else if (order.type === 'adopt') loop.adopt(order.id, order.adapters)
  else if (order.type === 'pin') residents.pin(order.digests)
  else if (order.type === 'forget') loop.forget(order.tenant)
  else if (order.type === 'probe') probe(native, order.path).then(found => say({ type: 'probed', id: order.id, probe: found }), cause => fail(order.id, problem('adapter_load_failed', { detail: cause instanceof Error ? cause.message : String(cause) })))
  else {
    try {
      if (order.type === 'render') say({ type: 'rendered', id: order.id, tokens: writer.write(order.input).tokens })
      else if (order.type === 'embed') loop.embed(order.id, order.texts.map((text, i) => fitting(native, writer.write(typeof text === 'string' ? { type: 'text', text } : { type: 'tokens', tokens: text }, `input[${i}]`).tokens, `input[${i}]`)))
      else {
        const { request } = order
        const prompt = writer.write(request.input)
        fitting(native, prompt.tokens, request.input.type === 'chat' ? 'messages' : 'prompt')
        loop.submit(order.id, request, prompt, shapeOf(request, writer, prompt))
      }
    } catch (cause) {
      fail(order.id, publicError(cause))
    }
  }
}

/** The tokens, if the context has room for them and one more. */
function fitting ({ contextSize: limit }: Native, tokens: Uint32Array, param: string): Uint32Array {
  const count = tokens.length
  if (count === 0) throw problem('invalid_request', { detail: `'${param}' has no tokens: send some text.` }, { param })
  if (count >= limit) throw problem('context_length_exceeded', { count, limit }, { param })
  return tokens
}

function fail (id: number, error: PublicError): void {
  const cause = error.cause instanceof Error ? error.cause.message : error.cause === undefined ? null : String(error.cause)
  say({ type: 'failed', id, code: error.code, message: error.message, param: error.param, cause })
}

function pong (): void {
  pinged = true
  if (loaded === null || !loaded.loop.running) answerPing(loaded?.loop.longestBatchMs ?? 0)
}

function answerPing (longestBatchMs: number): void {
  pinged = false
  say({ type: 'pong', longestBatchMs, rss: process.memoryUsage.rss() })
}
