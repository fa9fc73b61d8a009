import { test } from 'tap'
import { killed } from './killing.ts'

test('a server killed during capture, 10 times, remembers every answered turn, once', async t => {
  // What follows an answer is captured within some milliseconds and embedded within some tens.
  await killed(t, kill => kill * 4)
})
