import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { test } from 'tap'
import { pythonWith, run } from '../clients/python.ts'

const trainer = fileURLToPath(new URL('../../trainer/', import.meta.url))
const [first = '', ...others] = (await readFile(`${trainer}requirements.txt`, 'utf8')).trim().split('\n')
const found = await pythonWith([first, ...others], 'peft')

test('the trainer keeps what its own tests say: it learns, repeats itself to the byte, and refuses what it must', { skip: 'missing' in found ? found.missing : false, timeout: 600_000 }, async t => {
  if ('missing' in found) return
  const { code, err } = await run(found.python, ['-m', 'unittest', '--verbose'], { cwd: trainer, ms: 600_000 })
  t.equal(code, 0, err)
  t.match(err, /Ran [1-9]\d* tests/)
})
