import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { query } from '../src/database/sql.ts'
import { openDatabase } from '../src/database/open.ts'
import { openDatasets } from '../src/datasets/open.ts'
import type { NewInteraction } from '../src/interactions/interactions.ts'
import { recording } from '../src/interactions/recording.ts'

/**
 * How long a version takes to build and how much memory, from so many
 * corrected answers (default 100,000) of a hundredth as many people:
 * `npm run bench:datasets [-- COUNT]`.
 */
const count = Number(process.argv[2] ?? 100_000)
const folder = mkdtempSync(join(tmpdir(), 'engraft-datasets-'))
const database = await openDatabase({ path: join(folder, 'engraft.db'), migrationsDir: fileURLToPath(new URL('../migrations', import.meta.url)) })
const syllables = ['ba', 'de', 'ki', 'lo', 'mu', 'na', 'pe', 'ri', 'so', 'tu', 'va', 'we', 'zi', 'fo', 'ga', 'hu']
const random = (seed: number) => () => { seed = Math.imul(seed ^ seed >>> 15, 0x2c1b3c6d) + 0x9e3779b9 | 0; return (seed >>> 8) / 2 ** 24 }

function text (next: () => number, words: number): string {
  const word = (): string => [1, 2, 3].map(() => syllables[Math.floor(next() * syllables.length)]).join('')
  return `${Array.from({ length: words }, word).join(' ')}.`
}

try {
  for (let from = 0; from < count; from += 200) {
    const queries = Array.from({ length: Math.min(200, count - from) }, (_, i) => {
      const next = random(from + i + 1)
      const interaction: NewInteraction = {
        id: `chatcmpl-${from + i}`,
        owner: { tenant: 'acme', user: `user-${(from + i) % Math.max(1, Math.floor(count / 100))}` },
        session: `s-${from + i}`,
        created: 1_750_000_000_000 + (from + i) * 20_000,
        model: 'house@1',
        version: 1,
        digest: 'ab'.repeat(32),
        messages: [{ role: 'system', content: 'You help.' }, { role: 'user', content: `How do I ${text(next, 20)}` }],
        block: null,
        profile: null,
        memories: [],
        prompt: null,
        choices: [{ content: text(next, 40), reasoning: '', calls: [], reason: 'stop' }],
        usage: null,
        timings: {},
        params: {},
        metadata: {},
        keyId: null,
        error: null,
        remember: false,
        training: true
      }
      return [...recording(interaction), query(`insert into feedback (id, owner, tenant, completion, session, interaction, created, kind, value)
        select :feedback, owner, tenant, id, session, seq, created, 'correction', :value from interactions where id = :id`, { feedback: `fb-${from + i}`, id: interaction.id, value: JSON.stringify(text(next, 60)) })]
    })
    await database.commit(queries.flat())
  }
  const before = process.memoryUsage().rss
  let most = 0
  let late = 0
  let last = performance.now()
  const watch = setInterval(() => {
    most = Math.max(most, process.memoryUsage().rss)
    late = Math.max(late, performance.now() - last - 20)
    last = performance.now()
  }, 20)
  const began = performance.now()
  const steps = new Map<string, number>()
  const datasets = await openDatasets({ database, path: join(folder, 'engraft.db'), folder: join(folder, 'tmp'), code: 'bench', gate: async () => {}, log: console.error })
  const version = await (await datasets.build({ tenant: 'acme', name: 'house', filters: {} }, ({ step }) => { steps.set(step, performance.now() - began) })).done
  clearInterval(watch)
  const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`
  for (const [step, at] of steps) console.log(`${step}: until ${seconds(at)}`)
  console.log(`${count} answers: ${version.state} in ${seconds(performance.now() - began)}, ${Math.round((most - before) / 2 ** 20)} MiB more at most, main thread late by ${late.toFixed(0)} ms at most, ${JSON.stringify(version.failure ?? version.manifest?.counts)}`)
  await datasets.close()
} finally {
  await database.close()
  rmSync(folder, { recursive: true, force: true })
}
