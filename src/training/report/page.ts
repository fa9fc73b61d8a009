import type { Stage } from '../training.ts'
import type { Arm, Interval } from '../measured.ts'
import { counted, fixed, nats, percent, points, share } from '../wording.ts'
import { datasetOf, day, decisions, methods, seedOf, type Facts } from './facts.ts'
import { adviceOf, pointsOf } from './learning.ts'
import { code, list, picture, plain, section, table } from './markdown.ts'
import { largest, slicesShown } from './plots/slices.ts'
import { gainOf } from './units.ts'

const results = new Map([[true, 'passed'], [false, '**failed**'], [null, 'open']])

/** The report for people: the verdict first, then what it rests on. `plots`: which pictures there are. */
export function pageOf (facts: Facts, plots: ReadonlySet<string>): string {
  const { run, verdict, base } = facts
  const shown = (file: string, title: string): string | null => plots.has(file) ? picture(title, file) : null
  return [
    `# ${plain(run.wanted.name)} on ${plain(base.name)}: ${decisions[verdict.decision].toLowerCase()}`,
    `**${plain(verdict.words)}**`,
    ...run.erased > 0 ? [`**${counted(run.erased, 'row has', 'rows have')} been erased from its data set since: it should be trained anew.**`] : [],
    ...headline(facts),
    ...section('What was trained on what', made(facts)),
    ...section('What it gained', gains(facts), shown('gain.svg', 'What it gained, with intervals')),
    ...section('Who answers how well, and how soon', arms(facts), shown('arena.svg', 'Quality against the time to the first token')),
    ...section('What a judge says', judged(facts)),
    ...section('What it leaves as it was', kept(facts)),
    ...section('Parts of the held-out rows', slices(facts), shown('slices.svg', 'What each slice gained')),
    ...section('Would more data help?', adviceOf(facts.measured), curve(facts), shown('curve.svg', 'Gain by rows that were learnt from')),
    ...section('How the training went', shown('loss.svg', 'Loss by step')),
    ...section('What was checked, in order', table(['Step', 'Result', 'What was found, and the limit'], verdict.steps.map(({ name, passed, words }) => [name, results.get(passed)!, plain(words)]), 'words')),
    ...section('How to do it again', again(facts)),
    ...section('How to read it', reading(facts))
  ].join('\n\n') + '\n'
}

/** The gain that counts most, in a sentence. */
function headline ({ measured: { arms, gain, overExamples } }: Facts): string[] {
  if (gain.all === null) return gain.margin === null ? [] : [`Approved answers gained ${nats(gain.margin)} on disapproved ones.`]
  const level = (arm: Arm | undefined): string => { const all = arm?.all; return all === null || all === undefined ? 'an unknown share' : percent(all.mean) }
  const rival = overExamples === null || overExamples.all === null ? '' : ` With examples in its prompt it is ${level(arms.find(({ name }) => name === 'base + examples'))} of the base's.`
  return [`Of the base's answers ${level(asRecorded(arms, 'base'))} keep to all checks, of the adapter's ${level(asRecorded(arms, 'adapter'))}: ${points(gain.all)}.${rival} Figures in brackets are 95 % intervals.`]
}

function made ({ run, measured, dataset, base }: Facts): string {
  const { train, valid, test } = dataset.counts
  const rows: [string, string][] = [
    ['Data set', `${code(datasetOf(dataset))}: ${counted(train.rows, 'row')} of ${counted(train.people, 'person', 'people')} to learn from, ${valid.rows} to see when it is enough`],
    ['Held out', `${counted(measured.rows, 'row')} of ${counted(measured.people, 'person', 'people')} who were not learnt from${test.rows === measured.rows ? '' : ` (of ${counted(test.rows, 'row')})`}`],
    ['Base', `${plain(base.name)}, licence ${plain(base.licence ?? 'unknown')}`],
    run.wanted.candidate === null ? ['Method', run.method === null ? 'unknown' : methods[run.method]] : ['Measured', `${code(run.wanted.candidate)}, which exists: nothing was trained`],
    ...measured.bestEpoch === null ? [] : [['Kept', measured.bestEpoch === 0 ? 'no epoch was better than the base' : `the weights of epoch ${measured.bestEpoch}`] as [string, string]],
    ...run.adapter === null ? [] : [['Became', code(`${run.adapter.name}@${run.adapter.version}`)] as [string, string]],
    ['Run', `${code(run.id)}, begun on ${day(run.created)}${took(run.took)}`]
  ]
  return table(['What', 'Which'], rows, 'words')
}

