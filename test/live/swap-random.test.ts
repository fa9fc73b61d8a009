import { test } from 'tap'
import { variant } from '../adapters/builder.ts'
import { seeded } from '../gguf/builder.ts'
import { endlessBias, startServer } from '../support/server.ts'
import { until } from '../support/wire.ts'
import { act, ask, begin, fixtures, remove, says, upload, type Kind } from './swapping.ts'

test('random sequences of upload, promote, rollback, retire, remove, kill and chat never give an answer of a version that was not live when it began', async t => {
  const server = await startServer(t, ['--resident-adapters', '2'])
  const seed = Number(process.env.SEED ?? 7)
  t.comment(`SEED=${seed} repeats this run`)
  const random = seeded(seed)
  /** Every version there ever was; those that are there; where the name points. */
  const kinds = new Map<number, Kind>()
  const there = new Set<number>()
  let live: number | null = null
  let previous: number | null = null
  let kills = 0
  const done: Record<string, number> = {}
  const count = (what: string): void => { done[what] = (done[what] ?? 0) + 1 }
  /** What an answer that begins now says, whatever happens to the name meanwhile. */
  const promised = (): object => live === null ? {} : { models: [`walk@${live}`], text: says[kinds.get(live) ?? 'json'], end: '[DONE]' }

  async function retire (): Promise<void> {
    t.equal(await act(server, 'walk', 'retire'), 200)
    if (live !== null) [live, previous] = [null, live]
  }

  async function change (): Promise<void> {
    const pick = [...there][random(there.size || 1)]
    switch (random(9)) {
      case 0: case 1: {
        const kind = random(2) === 0 ? 'support' : 'json'
        const { status, version } = await upload(server, 'walk', variant(fixtures[kind], 100 + kinds.size))
        t.match({ status, version }, { status: 201, version: kinds.size + 1 }, 'numbers rise and are never given twice')
        kinds.set(version, kind)
        there.add(version)
        return count('upload')
      }
      case 2: case 3: case 4:
        if (pick === undefined) return
        t.equal(await act(server, 'walk', 'promote', { version: pick }), 200)
        // As documented: what was live before is what rollback brings back.
        if (pick !== live) [live, previous] = [pick, live ?? (previous === pick ? null : previous)]
        return count('promote')
      case 5:
        if (there.size === 0) return
        t.equal(await act(server, 'walk', 'rollback'), previous === null ? 409 : 200)
        if (previous !== null) [live, previous] = [previous, live]
        return count('rollback')
      case 6:
        if (there.size === 0) return
        await retire()
        return count('retire')
      case 7: {
        if (pick === undefined) return
        const status = await remove(server, 'walk', pick)
        if (pick === live) {
          t.equal(status, 409, 'what is live stays')
          return
        }
        // It may still be answering, which is for the server to know.
        if (status === 409) return
        t.equal(status, 204)
        there.delete(pick)
        if (pick === previous) previous = null
        return count('remove')
      }
      case 8:
        if (there.size === 0 || random(2) === 0) return
        await retire()
        if (await remove(server, 'walk', null) === 409) return
        there.clear()
        previous = null
        count('remove all')
    }
  }

  for (let step = 0; step < 70; step++) {
    switch (random(8)) {
      case 0: case 1: case 2: case 3: await change(); break
      case 4: {
        const { status, model, text, code } = await ask(server, 'walk')
        if (live === null) t.match({ status, code }, { status: 404, code: there.size === 0 ? 'model_not_found' : 'adapter_not_live' })
        else t.match({ status, model, text }, { status: 200, model: `walk@${live}`, text: says[kinds.get(live) ?? 'json'] })
        count('chat')
        break
      }
      case 5: case 6: {
        if (live === null) break
        const expected = promised()
        const answer = await begin(server, 'walk')
        for (let i = 0; i < 3; i++) await change()
        t.match(await answer.rest(), expected, 'the name may move, the answer does not')
        count('chat during changes')
        break
      }
      case 7: {
        // Each kill makes the next restart slower.
        if (live === null || kills === 3) break
        kills++
        const { models } = promised() as { models: string[] }
        const answer = await begin(server, 'walk', { max_tokens: 3000, ...endlessBias })
        const pid = server.enginePid()
        process.kill(pid, 'SIGKILL')
        t.match(await answer.rest(), { models, end: 'engine_died' }, 'a killed answer says so')
        await until(async () => server.enginePid() !== pid && (await fetch(`${server.url}/readyz`)).ok, 60_000)
        count('kill in mid-chat')
      }
    }
  }
  t.comment(JSON.stringify(done))
  if (process.env.SEED === undefined) t.ok(done['kill in mid-chat'] && done['chat during changes'], 'what this is about took place')
})
