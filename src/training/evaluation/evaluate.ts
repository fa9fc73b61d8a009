import type { Row } from '../../datasets/row.ts'
import { problem, publicError } from '../../errors.ts'
import type { AppliedAdapter } from '../../inference/engine.ts'
import type { Measured } from '../measured.ts'
import { turnOf } from '../prepare/completion.ts'
import type { Served } from '../served.ts'
import type { Method, Progress, Wanted } from '../training.ts'
import { allKept, armOf, contendersFor, difference, gainOf, likelihoodsOf, observed, recordedAdapter, recordedBase, repliesOf, type Taken, winsOf } from './arms.ts'
import { Asking } from './asking.ts'
import { differenceOf } from './bootstrap.ts'
import { compile } from './checks.ts'
import { inTurn } from './choice.ts'
import { extract, probesOf } from './extraction.ts'
import { judged, type Opinion } from './judge.ts'
import { Pace } from './pace.ts'
import { approvedOf, disapprovedOf, examplesOf, recorded } from './prompts.ts'
import { relevanceOf, strangersOf } from './relevance.ts'
import { slicesOf } from './slices.ts'
import { toneOf } from './tone.ts'

export interface EvaluationParts {
  readonly served: Served
  /** Compares answers; null: nobody does. */
  readonly judge: Served | null
  readonly wanted: Pick<Wanted, 'checks' | 'examples'>
  readonly method: Method
  readonly candidate: AppliedAdapter
  /** What it was trained on, and the rows of people it was not. */
  readonly trained: readonly Row[]
  readonly held: readonly Row[]
}

export interface Evaluation {
  /** What the engine says of the candidate; no text of any row in it. */
  readonly measured: Pick<Measured, 'rows' | 'people' | 'arms' | 'gain' | 'overExamples' | 'withMemory' | 'relevance' | 'tone' | 'extraction' | 'slices' | 'judge'>
  /** What the judge said, row by row. */
  readonly opinions: readonly Opinion[]
  /** On how many answers the pattern of a check took too long and was given up, by the check's name. */
  readonly late: Readonly<Record<string, number>>
}

/** What bounds the time. Answers take most of it: 200 rows by three arms are about as many tokens as a training of 300 rows reads; the interval of 200 rows is narrow enough (trainer notes, §10). */
const most = { answered: 200, scored: 400, misplaced: 100, judged: 100 } as const
/** Half as long again as the longest approved answer shows that an answer has become too long; within what one can wait for. */
const answers = { longer: 1.5, least: 64, most: 512 } as const

/**
 * Lets base and candidate compete on the held-out rows. Rows that are longer
 * than the context, or that this base's template refuses, are left out; which
 * of the others are answered is drawn by their ids, the same every time. Throws
 * `invalid_request` for a check that cannot be used, `training_none_held` where no
 * row is left, what the engine throws, and the signal's reason.
 */