function took (stages: Facts['run']['took']): string {
  const told: readonly Stage[] = ['preparing', 'training', 'evaluating']
  const parts = told.flatMap(stage => stages[stage] === undefined ? [] : [`${stage} ${fixed(stages[stage] / 60_000, 1)} min`])
  return parts.length === 0 ? '' : `; ${parts.join(', ')}`
}

/** On the prompts as they were recorded, on which gains are measured: with the memories, where there were any. */
function asRecorded (arms: readonly Arm[], name: 'base' | 'adapter'): Arm | undefined {
  return arms.find(arm => arm.name === `${name} + memory`) ?? arms.find(arm => arm.name === name)
}

/** What is compared, by its name: where an arm shows it, and how a gain in it is told. */
function gains ({ measured: { arms, gain, overExamples, withMemory } }: Facts): string | null {
  const [base, adapter] = [asRecorded(arms, 'base'), asRecorded(arms, 'adapter')]
  const rows = [
    ...only(gain.checks) ? [] : compared('all checks', ({ all }) => all, ({ mean }) => percent(mean), points, gain.all, overExamples?.all, withMemory?.all),
    ...Object.keys(gain.checks).flatMap(name => compared(plain(name), ({ checks }) => checks[name] ?? null, ({ mean }) => percent(mean), points, gain.checks[name], overExamples?.checks[name], withMemory?.checks[name])),
    ...compared('log-likelihood of the approved answer', ({ nll }) => nll, nll => fixed(-nll.mean, 3), nats, gain.nll, overExamples?.nll, withMemory?.nll),
    ...gain.wins === null ? [] : [['approved answer likelier than with the base', '', share(gain.wins), '', '', '']],
    ...gain.margin === null ? [] : [['approved answers over disapproved ones', '', '', nats(gain.margin), '', '']]
  ]
  const used = [true, base !== undefined, true, true, overExamples !== null, withMemory !== null]
  const fit = (cells: readonly string[]): string[] => cells.filter((_, column) => used[column])
  return rows.length === 0 ? null : table(fit(['What', 'Base', 'Adapter', 'Gain', 'Over base + examples', 'With memory, over base + memory']), rows.map(fit))

  function compared (name: string, of: (arm: Arm) => Interval | null, level: (interval: Interval) => string, change: (gain: Interval) => string, ...found: readonly (Interval | null | undefined)[]): string[][] {
    if (found.every(gain => gain === null || gain === undefined)) return []
    return [[name, ...[base, adapter].map(arm => told(arm === undefined ? null : of(arm), level)), ...found.map(gain => told(gain, change))]]
  }
}

/** One check is all there is to keep to: what holds of all of them is told once. */
function only (checks: Facts['measured']['gain']['checks']): boolean { return Object.keys(checks).length === 1 }

function told (interval: Interval | null | undefined, words: (interval: Interval) => string): string { return interval === null || interval === undefined ? '–' : words(interval) }

function arms ({ measured: { arms } }: Facts): string | null {
  if (arms.length === 0) return null
  return table(['Who answers', 'Rows', 'All checks kept', 'Log-likelihood, nat a token', 'First token, ms', 'Tokens of the prompt', 'Words of an answer'],
    arms.map(({ name, rows, all, nll, firstToken, promptTokens, words }) => [name, rows, told(all, share), told(nll, ({ mean }) => fixed(-mean, 3)), fixed(firstToken, 0), fixed(promptTokens, 0), fixed(words, 0)]))
}

