import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test, type Test } from 'tap'
import { openCommandTrainer } from '../../../src/training/python/command.ts'
import type { JobFolder, TrainerEvent } from '../../../src/training/trainer.ts'
import { alive, until } from './support.ts'

const step = { event: 'step', step: 3, of: 9, loss: 1.5, tok_s: 100, eta_s: 6, rss_mb: 900 }
const heard = { event: 'step', step: 3, of: 9, loss: 1.5, tokensPerSecond: 100, eta: 6, rssMb: 900 }
const never = new AbortController().signal

/** A job's folder, a folder for its result, and a command that is run on them. */
async function trained (t: Test, template: string, { signal = never, before = async () => {}, environment = {} }: { signal?: AbortSignal, before?: (out: string) => Promise<unknown>, environment?: Record<string, string> } = {}): Promise<{ job: JobFolder, out: string, events: TrainerEvent[], ended: Promise<void> }> {
  const folder = t.testdir({ job: { 'job.json': '{"run_id": "run_1"}' }, out: {} })
  const job = { path: join(folder, 'job'), base: join(folder, 'base.gguf'), baseDigest: '0'.repeat(64) }
  const out = join(folder, 'out')
  await before(out)
  const events: TrainerEvent[] = []
  const ended = openCommandTrainer(template, { PATH: process.env.PATH, ...environment }).train(job, out, event => events.push(event), signal)
  return { job, out, events, ended }
}

test('a command is told where the job, the base and the result are, and its events are heard among what else it prints', async t => {
  const { job, out, events, ended } = await trained(t, `echo 'Launching…'; echo '{"event": "noise"}'; echo '{not json'; echo '${JSON.stringify(step)}'; echo "{\\"event\\": \\"step\\"}"
    printf '%s\\n' "$ENGRAFT_JOB" "$ENGRAFT_OUT" "$ENGRAFT_BASE" "$ENGRAFT_RUN" > "$ENGRAFT_OUT/told"; [ -z "$ENGRAFT_BOOTSTRAP_KEY" ]`, { environment: { ENGRAFT_BOOTSTRAP_KEY: 'ek_secret' } })
  await ended
  t.strictSame(events, [heard])
  t.equal(await readFile(join(out, 'told'), 'utf8'), `${job.path}\n${out}\n${job.base}\nrun_1\n`)
})

test('where a command prints no event, those of the result are told at its end, but never through a link or from a pipe', async t => {
  const whole = await trained(t, `printf '%s\\n' '${JSON.stringify(step)}' > "$ENGRAFT_OUT/events.jsonl"`)
  await whole.ended
  t.strictSame(whole.events, [heard])
  const linked = await trained(t, 'true', {
    before: async out => {
      await writeFile(`${out}-elsewhere`, `${JSON.stringify(step)}\n`)
      await symlink(`${out}-elsewhere`, join(out, 'events.jsonl'))
    }
  })
  await linked.ended
  t.strictSame(linked.events, [])
  const piped = await trained(t, 'mkfifo "$ENGRAFT_OUT/events.jsonl"')
  await piped.ended
  t.strictSame(piped.events, [])
  const folder = await trained(t, 'true', { before: async out => await mkdir(join(out, 'events.jsonl')) })
  await folder.ended
  t.strictSame(folder.events, [])
})

test('a command that fails is told with its last words, and a trainer behind it with its own reason', async t => {
  await t.rejects((await trained(t, 'echo first >&2; echo "no such cluster." >&2; exit 2')).ended, { code: 'training_failed', message: /ended with code 2 \(no such cluster\)\./ })
  await t.rejects((await trained(t, 'no-such-program-here')).ended, { code: 'training_failed', message: /code 127/ })
  await t.rejects((await trained(t, 'kill -9 $$')).ended, { code: 'training_failed', message: /memory runs out/ })
  for (const [reason, code] of [['bad_input', 'training_bad_input'], ['bad_base', 'training_bad_base'], ['diverged', 'training_diverged'], ['memory', 'training_memory'], ['disk', 'storage_full'], ['cancelled', 'training_failed'], ['__proto__', 'training_failed']]) {
    await t.rejects((await trained(t, `echo '{"event": "stopped", "reason": "${reason}", "why": "that.", "line": 7}'; exit 1`)).ended, { code, message: code === 'storage_full' ? /full/ : /that \(line 7\)/ })
  }
})

test('who floods is heard to a bound, in events and in bytes', async t => {
  const { events, ended } = await trained(t, `yes '${JSON.stringify(step)}' | head -n 250000; head -c 50000000 /dev/zero | tr '\\0' '{'`)
  await ended
  t.equal(events.length, 200_000)
})

test('a command that is cancelled ends with all it has started', { timeout: 30_000 }, async t => {
  const stop = new AbortController()
  const { out, ended } = await trained(t, 'sleep 1000 & echo $! > "$ENGRAFT_OUT/pid"; wait', { signal: stop.signal })
  const pid = async (): Promise<number> => Number(await readFile(join(out, 'pid'), 'utf8').catch(() => '0'))
  await until(async () => await pid() > 0, 'it has begun')
  stop.abort(new Error('cancelled'))
  await t.rejects(ended, { message: 'cancelled' })
  const sleeping = await pid()
  await until(() => !alive(sleeping), 'it is gone')
})
