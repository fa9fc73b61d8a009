import type { Finding } from './curation/tone.ts'
import type { Drift, Manifest, Split, Step, Version } from './datasets.ts'
import { nameOf } from './rows.ts'

const splits: Readonly<Record<Split, string>> = {
  train: 'to learn from',
  valid: 'the newest of those, kept back: tells when a training has learnt enough',
  test: 'of people who are never learnt from: tells whether others are helped too'
}

const slices = {
  topic: 'Topic',
  length: 'Length of the answer',
  language: 'Language',
  cohort: 'Month of the person\'s first row',
  refusal: 'Declines'
} as const

/** The few names of a slice that say most; the rest is added up. */
const longest = 12

/** What a version is, for people: a page of Markdown, with no text of any row in it. Topics are named by words that many questions have. */
export function cardOf (version: Version): string {
  const { manifest } = version
  if (manifest === null) return `# ${nameOf(version)}\n\n${version.failure === null ? 'It is being built.' : `It was not built: ${version.failure.message}`}\n`
  const total = sum(Object.values(manifest.counts).map(({ rows }) => rows))
  return [
    `# ${nameOf(version)}`,
    `${count(total, 'row')} that people's words made of answers, built on ${new Date(version.created).toISOString().slice(0, 10)} by Engraft ${manifest.code} for the tenant ${manifest.tenant}. sha256 of the manifest: \`${version.sha256}\`.`,
    ...version.erased > 0 ? [`**${count(version.erased, 'row may', 'rows may')} not be learnt from any more (erased since, or their people have taken back their leave): what was learnt from this version should be learnt anew from the next one.**`] : [],
    `Consent: ${manifest.consent}`,
    '## Rows',
    table(['Part', 'Rows', 'People', 'Corrections and approvals', 'Preferences', 'Verdicts', 'What for'], (Object.keys(splits) as Split[]).map(split => {
      const { rows, people, kinds } = manifest.counts[split]
      return [split, rows, people, kinds.demonstration, kinds.preference, kinds.verdict, splits[split]]
    })),
    ...warningsOf(manifest),
    '## What was dropped',
    table(['Step', 'In', 'Dropped', 'Changed', 'Why'], manifest.steps.map(({ name, in: before, dropped, changed }) =>
      [name, before, sum(Object.values(dropped)), sum(Object.values(changed)), [...reasons(dropped), ...reasons(changed)].join('; ')])),
    ...reportsOf(manifest),
    '## How the rows spread',
    ...(Object.keys(slices) as (keyof typeof slices)[]).map(slice => table([slices[slice], 'Rows', 'Share'], shortened(manifest.slices[slice]).map(([name, rows]) => [name, rows, percent(rows, total)]))),
    '## What is new',
    version.drift === null ? 'There is no version before it to compare with.' : driftOf(version.drift),
    '## How to read it',
    'Rows go through the steps in the order above, and what one drops no later one sees. A person is either held out or learnt from, in every version of this name. Topics are single words that many questions share, found without a model: a question is counted under the first it has. Slices below ten rows say little.'
  ].join('\n\n') + '\n'
}

/** How a version differs from another, in Markdown. */
export function driftOf ({ against, before, fresh, gone, moved }: Drift): string {
  const verdicts = { same: 'as before', moved: 'moved', 'moved far': '**moved far**' }
  return [
    `Against ${against}: ${count(before, 'row')} then, ${fresh} new since, ${gone} no more in it. The table compares the new rows with all there were then.`,
    ...fresh === 0 ? [] : [table(['Slice', 'PSI', 'By chance', 'Verdict'], moved.map(({ slice, psi, p, verdict }) => [slice, psi.toFixed(3), p.toFixed(4), verdicts[verdict]]))],
    'PSI is the population stability index: below 0.1 nothing moved, above 0.25 a lot. “By chance” is how often rows shuffled at random differ as much; above 0.002 a move is not believed.'
  ].join('\n\n')
}

function warningsOf ({ counts: { train, valid, test }, steps }: Manifest): string[] {
  const warnings = [
    ...test.rows === 0 ? ['Nobody is held out: there are too few people, so whether it helps others cannot be tested.'] : [],
    ...test.rows > 0 && test.people < 20 ? [`Only ${count(test.people, 'person', 'people')} are held out: a gain must be large to be told from chance.`] : [],
    ...train.rows + valid.rows < 50 ? ['Fewer than 50 rows to learn from: most trainings need more to change an answer.'] : [],
    ...steps.flatMap(({ name, report }) => findingsIn(report).map(({ measure, value, threshold }) => `${name}: ${measure} ${value}, above ${threshold}.`))
  ]
  return warnings.length === 0 ? [] : [warnings.map(text => `- ${text}`).join('\n')]
}

/** What a filter found over its thresholds. */
function findingsIn (report: Step['report']): readonly Finding[] { return (report?.findings ?? []) as readonly Finding[] }

function reportsOf ({ steps }: Manifest): string[] {
  const reports = steps.filter(({ report }) => report !== null)
  return reports.length === 0 ? [] : [reports.map(({ name, report }) => `- ${name}: \`${JSON.stringify(report)}\``).join('\n')]
}

function shortened (counts: Readonly<Record<string, number>>): [string, number][] {
  const all = Object.entries(counts)
  if (all.length <= longest) return all
  return [...all.slice(0, longest - 1), [`${all.length - longest + 1} more`, sum(all.slice(longest - 1).map(([, rows]) => rows))]]
}

function table (head: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const line = (cells: readonly (string | number)[]): string => `| ${cells.map(cell => String(cell).replaceAll('|', '\\|')).join(' | ')} |`
  return [line(head), line(head.map((_, i) => i === 0 ? '---' : '---:')), ...rows.map(line)].join('\n')
}

function reasons (counts: Readonly<Record<string, number>>): string[] { return Object.entries(counts).map(([reason, rows]) => `${reason} (${rows})`) }

function percent (part: number, whole: number): string { return `${(100 * part / whole).toFixed(1)} %` }

function count (number: number, one: string, many = `${one}s`): string { return `${number} ${number === 1 ? one : many}` }

function sum (numbers: readonly number[]): number { return numbers.reduce((total, number) => total + number, 0) }
