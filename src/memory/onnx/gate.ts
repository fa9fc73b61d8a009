/** Places in the shared memory. */
const runs = 0
const shut = 1
/** Longer than any run takes on a busy machine; after it, ending badly is better than not ending. */
const patience = 5_000

/** Work that was asked for while its thread is being ended. */
export class GateShutError extends Error { override readonly name = 'GateShutError' }

/**
 * What a thread that runs the model and the one that ends it agree by.
 * onnxruntime-node (1.30) aborts the whole process when its thread is ended in
 * the middle of a run, be it by `terminate` or by `process.exit`. So whoever
 * is going to end it calls `shut` first.
 */
export class RunGate {
  /** Handed to the other thread, which makes its gate of it. */
  readonly memory: SharedArrayBuffer
  readonly #state: Int32Array

  constructor (memory = new SharedArrayBuffer(2 * Int32Array.BYTES_PER_ELEMENT)) {
    this.memory = memory
    this.#state = new Int32Array(memory)
  }

  /** Does native work of this thread. Throws `GateShutError` once the gate is shut. */
  async through<T> (work: () => Promise<T>): Promise<T> {
    // First counted, then looked: the other side does it the other way round, so one of the two sees the other.
    Atomics.add(this.#state, runs, 1)
    try {
      if (Atomics.load(this.#state, shut) === 1) throw new GateShutError('The thread of the embedding model is being ended.')
      return await work()
    } finally {
      Atomics.sub(this.#state, runs, 1)
      Atomics.notify(this.#state, runs)
    }
  }

  /** Lets no more work begin and waits, blocking, for what has begun. For the thread that does not work. */
  shut (): void {
    Atomics.store(this.#state, shut, 1)
    const deadline = performance.now() + patience
    for (let left = Atomics.load(this.#state, runs); left > 0 && performance.now() < deadline; left = Atomics.load(this.#state, runs)) {
      Atomics.wait(this.#state, runs, left, deadline - performance.now())
    }
  }
}
