import type { Probe } from '../engine.ts'
import type { Native } from './native.ts'

/** Any text will do: a trained adapter shifts the logits of all of them. */
const text = 'The patient asked the nurse about the new heater in the kitchen, and'

/** Evaluates one text as the base, with the adapter, with it at scale 0, and without it again. For a disposable process: a bad file may kill it. */
export async function probe (native: Native, path: string): Promise<Probe> {
  const tokens = native.tokenize(text)
  const logits = async (): Promise<Float32Array> => {
    native.trim(0, 0)
    const [indexes] = await native.decode([{ slot: 0, position: 0, tokens, logits: 'last' }])
    return await native.samplers.logits(indexes?.[0] ?? -1)
  }
  const base = await logits()
  const adapter = await native.loadAdapter(path)
  native.applyAdapters([{ handle: adapter, scale: 1 }])
  const applied = await logits()
  native.applyAdapters([{ handle: adapter, scale: 0 }])
  const zero = await logits()
  native.applyAdapters([])
  await native.freeAdapter(adapter)
  const after = await logits()
  return {
    finite: applied.every(Number.isFinite),
    change: applied.reduce((most, logit, id) => Math.max(most, Math.abs(logit - (base[id] ?? NaN))), 0),
    reversible: zero.every((logit, id) => logit === base[id]) && after.every((logit, id) => logit === base[id])
  }
}
