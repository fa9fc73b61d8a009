import { InferenceSession, Tensor } from 'onnxruntime-node'
import { EmbedderError } from './error.ts'
import { GateShutError, type RunGate } from './gate.ts'

/** The states that a text's tokens came out with: `length` rows of `dimensions` floats, one after the other. */
export interface States { readonly length: number, readonly rows: Float32Array }

export interface StateSession {
  /** Runs the model once over texts given as token ids, none empty. Blocks this thread meanwhile. Throws `EmbedderError`. */
  run (texts: readonly (readonly number[])[]): Promise<readonly States[]>
  readonly dimensions: number
  close (): Promise<void>
}

/** What models of the BERT family ask for, and what to give for a text and its padding. */
const feeds = {
  input_ids: (ids: readonly number[], at: number) => ids[at] ?? 0,
  attention_mask: (ids: readonly number[], at: number) => at < ids.length ? 1 : 0,
  token_type_ids: () => 0,
  // As BERT counts them; only padding, which the mask hides, sees the difference.
  position_ids: (_: readonly number[], at: number) => at
} as const

/** Opens a model that gives a state for each token. Throws `EmbedderError`. */
export async function openSession (path: string, threads: number, gate: RunGate): Promise<StateSession> {
  const session = await gate.through(() => create(path, threads))
  try {
    const inputs = session.inputNames.map(inputOf)
    const output = outputOf(session)
    const dimensions = await probe()
    return { dimensions, run: texts => run(texts, dimensions), close: release }

    /** A model may leave its dimension open until it runs. */
    async function probe (): Promise<number> {
      const { dims } = (await attempt([[0]]))[output]!
      const dimensions = dims[2]!
      if (dimensions % 8 !== 0) throw new EmbedderError(`${path} gives vectors of ${dimensions} numbers, and only multiples of 8 can be kept as bits. Choose another embedding model.`)
      return dimensions
    }

    async function run (texts: readonly (readonly number[])[], dimensions: number): Promise<States[]> {
      const length = Math.max(...texts.map(ids => ids.length))
      const { data, dims } = (await attempt(texts))[output]!
      if (dims.length !== 3 || dims[0] !== texts.length || dims[1] !== length || dims[2] !== dimensions) throw new EmbedderError(`${path} answered in the shape [${dims.join(', ')}] where [${texts.length}, ${length}, ${dimensions}] was expected. Choose another embedding model.`)
      const all = data as Float32Array
      return texts.map((ids, at) => ({ length: ids.length, rows: all.subarray(at * length * dimensions, (at * length + ids.length) * dimensions) }))
    }

    async function attempt (texts: readonly (readonly number[])[]): Promise<InferenceSession.ReturnType & Record<string, Tensor>> {
      const length = Math.max(...texts.map(ids => ids.length))
      const shape = [texts.length, length]
      const given = Object.fromEntries(inputs.map(([name, value]) => {
        const data = BigInt64Array.from({ length: texts.length * length }, (_, at) => BigInt(value(texts[Math.floor(at / length)]!, at % length)))
        return [name, new Tensor('int64', data, shape)]
      }))
      try {
        return await gate.through(() => session.run(given, [output])) as Record<string, Tensor>
      } catch (thrown) {
        if (thrown instanceof GateShutError) throw thrown
        throw new EmbedderError(`${path} cannot read this text (${reason(thrown)}). The tokenizer may be another model's, or the limit of tokens above what the model takes.`, { cause: thrown })
      }
    }
  } catch (thrown) {
    await release()
    throw thrown
  }

  /** Behind a shut gate the end of the thread does it. */
  async function release (): Promise<void> {
    await gate.through(() => session.release()).catch(thrown => { if (!(thrown instanceof GateShutError)) throw thrown })
  }

  function inputOf (name: string): [string, (ids: readonly number[], at: number) => number] {
    const value = feeds[name as keyof typeof feeds]
    if (value === undefined) throw new EmbedderError(`${path} asks for the input '${name}', so it is not a text embedding model that this server can run. Choose another.`)
    return [name, value]
  }

  /** The states of the tokens, by their usual names, else whatever has a row for each token. */
  function outputOf ({ outputMetadata }: InferenceSession): string {
    const states = outputMetadata.filter(output => output.isTensor && output.shape.length === 3)
    const output = states.find(({ name }) => name === 'last_hidden_state' || name === 'token_embeddings') ?? states[0]
    if (output === undefined) throw new EmbedderError(`${path} gives no state for each token (an output of three dimensions), only ${outputMetadata.map(({ name }) => name).join(', ')}. Export the model without pooling, or choose another.`)
    if (!output.isTensor || output.type !== 'float32') throw new EmbedderError(`${path} gives its states as ${output.isTensor ? output.type : 'no tensor'}, and only float32 can be read. Choose another file of the model.`)
    return output.name
  }
}

async function create (path: string, threads: number): Promise<InferenceSession> {
  try {
    return await InferenceSession.create(path, {
      executionProviders: ['cpu'],
      intraOpNumThreads: threads,
      interOpNumThreads: 1,
      // With the arena, batches of long texts kept up to 1 GB; without it, speed is the same.
      enableCpuMemArena: false,
      // Errors only: what it warns of (missing GPUs, folded constants) nobody can act on.
      logSeverityLevel: 3,
      // A second thread that waits spinning takes a core from the engine.
      extra: { session: { intra_op: { allow_spinning: '0' } } }
    })
  } catch (thrown) {
    throw new EmbedderError(`${path} cannot be loaded as an ONNX model (${reason(thrown)}). Fetch it again, or name another file.`, { cause: thrown })
  }
}

function reason (thrown: unknown): string {
  return (thrown instanceof Error ? thrown.message : String(thrown)).split('\n')[0]!.slice(0, 300)
}
