import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client'
import type { AnswerOutcome } from './answers.ts'
import type { Adapters, Bases, Loops, Memories, Training, Watcher } from './ports.ts'

// Seconds. A health check takes a millisecond, a long answer on a CPU minutes.
const buckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 900]

/** All that /metrics tells of one server, in a registry of its own so that two servers in one process do not mix. */
export class Meters implements Watcher {
  readonly registry = new Registry()
  readonly #requests: Histogram
  readonly #firsts: Histogram
  readonly #answers: Histogram
  readonly #recalls: Histogram
  readonly #captured: Counter
  readonly #masked: Counter<'kind'>
  readonly #judged: Counter<'kind'>

  constructor ({ bases, adapters, memories, training, loops }: { readonly bases: Pick<Bases, 'list'>, readonly adapters: Pick<Adapters, 'list'>, readonly memories: Pick<Memories, 'progress'>, readonly training: Pick<Training, 'list'>, readonly loops: Pick<Loops, 'list'> }, open: { readonly answers: () => number, readonly sockets: () => number }) {
    const registers = [this.registry]
    // The default resolution of 10 ms reads 13 ms of delay where there is none (trap T19).
    collectDefaultMetrics({ register: this.registry, eventLoopMonitoringPrecision: 1 })
    this.#requests = new Histogram({ name: 'engraft_http_request_duration_seconds', help: 'Time from the request line to the last byte of the reply.', labelNames: ['method', 'route', 'status'], buckets, registers })
    this.#firsts = new Histogram({ name: 'engraft_time_to_first_token_seconds', help: 'Time from asking for an answer to its first token.', buckets, registers })
    this.#answers = new Histogram({ name: 'engraft_answer_duration_seconds', help: 'Time from asking for an answer to its end.', labelNames: ['result'], buckets, registers })
    this.#recalls = new Histogram({ name: 'engraft_recall_duration_seconds', help: 'Time from a question to the memories that matter to it, in chats and searches.', buckets, registers })
    this.#captured = new Counter({ name: 'engraft_turns_captured_total', help: 'Turns of chats that have become memories.', registers })
    this.#masked = new Counter({ name: 'engraft_secrets_masked_total', help: 'Keys, passwords, cards and other secrets that were left out of memories and feedback.', labelNames: ['kind'], registers })
    this.#judged = new Counter({ name: 'engraft_feedback_total', help: 'What was said of answers.', labelNames: ['kind'], registers })
    gauge('engraft_answers_open', 'Answers under way, over HTTP and WebSocket.', open.answers)
    gauge('engraft_websockets_open', 'WebSockets open.', open.sockets)
    perBase(Gauge, 'engraft_base_running', 'Answers under way.', base => base.running)
    perBase(Gauge, 'engraft_base_waiting', 'Requests waiting for a slot.', base => base.waiting)
    perBase(Gauge, 'engraft_base_slots', 'Answers that can be generated at the same time.', base => base.slots)
    perBase(Gauge, 'engraft_base_ready', '1 when the weights are loaded.', base => base.state.status === 'ready' ? 1 : 0)
    perBase(Gauge, 'engraft_engine_resident_bytes', 'Resident memory of the engine process.', base => base.state.rss)
    perBase(Counter, 'engraft_tokens_prompt_total', 'Prompt tokens of all answers.', base => base.state.counters.promptTokens)
    perBase(Counter, 'engraft_tokens_cached_total', 'Prompt tokens that were still in a slot.', base => base.state.counters.cachedTokens)
    perBase(Counter, 'engraft_tokens_decoded_total', 'Tokens generated.', base => base.state.counters.decodedTokens)
    perBase(Counter, 'engraft_tokens_decoded_after_cancel_total', 'Tokens generated for callers who had left; at most one an answer.', base => base.state.counters.decodedAfterCancel)
    perBase(Counter, 'engraft_answers_cancelled_total', 'Answers whose caller left.', base => base.state.counters.cancelled)
    perBase(Counter, 'engraft_engine_restarts_total', 'Times the engine process was started again.', base => base.state.counters.restarts)
    perBase(Counter, 'engraft_adapter_loads_total', 'Adapters brought into memory.', base => base.state.adapters.loads)
    perBase(Counter, 'engraft_adapter_load_seconds_total', 'Time that took.', base => base.state.adapters.loadMs / 1000)
    perBase(Counter, 'engraft_adapter_evictions_total', 'Adapters that made room for others.', base => base.state.adapters.evictions)
    perBase(Counter, 'engraft_adapter_switches_total', 'Times the engine put on other adapters than in the batch before.', base => base.state.adapters.switches)
    perRun(Counter, 'engraft_training_runs_total', 'Runs of training that ended: by the verdict where they were done.', 'outcome', ({ ended, stage, verdict }) => ended === null ? null : [verdict?.decision ?? stage, 1])
    perRun(Gauge, 'engraft_training_stage', 'Runs of training that wait or are under way.', 'stage', ({ ended, stage }) => ended === null ? [stage, 1] : null)
    perRun(Gauge, 'engraft_training_loss', 'Of the last step, while an adapter is trained.', 'adapter', ({ wanted, progress }) => progress?.loss === undefined ? null : [wanted.name, progress.loss])
    perRun(Gauge, 'engraft_training_tokens_per_second', 'Of the last step, while an adapter is trained.', 'adapter', ({ wanted, progress }) => progress?.tokensPerSecond === undefined ? null : [wanted.name, progress.tokensPerSecond])
    registers[0]?.registerMetric(new Gauge({
      name: 'engraft_loop_step',
      help: 'Where each loop is: waiting is for a person.',
      labelNames: ['loop', 'step'],
      registers: [],
      async collect () {
        this.reset()
        for (const { settings: { name }, step } of await loops.list()) this.set({ loop: name, step }, 1)
      }
    }))
    registers[0]?.registerMetric(new Gauge({
      name: 'engraft_memory_units',
      help: 'Memories, and parts of long ones: embedded are found by their meaning too, pending by their words only. None of either without an embedding model.',
      labelNames: ['state'],
      registers: [],
      async collect () {
        const { embedded, pending } = await memories.progress()
        this.set({ state: 'embedded' }, embedded)
        this.set({ state: 'pending' }, pending)
      }
    }))
    registers[0]?.registerMetric(new Gauge({
      name: 'engraft_adapters',
      help: 'Adapters by digest: hot answer now, warm are in memory, disk are registered only.',
      registers: [],
      labelNames: ['base', 'tier'],
      collect () {
        this.reset()
        for (const { name: base, state: { adapters: { resident, busy } } } of bases.list()) {
          const onDisk = new Set(adapters.list().flatMap(({ versions }) => versions).filter(version => version.base === base && !resident.includes(version.digest)).map(({ digest }) => digest))
          this.set({ base, tier: 'hot' }, busy)
          this.set({ base, tier: 'warm' }, resident.length - busy)
          this.set({ base, tier: 'disk' }, onDisk.size)
        }
      }
    }))

    function gauge (name: string, help: string, read: () => number): void {
      registers[0]?.registerMetric(new Gauge({ name, help, registers: [], collect () { this.set(read()) } }))
    }

    /** Read once for all that tells of them: they are asked for together. */
    let runs: ReturnType<Training['list']> | null = null
    function perRun (Metric: typeof Gauge | typeof Counter, name: string, help: string, label: string, read: (run: Awaited<ReturnType<Training['list']>>[number]) => readonly [label: string, count: number] | null): void {
      registers[0]?.registerMetric(new Metric({
        name,
        help,
        registers: [],
        labelNames: [label],
        // The runs are on record; this only shows.
        async collect () {
          runs ??= training.list(null).finally(() => { runs = null })
          const told = (await runs).map(read)
          this.reset()
          for (const each of told) if (each !== null) this.inc({ [label]: each[0] }, each[1])
        }
      }))
    }

    function perBase (Metric: typeof Gauge | typeof Counter, name: string, help: string, read: (base: ReturnType<Bases['list']>[number]) => number): void {
      registers[0]?.registerMetric(new Metric({
        name,
        help,
        registers: [],
        labelNames: ['base'],
        // The engine counts; this only shows.
        collect () {
          this.reset()
          for (const base of bases.list()) this.inc({ base: base.name }, read(base))
        }
      }))
    }
  }

  requested (method: string, route: string, status: number, ms: number): void {
    this.#requests.observe({ method, route, status }, ms / 1000)
  }

  answered ({ result, firstMs, ms }: AnswerOutcome): void {
    if (firstMs !== null) this.#firsts.observe(firstMs / 1000)
    this.#answers.observe({ result }, ms / 1000)
  }

  recalled (ms: number): void { this.#recalls.observe(ms / 1000) }

  captured (turns: number): void { this.#captured.inc(turns) }

  masked (kind: string, count: number): void { this.#masked.inc({ kind }, count) }

  judged (kind: string): void { this.#judged.inc({ kind }) }
}
