import type { Interval, Measured } from '../../src/training/measured.ts'
import type { Outcome } from './run.ts'

/** One row of the table: what was learnt, on whom it was measured, what it costs elsewhere, and what it took. `as`: which gain is meant. */
export function print (name: string, { collected, rows, measured, verdict, minutes }: Outcome, as: 'gain' | 'withMemory'): void {
  const gain = measured[as]
  console.log(`\n${name}`)
  line('people', `${collected.judged} of ${collected.asked} answers judged${collected.forgotten > 0 ? `, ${collected.forgotten} questions whose answer memory did not bring` : ''}; rows to learn from ${rows.train}, kept back ${rows.valid}, of people held out ${rows.test}`)
  line('measured on', `${measured.rows} rows of ${measured.people} people`)
  for (const { name, all, checks, firstToken, promptTokens } of measured.arms) {
    line(name, `${all === null ? '' : `all rules ${share(all.mean)}   `}${Object.entries(checks).map(([check, { mean }]) => `${check} ${share(mean)}`).join(', ')}   first token ${firstToken.toFixed(0)} ms, ${promptTokens.toFixed(0)} tokens`)
  }
  if (gain !== null) gains(as === 'gain' ? 'adapter over base' : 'adapter over base, both with memory', gain)
  if (measured.overExamples !== null) gains('adapter over base + examples', measured.overExamples)
  if (measured.forgetting !== null) line('general prompts', `KL ${measured.forgetting.kl.toFixed(3)} nat a token, agreement ${share(measured.forgetting.agreement)}, ${measured.forgetting.worse.toFixed(3)} nat worse`)
  line('verdict', `${verdict.decision}: ${verdict.words}`)
  line('minutes', Object.entries(minutes).map(([part, took]) => `${part} ${took.toFixed(1)}`).join(', '))
}

function gains (name: string, { all, checks }: Pick<Measured['gain'], 'all' | 'checks'>): void {
  line(name, [...all === null ? [] : [`all rules ${points(all)}`], ...Object.entries(checks).map(([check, gain]) => `${check} ${points(gain)}`)].join(', '))
}

function line (name: string, text: string): void { console.log(`  ${name.padEnd(36)} ${text}`) }

function share (value: number): string { return `${(100 * value).toFixed(0)} %` }

/** In points, with the 95 % interval over people. */
function points ({ mean, low, high }: Interval): string { return `${signed(mean)} [${signed(low)}, ${signed(high)}]` }

function signed (value: number): string { return `${value < 0 ? '−' : '+'}${Math.abs(100 * value).toFixed(0)}` }
