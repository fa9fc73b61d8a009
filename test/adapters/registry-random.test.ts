import { existsSync } from 'node:fs'
import { type Test, test } from 'tap'
import type { AdapterLease } from '../../src/adapters/adapters.ts'
import { PublicError } from '../../src/errors.ts'
import { seeded } from '../gguf/builder.ts'
import { add, openWorld, sha256, tinyAdapter, type World } from './opened.ts'

const names = ['house', 'shop']
const seeds = [1, 2, 3, 4]
const digests = new Map(seeds.map(seed => [seed, sha256(tinyAdapter(seed))]))

/** What a name should be: the rules once more, as plainly as they can be said. */
interface Expected { next: number, live: number | null, previous: number | null, canary: number | null, readonly versions: Map<number, string> }

for (const seed of [1, 2, 3, 4]) {
  test(`random changes, leases and restarts end where the rules say (seed ${seed})`, async t => {
    const random = seeded(seed)
    const pick = <T>(from: readonly T[]): T => from[random(from.length)]!
    const expected = new Map<string, Expected>(names.map(name => [name, { next: 1, live: null, previous: null, canary: null, versions: new Map() }]))
    const held: { lease: AdapterLease, name: string, version: number }[] = []
    let world = await openWorld(t)
    const given = new Set<string>()

    for (let step = 0; step < 150; step++) {
      const name = pick(names)
      const rule = expected.get(name)!
      const number = 1 + random(rule.next + 1)
      const has = rule.versions.has(number)
      const busy = (version: number) => version === rule.live || version === rule.canary || held.some(one => one.name === name && one.version === version)
      const act = random(100)
      const label = `step ${step}: ${name}@${number}, ${act}`
      if (act < 25) {
        const which = pick(seeds)
        const known = [...rule.versions].find(([, digest]) => digest === digests.get(which))?.[0]
        const { version, created } = await add(world.adapters, name, which)
        if (created && given.has(`${name}@${version.version}`)) t.fail(`${label}: the number was given twice`)
        given.add(`${name}@${version.version}`)
        if (version.version !== (known ?? rule.next) || created !== (known === undefined)) t.fail(`${label}: added as ${version.version}`)
        if (known === undefined) rule.versions.set(rule.next++, digests.get(which)!)
      } else if (act < 45) {
        await same(t, label, has ? null : 'adapter_not_found', world.adapters.promote(name, number, 'cli'))
        if (has) rule.canary = null
        if (has && rule.live !== number) {
          const before = rule.live ?? rule.previous
          Object.assign(rule, { live: number, previous: before === number ? null : before })
        }
      } else if (act < 55) {
        const code = rule.versions.size === 0 ? 'adapter_not_found' : rule.previous === null ? 'no_previous_version' : null
        await same(t, label, code, world.adapters.rollback(name, 'cli'))
        if (code === null) Object.assign(rule, { live: rule.previous, previous: rule.live, canary: null })
      } else if (act < 60) {
        await same(t, label, rule.versions.size === 0 ? 'adapter_not_found' : null, world.adapters.retire(name, 'cli'))
        if (rule.live !== null) Object.assign(rule, { live: null, previous: rule.live, canary: null })
      } else if (act < 75) {
        const going = act < 63 ? [...rule.versions.keys()] : [number]
        const code = (act < 63 ? rule.versions.size > 0 : has) ? going.some(busy) ? 'adapter_in_use' : null : 'adapter_not_found'
        await same(t, label, code, world.adapters.remove(name, act < 63 ? null : number, 'cli'))
        if (code === null) {
          for (const gone of going) rule.versions.delete(gone)
          if (rule.previous !== null && going.includes(rule.previous)) rule.previous = null
        }
      } else if (act < 80) {
        const code = !has ? 'adapter_not_found' : rule.live === null ? 'adapter_not_live' : rule.live === number ? 'invalid_request' : rule.canary !== null ? 'canary_running' : null
        await same(t, label, code, world.adapters.startCanary(name, { version: number, percent: 50, plan: {} }, 'cli'))
        if (code === null) rule.canary = number
      } else if (act < 84) {
        const canary = world.adapters.find(name)?.canary ?? null
        if ((canary?.version ?? null) !== rule.canary) t.fail(`${label}: the canary is of ${canary?.version}`)
        const outcome = random(2) === 0 ? 'promoted' : 'ended'
        if (canary !== null) await same(t, label, null, world.adapters.endCanary(name, canary.id, { outcome, words: 'because' }, 'cli'))
        if (canary !== null) Object.assign(rule, outcome === 'ended' ? { canary: null } : { live: rule.canary, previous: rule.live, canary: null })
      } else if (act < 90) {
        const exact = random(2) === 0
        const version = exact ? number : rule.live
        const code = rule.versions.size === 0 ? null : version === null ? 'adapter_not_live' : rule.versions.has(version) ? null : 'adapter_not_found'
        const lease = await same(t, label, code, leaseLater(world, exact ? `${name}@${number}` : name))
        if (lease !== null && (lease.version !== version || lease.adapter.digest !== rule.versions.get(lease.version))) t.fail(`${label}: leased ${lease.version}, which was not live`)
        if (lease !== null) held.push({ lease, name, version: lease.version })
      } else if (act < 96) {
        held.splice(random(held.length), 1)[0]?.lease.release()
      } else {
        held.length = 0
        world = await world.reopen()
      }
      const shown = names.map(name => world.adapters.find(name)).map(info => info === null ? null : { live: info.live, previous: info.previous, canary: info.canary?.version ?? null, versions: info.versions.map(({ version, digest, leases }) => [version, digest, leases]) })
      const wanted = names.map(name => ({ name, ...expected.get(name)! })).map(({ name, live, previous, canary, versions }) => versions.size === 0 ? null : { live, previous, canary, versions: [...versions].reverse().map(([version, digest]) => [version, digest, held.filter(one => one.name === name && one.version === version).length]) })
      if (JSON.stringify(shown) !== JSON.stringify(wanted)) t.strictSame(shown, wanted, label)
      const files = [...new Set([...expected.values()].flatMap(({ versions }) => [...versions.values()]))].sort()
      if (JSON.stringify(world.kept()) !== JSON.stringify(files)) t.strictSame(world.kept(), files, label)
    }
    t.ok(given.size > 10, `${given.size} versions came and went`)
  })
}

