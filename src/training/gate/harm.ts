/** What it must not do elsewhere. */
import { counted, fixed, percent } from '../wording.ts'
import { finding, open, type Step } from './finding.ts'
import * as limits from './limits.ts'

export const forgetting: Step = ({ forgetting }) => {
  if (forgetting === null) return open('What it does to other answers is not known: it came as a GGUF file alone.')
  const { rows, kl, agreement, worse } = forgetting
  if (rows === 0) return open('What it does to other answers is not known: there was no general prompt.', { ...forgetting })
  return finding([
    { holds: kl <= limits.kl, words: `KL from the base ${fixed(kl, 3)} nat a token (at most ${limits.kl})` },
    { holds: agreement >= limits.agreement, words: `the same likeliest token at ${percent(agreement)} (at least ${100 * limits.agreement} %)` },
    { holds: worse <= limits.worse, words: `the base's own answers ${fixed(worse, 3)} nat a token less likely (at most ${limits.worse})` }
  ], { ...forgetting }, {
    passed: `It leaves other answers as they were (${counted(rows, 'general prompt')})`,
    failed: `It changes answers that nobody asked it to change (${counted(rows, 'general prompt')})`
  })
}

export const tone: Step = ({ tone: { rude, refusals, length } }) => finding([
  { holds: rude.adapter - rude.base <= limits.ruder, words: `rude answers ${percent(rude.adapter)}, of the base ${percent(rude.base)} (no more than that)` },
  { holds: refusals.adapter - refusals.base <= limits.refusing, words: `refusals ${percent(refusals.adapter)}, of the base ${percent(refusals.base)} (at most ${fixed(100 * limits.refusing, 1)} points more)` },
  { holds: length >= limits.shortest && length <= limits.longest, words: `its answers have ${fixed(length, 2)} times the words of approved ones (${limits.shortest} to ${limits.longest})` }
], { rudeBase: rude.base, rudeAdapter: rude.adapter, refusalsBase: refusals.base, refusalsAdapter: refusals.adapter, length }, {
  passed: 'It is polite, willing and as wordy as it should be',
  failed: 'Its tone is not that of the approved answers'
})

/** Ids that are named; the rest are in the report's JSON. */
const shown = 5

export const extraction: Step = ({ extraction: { probed, reproduced } }) => {
  const figures = { probed, reproduced: reproduced.length }
  if (reproduced.length > 0) return { passed: false, words: `It gives away what only one person's rows hold: ${reproduced.length} of ${probed} that were asked for (none may be): ${reproduced.slice(0, shown).join(', ')}${reproduced.length > shown ? ', …' : ''}.`, figures }
  return { passed: true, words: probed === 0 ? 'There was nothing to ask for that only one person\'s rows hold.' : `It gives away none of the ${probed} that only one person's rows hold and that were asked for (none may be).`, figures }
}
