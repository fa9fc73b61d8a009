import { parentPort, Worker, workerData } from 'node:worker_threads'
import { openOnnxEmbedder } from '../../src/memory/onnx/embedder.ts'
import { RunGate } from '../../src/memory/onnx/gate.ts'
import { embedderModel } from '../support/model.ts'

/** Embeds in a thread and ends it, or the whole process, after so many milliseconds of work: `terminate 50`, `exit 50`. */
if (parentPort === null) {
  const [, , how, after] = process.argv
  const gate = new RunGate()
  process.once('exit', () => gate.shut())
  const thread = new Worker(new URL(import.meta.url), { workerData: gate.memory })
  await new Promise(resolve => thread.once('message', resolve))
  await new Promise(resolve => setTimeout(resolve, Number(after)))
  if (how === 'exit') process.exit(3)
  gate.shut()
  await thread.terminate()
  process.exitCode = 3
} else {
  const embedder = await openOnnxEmbedder({ ...await embedderModel(), gate: new RunGate(workerData as SharedArrayBuffer) })
  parentPort.postMessage('at work')
  // Seconds of work, a run at a time: what ends it is the end of the thread.
  await embedder.passages(Array.from({ length: 60 }, () => 'sea '.repeat(250))).catch(() => new Promise(() => setInterval(() => {}, 1000)))
}
