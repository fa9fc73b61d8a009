import { createHash } from 'node:crypto'
import type { LiveServer } from './server.ts'

const items = ['kettle', 'lamp', 'heater', 'toaster', 'fan', 'radio', 'clock', 'printer']
const faults = ['makes a loud noise', 'does not start', 'smells of smoke', 'stopped after a week']

/** What a corrected answer keeps to, and the base never does. */
export const checks = [{ name: 'house', type: 'pattern', pattern: '^TICKET\\[(\\w+)\\]' }]
/** Made-up words are of no language, and few people fill a data set that is to be quick. */
export const filters = { language: { off: true }, push: { off: true }, cap: { off: true } }

/** Words of no meaning, others for each number, so that no row is a near copy of another one, and few, so that the house style is most of what is learnt. */
function words (n: number): string[] {
  const syllables = ['ba', 'ce', 'di', 'fo', 'gu', 'ha', 'je', 'ki', 'lo', 'mu', 'na', 'pe', 'ri', 'so', 'tu', 'va']
  return Array.from({ length: 10 }, (_, i) => {
    const [a, b, c] = createHash('sha256').update(`${n} ${i}`).digest()
    return [a, b, c].map(byte => syllables[byte! % syllables.length]).join('')
  })
}

/** So many people (`person-0`, …) ask so many things each, and correct each answer. `first`: the number of the first. */
export async function talk (server: LiveServer, people: number, each: number, first = 0): Promise<void> {
  const { key } = await read<{ key: string }>(await server.post('/admin/keys', { name: 'test', tenant: 'local', scopes: ['chat', 'memory', 'feedback'], training: true }))
  for (let i = first; i < first + people; i++) {
    for (const [j, fault] of faults.slice(0, each).entries()) {
      const item = items[(i + 3 * j) % items.length]!
      const headers = { authorization: `Bearer ${key}`, 'x-engraft-user': `person-${i}`, 'x-engraft-memory': 'off' }
      const aside = words(4 * i + j)
      const question = `My ${item} ${fault}. ${aside.slice(0, 8).join(' ')}. What now?`
      const { id } = await read<{ id: string }>(await server.post('/v1/chat/completions', { messages: [{ role: 'user', content: question }], max_tokens: 1 }, { headers }))
      await read(await server.post('/v1/feedback', { completion_id: id, kind: 'correction', value: `TICKET[${item}]: ${fault}. ${aside.slice(8).join(' ')}.` }, { headers }))
    }
  }
}

/** A user for each part of this version of a data set. */
export async function someone (server: LiveServer, people: number, dataset: string, part: 'train' | 'test'): Promise<string> {
  for (let i = 0; i < people; i++) {
    const { data } = await read<{ data: readonly { versions: readonly { id: string, split: string }[] }[] }>(await fetch(`${server.url}/admin/datasets/lineage?user=person-${i}`))
    if (data.some(({ versions }) => versions.some(({ id, split }) => id === dataset && split === part))) return `person-${i}`
  }
  throw new Error(`nobody is in the part '${part}'`)
}

/** Its JSON. Throws with the server's words where it refuses. */
export async function read<T> (reply: Response): Promise<T> {
  const text = await reply.text()
  if (!reply.ok) throw new Error(`${reply.url} answers ${reply.status}: ${text.slice(0, 400)}`)
  return JSON.parse(text) as T
}
