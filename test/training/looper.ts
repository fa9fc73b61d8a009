import type { Test } from 'tap'
import { world } from './looping.ts'

/** A loop in a process of its own, on the database at the path, until its first round is over; then it says so. */
const path = process.argv[2]!
const ends: (() => Promise<unknown> | unknown)[] = []
const { loops, datasets, training, trainer } = await world({ teardown: (end: () => unknown) => { ends.push(end) } } as unknown as Test, path)
// Long enough to be killed in.
trainer.takes = 300
await datasets.start()
await training.resume()
for (;;) {
  await loops.tick()
  const { rounds } = await loops.find('house')
  if (rounds.length > 0) break
  await new Promise(resolve => setTimeout(resolve, 5))
}
process.send!('over')
for (const end of ends.toReversed()) await end()
process.disconnect()
