import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test } from 'tap'
import { run } from '../clients/python.ts'
import { startServer } from '../support/server.ts'

test('The memory of the README goes as it is printed', async t => {
  const readme = await readFile(fileURLToPath(new URL('../../README.md', import.meta.url)), 'utf8')
  const section = /^## Memory\n(.*?)^## /ms.exec(readme)?.[1] ?? ''
  const snippets = [...section.matchAll(/^```sh\n(.*?)^```/gms)].map(([, code = '']) => code)
  const server = await startServer(t)
  const replies: unknown[] = []
  for (const [i, code] of snippets.entries()) {
    const file = join(t.testdirName, `${i}.sh`)
    await writeFile(file, code.replaceAll('127.0.0.1:8080', `127.0.0.1:${server.port}`))
    const { code: exit, out, err } = await run('sh', ['-e', file])
    t.equal(exit, 0, err)
    replies.push(...out.replaceAll('}{', '}\n{').trim().split('\n').map(line => JSON.parse(line) as unknown))
  }
  t.match(replies, [
    { engraft: { memories: [], recorded: true } },
    { engraft: { memories: [/^mem_/], recorded: true } },
    { data: [{ id: /^mem_/ }], pending: Number },
    { data: Array, relevant: Boolean, lexical_only: false },
    { object: 'list', data: Array }
  ])
  const { data } = replies[3] as { data: { content: string, explain: object }[] }
  t.ok(data.some(({ content }) => content === 'Is allergic to peanuts.'))
})
