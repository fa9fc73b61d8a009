import { test } from 'tap'
import { adapterFile, arriving, openWorld, sha256 } from './opened.ts'

test('an upload is a version that changes nothing of what is served until it is promoted', async t => {
  const { adapters, told, kept } = await openWorld(t)
  const bytes = adapterFile('a')
  const { version, created } = await adapters.add({ name: 'house', base: null, content: arriving(bytes) }, 'cli')
  t.ok(created)
  t.match(version, { name: 'house', version: 1, digest: sha256(bytes), size: bytes.length, base: 'tiny', baseVerified: false, rank: 2, alpha: 4, source: 'upload', leases: 0 })
  t.strictSame(kept(), [version.digest])
  t.throws(() => adapters.lease('house'), { code: 'adapter_not_live', message: /adapters\/house\/promote/ })
  const info = await adapters.promote('house', 1, 'cli')
  t.match(info, { live: 1, previous: null })
  t.match(adapters.lease('house'), { name: 'house', version: 1, base: 'tiny', adapter: { digest: version.digest, scale: 1 } })
  t.strictSame(told.at(-2), `load tiny ${version.digest.slice(0, 6)}`)
})
