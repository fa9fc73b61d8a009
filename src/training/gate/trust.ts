/** Whether what was measured can be believed: the data, the files, and how many people it is about. */
import { counted, fixed } from '../wording.ts'
import { finding, open, type Step } from './finding.ts'
import * as limits from './limits.ts'

export const data: Step = ({ data: { trained, sharedPeople, sharedRows, rude, secrets } }) => finding([
  { holds: sharedPeople <= 0, words: sharedPeople <= 0 ? 'no person is in both' : `${counted(sharedPeople, 'person is', 'people are')} in both` },
  { holds: sharedRows <= 0, words: sharedRows <= 0 ? 'no row is in both' : `${counted(sharedRows, 'row is', 'rows are')} in both` },
  { holds: rude <= 0, words: rude <= 0 ? 'none is rude' : `${counted(rude, 'row to learn from is', 'rows to learn from are')} rude` },
  { holds: secrets <= 0, words: secrets <= 0 ? 'none holds a secret' : `${counted(secrets, 'row to learn from holds', 'rows to learn from hold')} a secret` }
], { trained, sharedPeople, sharedRows, rude, secrets }, {
  passed: `The ${counted(trained, 'row')} that were learnt from and the held-out ones are apart, and clean`,
  failed: 'The data must not be learnt from, or proves nothing about others (none of this may be)'
})

export const parity: Step = ({ parity }) => {
  if (parity === null) return open('Whether the engine reads the adapter as PyTorch trained it is not known: it came as a GGUF file alone.')
  const { before, after, gain, atZero } = parity
  const figures = {
    beforeRows: before.rows,
    beforeError: before.error,
    beforeMeanNll: before.meanNll,
    afterRows: after.rows,
    afterError: after.error,
    afterWorstNll: after.worstNll,
    gainEngine: gain.engine,
    gainTorch: gain.torch,
    atZero
  }
  if (before.rows === 0 || after.rows === 0) return open('Engine and PyTorch were compared on no row.', figures)
  const error = limits.errorRatio * before.error + limits.errorSlack
  const apart = limits.gainShare * Math.abs(gain.torch) + limits.gainSlack
  const ofBase = [
    { holds: before.error <= limits.baseError, words: `a token's probability differs by ${fixed(before.error, 4)} on average with the base alone (at most ${limits.baseError})` },
    { holds: before.meanNll <= limits.baseNll, words: `a row's log-likelihood by ${fixed(before.meanNll, 3)} nat a token with the base alone (at most ${limits.baseNll})` }
  ]
  return finding([
    ...ofBase,
    { holds: after.error <= error, words: `a token's probability by ${fixed(after.error, 4)} with the adapter (at most ${fixed(error, 4)}: ${limits.errorRatio} times the base's and ${limits.errorSlack})` },
    { holds: after.worstNll <= limits.adapterNll, words: `the worst row's log-likelihood by ${fixed(after.worstNll, 3)} nat a token with the adapter (at most ${limits.adapterNll})` },
    { holds: Math.abs(gain.engine - gain.torch) <= apart, words: `the adapter gains ${fixed(gain.engine, 3)} nat a token in the engine and ${fixed(gain.torch, 3)} in PyTorch (at most ${fixed(apart, 3)} apart)` },
    { holds: atZero <= limits.atZero, words: `at scale 0 the adapter changes a token's log-likelihood by ${fixed(atZero, 3)} nat (at most ${limits.atZero})` }
  ], figures, {
    passed: `The engine that serves and PyTorch that trained agree, on ${counted(before.rows, 'row')} without the adapter and ${after.rows} with it`,
    failed: ofBase.every(({ holds }) => holds)
      ? 'The engine reads the adapter otherwise than PyTorch trained it, as when rows of q and k are in the wrong order or the alpha is lost'
      : 'The engine serves another base than the one that was trained on'
  })
}

export const evidence: Step = ({ people, rows }) => {
  const found = `${counted(rows, 'held-out row')} of ${counted(people, 'person', 'people')}`
  const figures = { people, rows }
  if (people < limits.fewPeople || rows < limits.fewRows) return open(`There is not enough evidence for a rule: ${found} (at least ${limits.people} people and ${limits.rows} rows; below ${limits.fewPeople} and ${limits.fewRows} even a large gain may be chance).`, figures)
  if (people < limits.people || rows < limits.rows) return open(`There is too little evidence for a rule to decide alone: ${found} (at least ${limits.people} people and ${limits.rows} rows).`, figures)
  return { passed: true, words: `There is enough evidence for a rule: ${found} (at least ${limits.people} people and ${limits.rows} rows).`, figures }
}