function judged ({ measured: { judge } }: Facts): string | null {
  return judge === null ? null : `${plain(judge.model)} compared ${counted(judge.rows, 'pair')} of answers without knowing whose they are, and preferred the adapter's in ${share(judge.wins)}.`
}

function kept ({ measured: { forgetting, tone } }: Facts): string {
  return table(['What', 'Base', 'Adapter'], [
    ...forgetting === null
      ? []
      : [
          [`KL from the base on ${counted(forgetting.rows, 'general prompt')}, nat a token`, '', fixed(forgetting.kl, 3)],
          ['tokens at which both think the same likeliest', '', percent(forgetting.agreement)],
          ['the base\'s own answers less likely by, nat a token', '', fixed(forgetting.worse, 3)]
        ],
    ['rude answers', percent(tone.rude.base), percent(tone.rude.adapter)],
    ['refusals', percent(tone.refusals.base), percent(tone.refusals.adapter)],
    ['words of an answer, over those of the approved one', '', fixed(tone.length, 2)]
  ])
}

function slices ({ measured }: Facts): string | null {
  const { slices } = measured
  if (slices.length === 0) return null
  const { about, long } = gainOf(measured)
  const rows = largest(slices).map(({ slice, value, rows, people, gain }) => [plain(`${slice}: ${value}`), rows, people, long(gain)])
  const rest = slices.length <= slicesShown ? '' : `\n\nThe ${slices.length - slicesShown} smallest are in \`report.json\` only.`
  return table(['Slice', 'Rows', 'People', `Gain, ${about}`], rows) + rest
}

function curve ({ measured }: Facts): string | null {
  const found = pointsOf(measured)
  const { about, long } = gainOf(measured)
  return found.length === 0 ? null : table(['Rows learnt from', `Gain over the base, ${about}`], found.map(({ rows, gain }) => [rows, long(gain)]))
}

function again ({ run, measured: { parity }, dataset, base, versions }: Facts): string {
  const settings = Object.entries(run.wanted.hyper)
  return table(['What', 'Which'], [
    ['Data set', `${code(datasetOf(dataset))}, sha256 ${code(dataset.sha256)}`],
    ['Base', `${code(base.name)}, sha256 ${code(base.digest)}`],
    ...run.digest === null ? [] : [['Adapter', `sha256 ${code(run.digest)}`]],
    ...parity === null ? [] : [['Order of the rows of q and k in its GGUF, as probed', parity.qk]],
    ...run.wanted.candidate === null ? [['Seed', seedOf(run)], ['Settings that differ from the defaults', settings.length === 0 ? 'none' : code(JSON.stringify(run.wanted.hyper))]] : [],
    ['Engraft', versions.engraft],
    ...versions.torch === null ? [] : [['PyTorch', versions.torch]]
  ], 'words') + '\n\nThe same data, base, seed and versions on the same kind of processor train the same bytes. The whole request is `run.wanted` in `report.json`, beside all figures.'
}

function reading ({ measured }: Facts): string {
  return list([
    'Figures in brackets are a 95 % interval: people were drawn anew 2,000 times, since rows of one person are alike. A gain is certain as far as its lower bound.',
    'Gains are paired: each held-out row is answered by both, without chance. Nobody whose rows are held out was learnt from.',
    ...measured.arms.some(({ nll }) => nll !== null) ? ['Log-likelihood says how expected the approved answer is, in nat a token: 0 is certain, and less is less expected. It is easy to gain, so that checks count more where there are any.'] : [],
    ...measured.arms.length > 0 ? ['Times to the first token were taken on the machine that evaluated, and depend on what else it did.'] : []
  ])
}