for (const seed of [11, 12, 13]) {
  test(`changes that run over each other never leave a lease without its file (seed ${seed})`, async t => {
    const random = seeded(seed)
    const pick = <T>(from: readonly T[]): T => from[random(from.length)]!
    let world = await openWorld(t)
    const held: AdapterLease[] = []
    const given = new Map<string, string>()
    let leased = 0

    const change = async ({ adapters }: World): Promise<unknown> => {
      const name = pick(names)
      const number = pick([...adapters.find(name)?.versions.map(({ version }) => version) ?? [], 99])
      switch (random(8)) {
        case 7: return await adapters.startCanary(name, { version: number, percent: 50, plan: {} }, 'cli')
        case 0: return await adapters.retire(name, 'cli')
        case 1: return await adapters.rollback(name, 'cli')
        case 2: return await adapters.remove(name, random(4) === 0 ? null : number, 'cli')
        case 3: return await adapters.promote(name, number, 'cli')
        default: {
          const which = pick(seeds)
          const { version, created } = await add(adapters, name, which)
          const key = `${name}@${version.version}`
          if (created && given.has(key)) t.fail(`${key} was given twice`)
          if (!created && given.has(key) && given.get(key) !== version.digest) t.fail(`${key} has other bytes than before`)
          given.set(key, version.digest)
        }
      }
    }

    for (let round = 0; round < 12; round++) {
      const running = new Set(Array.from({ length: 12 }, () => change(world)))
      const changes = Promise.allSettled([...running].map(one => one.finally(() => running.delete(one))))
      while (running.size > 0) {
        const name = pick(names)
        const live = world.adapters.find(name)?.live ?? null
        if (live !== null) {
          const lease = world.adapters.lease(name, null)!
          leased++
          if (lease.version !== live) t.fail(`leased ${lease.version} while ${live} was live`)
          held.push(lease)
        }
        for (const { name, version, adapter } of held) {
          if (!existsSync(adapter.path) || world.adapters.find(name)?.versions.some(one => one.version === version) !== true) t.fail(`${name}@${version} went away under its lease`)
        }
        if (held.length > 3) held.splice(random(held.length), 1)[0]?.release()
        await new Promise(resolve => setImmediate(resolve))
      }
      for (const result of await changes) if (result.status === 'rejected' && !(result.reason instanceof PublicError && result.reason.status < 500)) t.fail(String(result.reason))
      await Promise.all(held.map(async lease => { await lease.ready() }))
      const registered = [...new Set(world.adapters.list().flatMap(({ versions }) => versions.map(({ digest }) => digest)))].sort()
      if (JSON.stringify(world.kept()) !== JSON.stringify(registered)) t.strictSame(world.kept(), registered, `round ${round}`)
      if (round % 4 === 3) {
        for (const lease of held.splice(0)) lease.release()
        const before = world.adapters.list()
        world = await world.reopen()
        t.strictSame(world.adapters.list(), before, 'what was seen is what is kept')
      }
    }
    t.ok(leased > 50 && given.size > 5, `${leased} leases, ${given.size} versions`)
  })
}

async function leaseLater ({ adapters }: World, reference: string): Promise<AdapterLease | null> { return adapters.lease(reference, null) }

/** Waits for the outcome that the rules say: the error of this code, or (null) a result, which is returned. */
async function same<T> (t: Test, label: string, code: string | null, outcome: Promise<T>): Promise<T | null> {
  try {
    const value = await outcome
    if (code !== null) t.fail(`${label}: expected ${code}`)
    return value
  } catch (thrown) {
    if (!(thrown instanceof PublicError) || thrown.code !== code) t.fail(`${label}: expected ${code ?? 'no error'}`, { thrown: String(thrown) })
    return null
  }
}
