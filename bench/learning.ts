/**
 * Whether it learns: three things are learnt from people made by rule, and
 * measured on people who were held out, all through the HTTP API of a real
 * server with the default model. Nothing is asserted.
 *
 *   npm run bench:learning [-- style|thumbs|facts|worse…] [quick] [--seed N] [--keep FOLDER]
 *
 * `worse` learns the style again from answers that stand beside other people's
 * questions, and tries what the gate refuses on a fifth of the people.
 * `quick` only shows that all of it works: it is far too little to learn from.
 * `--keep` leaves the server's data folder, with the reports, in FOLDER.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { spawnServer } from '../test/support/server.ts'
import { facts } from './learning/facts.ts'
import { print } from './learning/print.ts'
import { learn, measure } from './learning/run.ts'
import { style } from './learning/style.ts'
import type { Task } from './learning/task.ts'
import { thumbs } from './learning/thumbs.ts'
import { shuffled, tried } from './learning/worse.ts'

const { values, positionals } = parseArgs({ allowPositionals: true, options: { seed: { type: 'string', default: '1' }, keep: { type: 'string' } } })
const seed = Number(values.seed)
const quick = positionals.includes('quick')
const asked = positionals.filter(word => word !== 'quick')
const wanted = (part: string): boolean => asked.length === 0 || asked.includes(part)
/** One look at each row shows that training works. */
const sized = (task: Task): Task => quick ? { ...task, training: { ...task.training, hyper: { epochs: 1 } } } : task
const folder = values.keep ?? await mkdtemp(join(tmpdir(), 'engraft-learning-'))
const began = performance.now()

try {
  const server = await spawnServer(join(folder, 'data'))
  try {
    // Four in five learn: 40 people with three corrections each.
    if (wanted('style') || wanted('worse')) print('house style, from corrections', (await learn(server, 'style', sized(style(seed, quick ? 20 : 50)))).outcome, 'gain')
    if (wanted('thumbs')) print('no lists, from thumbs alone', (await learn(server, 'thumbs', sized(thumbs(seed, quick ? 20 : 60)))).outcome, 'gain')
    if (wanted('worse')) {
      const { outcome, adapter } = await learn(server, 'shuffled', sized(shuffled(seed, quick ? 20 : 50)))
      print('the same from shuffled answers', outcome, 'gain')
      if (adapter !== null) console.log(`the gate let it in, as ${adapter}: nothing is left to be tried by hand`)
      else await tried(server, 'style', outcome.run, seed + 1)
    }
    if (wanted('facts')) {
      const { trained, wordings, kinds } = facts(seed, quick ? { trained: 18, wordings: 4, kinds: 3 } : { trained: 72, wordings: 20, kinds: 14 })
      const learnt = await learn(server, 'facts', sized(trained))
      print('facts from memory, worded as in training', learnt.outcome, 'withMemory')
      if (learnt.adapter !== null) {
        print('facts from memory, in wordings never trained on', await measure(server, 'wordings', wordings, learnt.adapter), 'withMemory')
        print('facts from memory, of kinds never trained on', await measure(server, 'kinds', kinds, learnt.adapter), 'withMemory')
      }
    }
  } finally {
    await server.stop()
  }
  console.log(`took ${((performance.now() - began) / 60_000).toFixed(1)} minutes`)
} finally {
  if (values.keep === undefined) await rm(folder, { recursive: true })
}
