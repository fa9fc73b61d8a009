import type { Phase } from './loop-phase.ts'
import type { Loop, LoopSettings, Round } from './loops.ts'

type Standing = Pick<Loop, 'step' | 'words'>

/** Where a loop stands while no round is under way. `cool`, `next`, `now`: ms. */
export function between ({ cron, rows: enough }: LoopSettings, last: Round | undefined, fresh: number, next: number | null, cool: number, now: number): Standing {
  const since = last === undefined ? 'yet' : `since round ${last.number}`
  if (fresh === 0) return { step: 'idle', words: `Nothing new was said of any answer ${since}.` }
  const begins = Math.max(next ?? 0, cool)
  const when = begins > now ? `the next round begins ${cron === null ? 'no sooner than' : 'at'} ${new Date(begins).toISOString().slice(0, 16)}Z` : 'the next round is about to begin'
  if (cron !== null || fresh >= (enough ?? 0)) return { step: 'collecting', words: `${pieces(fresh)} came ${since}; ${when}.` }
  return { step: 'collecting', words: `${pieces(fresh)} came ${since}, and ${enough} make the next round begin.` }
}

function pieces (count: number): string { return `${count} ${count === 1 ? 'new piece' : 'new pieces'} of evidence` }

/** Where a round under way stands. */
export function within ({ name }: LoopSettings, phase: Phase, trouble: string | null): Standing {
  const { step, words } = stands(name, phase)
  return { step, words: trouble === null ? words : `${words} It cannot go on now, and tries again every minute: ${trouble}` }
}

function stands (name: string, phase: Phase): Standing {
  switch (phase.at) {
    case 'begun': return { step: 'building', words: 'A data set is about to be built.' }
    case 'building': return { step: 'building', words: `Builds the data set ${phase.data.name}@${phase.data.version}.` }
    case 'built': case 'unbuilt': return { step: 'building', words: `The data set ${phase.data.name}@${phase.data.version} is ${phase.data.state}.` }
    case 'running': {
      const { id, stage, progress } = phase.run
      const left = progress?.eta == null ? '' : `, about ${Math.ceil(progress.eta / 60)} minutes left`
      const what = progress === null ? stage : `${progress.what}${progress.total === null ? '' : ` (${progress.done} of ${progress.total})`}${left}`
      return { step: stage === 'evaluating' ? 'evaluating' : 'training', words: `${stage === 'evaluating' ? 'Evaluates' : 'Trains'} in ${id}: ${stage === 'waiting' ? 'waits for another run to end' : what}.` }
    }
    case 'judged': case 'broken': return { step: 'evaluating', words: `${phase.run.id} is ${phase.run.stage}.` }
    case 'passed': return phase.person
      ? { step: 'waiting', words: `${name}@${phase.version} waits for a person to let it live, try it on a share of people, or refuse it. ${phase.run.verdict?.words ?? ''}`.trim() }
      : { step: 'evaluating', words: `${name}@${phase.version} has passed the gate.` }
    case 'live': return { step: 'evaluating', words: `${name}@${phase.version} is live.` }
    case 'canary': return { step: phase.told.waits ? 'waiting' : 'canary', words: `${name}@${phase.told.candidate} answers ${phase.told.percent} of 100 people. ${phase.told.words}` }
  }
}
