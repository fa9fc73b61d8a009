import { Native, type NativeOptions } from '../../src/inference/llama/native.ts'
import { endless } from '../../test/support/engine.ts'

/** Decoding in this process with nothing around it: no scheduler, no text, no other process, no HTTP. */
export interface RawLoop {
  /** Tokens per second of that many slots in one batch, each writing so many tokens. */
  rate (streams: number, tokens: number): Promise<number>
  close (): Promise<void>
}

/** A prompt as long as a short question with its template. */
const promptLength = 32

export async function openRawLoop (options: NativeOptions): Promise<RawLoop> {
  const native = await Native.open(options)
  native.setThreads(options.threads)
  const prompt = native.tokenize('Once upon a time a storyteller sat by the sea. '.repeat(4)).subarray(0, promptLength)
  return {
    rate: async (streams, tokens) => {
      const writers = Array.from({ length: streams }, (_, slot) => ({ slot, sampler: native.samplers.make(endless), next: prompt, position: 0 }))
      const step = async (): Promise<void> => {
        const indexes = await native.decode(writers.map(({ slot, next, position }) => ({ slot, position, tokens: next, logits: 'last' })))
        await Promise.all(writers.map(async (writer, i) => {
          writer.position += writer.next.length
          writer.next = Uint32Array.of(await native.samplers.sample(indexes[i]?.[0] ?? -1, writer.sampler))
        }))
      }
      // The prompts are more than one batch holds.
      for (const writer of writers) {
        const [indexes] = await native.decode([{ slot: writer.slot, position: 0, tokens: prompt, logits: 'last' }])
        writer.position = prompt.length
        writer.next = Uint32Array.of(await native.samplers.sample(indexes?.[0] ?? -1, writer.sampler))
      }
      const began = performance.now()
      for (let written = 1; written < tokens; written++) await step()
      const ms = performance.now() - began
      for (const { slot, sampler } of writers) {
        native.trim(slot, 0)
        native.samplers.free(sampler)
      }
      return streams * (tokens - 1) / ms * 1000
    },
    close: () => native.close()
  }
}
