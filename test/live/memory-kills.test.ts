import { test } from 'tap'
import { killed } from './killing.ts'

test('a server killed during answers, 10 times, remembers every answered turn, once', async t => {
  // The answers of the others are then under way, each at another token.
  await killed(t, kill => 100 + kill * 17)
})
