import type { Database } from '../database/database.ts'
import { sql } from '../database/sql.ts'
import type { Message } from '../inference/engine.ts'
import { hex } from './chain.ts'
import type { FeedbackRecord, Signal } from './feedback.ts'
import type { Reach } from './interactions.ts'
import { within } from './rows.ts'

/** How long (ms) after an answer nearly the same question still says that the answer was of no use. */
const atOnce = 60_000
/** Fewer words ("And why?") are in too many questions. */
const fewestWords = 3
/** Of two questions, the longer one may have so many times the words of the shorter. */
const longestShare = 2

/** One answer of a session, as far as it tells something of another. */
interface Turn {
  readonly id: string
  readonly owner: number
  readonly session: string
  /** Chain key (hex) of what was asked. */
  readonly asked: string
  /** When it was asked, and when the answer had ended, in ms. */
  readonly from: number
  readonly to: number
  readonly error: string | null
  /** null: the last message was no user's. */
  readonly words: ReadonlySet<string> | null
}

/** `FeedbackRecord.signals`. */
export async function signalsOf (database: Pick<Database, 'all'>, reach: Reach, of: Parameters<FeedbackRecord['signals']>[1]): Promise<Signal[]> {
  const session = 'session' in of ? of.session : sql.selectFrom('interactions').select('interactions.session').where('interactions.id', '=', of.completion).where(within(reach))
  const rows = await database.all(sql.selectFrom('interactions').where('interactions.session', '=', session).where(within(reach))
    .select(({ selectFrom }) => ['seq', 'id', 'owner', 'session', 'created', 'asked', 'timings', 'error', selectFrom('interaction_messages')
      .innerJoin('messages', 'messages.id', 'interaction_messages.message').select('messages.body')
      .whereRef('interaction_messages.interaction', '=', 'interactions.seq').orderBy('interaction_messages.position', 'desc').limit(1).as('last')]).compile())
  // Where nobody is named, two people may have sessions of one name.
  const signals = [...Map.groupBy(rows.sort((a, b) => a.seq - b.seq).map(turnOf), ({ owner }) => owner).values()]
    .flatMap(turns => turns.flatMap((turn, i) => kindsOf(turn, turns.slice(i + 1)).map(kind => ({ kind, completion: turn.id, session: turn.session }))))
  return 'session' in of ? signals : signals.filter(({ completion }) => completion === of.completion)
}

function kindsOf (turn: Turn, later: readonly Turn[]): Signal['kind'][] {
  const [next] = later
  const left = turn.error === 'caller_left'
  // An answer that failed is asked for again because it failed.
  const judged = turn.error === null || left
  return [
    ...judged && later.some(({ asked }) => asked === turn.asked) ? ['regenerated' as const] : [],
    ...judged && next !== undefined && next.asked !== turn.asked && rephrased(turn, next) ? ['rephrased' as const] : [],
    ...left ? ['abandoned' as const] : []
  ]
}

/** Words were only added or only taken away. Either way round in time: clocks jump. */
function rephrased (turn: Turn, next: Turn): boolean {
  if (turn.words === null || next.words === null || Math.abs(next.from - turn.to) > atOnce) return false
  const [less, more] = turn.words.size < next.words.size ? [turn.words, next.words] : [next.words, turn.words]
  return less.size >= fewestWords && more.size <= longestShare * less.size && [...less].every(word => more.has(word))
}

function turnOf ({ id, owner, session, created, asked, timings, error, last }: { id: string, owner: number, session: string, created: number, asked: Uint8Array, timings: string, error: string | null, last: string | null }): Turn {
  const { recall = 0, queue = 0, first = 0, answer = 0 } = JSON.parse(timings) as Record<string, number>
  const message = last === null ? null : JSON.parse(last) as Message
  return { id, owner, session, asked: hex(asked), from: created - recall - queue - first, to: created + answer, error, words: message?.role === 'user' ? wordsOf(message.content) : null }
}

function wordsOf (text: string): Set<string> {
  return new Set(text.normalize('NFKC').toLowerCase().match(/[\p{L}\p{N}]+/gu))
}