export async function evaluate ({ served, judge, wanted, method, candidate, trained, held }: EvaluationParts, progress: (progress: Progress) => void, signal: AbortSignal): Promise<Evaluation> {
  const checks = compile(wanted.checks)
  const { rows, maxTokens } = await fitting(held, served, signal)
  const answered = rows.slice(0, most.answered)
  const examples = examplesOf(trained, wanted.examples)
  const contenders = contendersFor(rows, examples)
  const probes = probesOf(trained)
  const contrasts = method === 'sft' ? [] : rows.filter(row => disapprovedOf(row) !== null)
  const misplaced = rows.filter(row => approvedOf(row) !== null).slice(0, most.misplaced)
  const compared = judge === null ? [] : answered.slice(0, most.judged)

  const asking = new Asking({ served, candidate, examples, maxTokens, signal })
  const pace = new Pace(progress, {
    answer: contenders.length * answered.length + probes.length + compared.length,
    score: contenders.length * rows.length + 2 * (contrasts.length + strangersOf(misplaced).size)
  })

  // Answers before scores: a prompt that was just scored would be in the engine's memory, and its first token there at once.
  const replies = []
  for (const contender of contenders) replies.push(await repliesOf(answered, contender, asking, checks, pace))
  const taken: Taken[] = []
  for (const [i, contender] of contenders.entries()) taken.push({ replies: replies[i]!, likelihoods: await likelihoodsOf(rows, contender, asking, pace) })

  const byName = new Map(contenders.map(({ name }, i) => [name, taken[i]!]))
  // Where nothing is remembered the prompts without memory are those that were recorded.
  const base = byName.get('base + memory') ?? byName.get('base')!
  const adapter = byName.get('adapter + memory') ?? byName.get('adapter')!
  const fewShot = byName.get('base + examples')
  const gain = gainOf(rows, adapter, base, checks)
  const gained = (id: string): number | undefined => difference(adapter.likelihoods.get(id), base.likelihoods.get(id))
  const remembered = rows.filter(row => row.remembered)
  const opinion = judge === null ? { judge: null, opinions: [] } : await judged(compared, base.replies, adapter.replies, judge, pace, signal)
  return {
    measured: {
      rows: rows.length,
      people: new Set(rows.map(({ group }) => group)).size,
      arms: contenders.map(({ name }, i) => armOf(name, rows, taken[i]!, checks)),
      gain: {
        ...gain,
        wins: winsOf(rows, adapter, base),
        margin: contrasts.length === 0 ? null : await marginOf()
      },
      overExamples: fewShot === undefined ? null : gainOf(rows, adapter, fewShot, checks),
      withMemory: remembered.length === 0 ? null : gainOf(remembered, adapter, base, checks),
      relevance: await relevanceOf(misplaced, asking, pace),
      tone: toneOf(answered, base.replies, adapter.replies),
      extraction: await extract(probes, served, candidate, pace, signal),
      slices: slicesOf(rows, checks.length > 0 ? id => difference(allKept(adapter.replies.get(id)), allKept(base.replies.get(id))) : gained),
      judge: opinion.judge
    },
    opinions: opinion.opinions,
    late: lateOf(taken)
  }

  async function marginOf () {
    const of = async (side: typeof recordedBase) => await likelihoodsOf(contrasts, side, asking, pace, 'disapproved')
    const [before, after] = [await of(recordedBase), await of(recordedAdapter)]
    return differenceOf(observed(rows, gained), observed(contrasts, id => difference(after.get(id), before.get(id))))
  }
}

/** The rows that fit into the context with their answers, and how many tokens an answer to them may have. */
async function fitting (held: readonly Row[], served: Served, signal: AbortSignal): Promise<{ readonly rows: readonly Row[], readonly maxTokens: number }> {
  const rows: Row[] = []
  let longest = 0
  for (const row of inTurn(held, 'held')) {
    signal.throwIfAborted()
    if (rows.length === most.scored) break
    try {
      const { prompt, completion } = await turnOf(served, recorded(row), row.answer)
      const length = completion?.length ?? 0
      if (prompt.length + Math.max(answers.least, length) > served.contextSize) continue
      rows.push(row)
      if (approvedOf(row) !== null) longest = Math.max(longest, length)
    } catch (error) {
      if (!unwritable.has(publicError(error).code)) throw error
    }
  }
  if (rows.length === 0) throw problem('training_none_held', {})
  return { rows, maxTokens: Math.min(answers.most, Math.max(answers.least, Math.ceil(answers.longer * longest))) }
}

/** What the engine says of prompts that this base cannot be asked with. */
const unwritable: ReadonlySet<string> = new Set(['context_length_exceeded', 'template_failed', 'tools_unsupported'])

function lateOf (taken: readonly Taken[]): Record<string, number> {
  const late: Record<string, number> = {}
  for (const { replies } of taken) for (const reply of replies.values()) for (const name of reply.late) late[name] = (late[name] ?? 0) + 1
  return late
}
