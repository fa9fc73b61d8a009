import type { Database } from '../database/database.ts'
import { among, sql } from '../database/sql.ts'
import type { Interaction, Interactions } from '../interactions/interactions.ts'
import type { Memories, Memory, NewMemory, Owner } from './memories.ts'
import type { Profile } from './profile/profile.ts'

export interface CaptureParts {
  readonly database: Pick<Database, 'all' | 'commit'>
  readonly interactions: Pick<Interactions, 'since' | 'find'>
  readonly memories: Pick<Memories, 'remember' | 'list'>
  readonly profile: Pick<Profile, 'learn'>
  /** Does its work while nobody is erased. */
  readonly inTurn: <T>(work: () => Promise<T>) => Promise<T>
  /** For what an operator must know: constant message and fields, never text. */
  readonly log: (message: string, fields: Readonly<Record<string, unknown>>) => void
}

export interface Capture {
  /** There is something new on record. */
  wake (): void
  /** Resolves when all that was on record at the call has been looked at, or could not be. */
  settled (): Promise<void>
  /** Finishes the interaction it is at. */
  close (): Promise<void>
}

/** Interactions looked at between two notes of how far it has come; their messages are read and hashed on the main thread, some 2 ms each for 50 turns. */
const batch = 8
/** After a failure (a full disk, say) it tries again by itself. */
const retryMs = 10_000

/**
 * Turns answered turns into memories, in the order of the record, each once.
 *
 * It is a cursor over the record that is moved after the memories are durable,
 * and each turn's external id says which turn of which session it is: what a
 * crash makes it look at again is already there and not written twice.
 */
export function createCapture ({ database, interactions, memories, profile, inTurn, log }: CaptureParts): Capture {
  const state: { running: Promise<void> | null, again: boolean, closed: boolean, retry: NodeJS.Timeout | null } = { running: null, again: false, closed: false, retry: null }

  async function run (): Promise<void> {
    try {
      do {
        state.again = false
        const [cursor] = await database.all(sql.selectFrom('capture').select('seq').compile())
        for (let seq = cursor?.seq ?? 0, more = true; more && !state.closed;) {
          const next = await inTurn(async () => {
            const next = await interactions.since(seq, batch)
            for (const interaction of next) if (interaction.remember && !state.closed) await captured(interaction)
            return next
          })
          if (state.closed) return
          seq = next.at(-1)?.seq ?? seq
          more = next.length === batch
          if (next.length > 0) await database.commit([sql.updateTable('capture').set({ seq }).compile()])
        }
      } while (state.again && !state.closed)
    } catch (error) {
      if (state.closed) return
      log('what was said could not be remembered, and will be tried again', { error: error instanceof Error && 'code' in error ? error.code : String(error) })
      state.retry ??= setTimeout(() => { state.retry = null; wake() }, retryMs).unref()
    } finally {
      state.running = null
    }
  }

  function wake (): void {
    if (state.closed) return
    state.again = true
    state.running ??= run()
  }

  async function captured (interaction: Interaction): Promise<void> {
    const { owner, session } = interaction
    const turns = await unforgotten(owner, turnsOf(interaction))
    const anchor = await anchorOf(owner, session, interaction)
    const fresh = anchor === null ? turns : turns.slice(turns.findIndex(({ key }) => key === anchor.key) + 1)
    const forget = anchor === null ? [] : await replaced(owner, session, anchor, new Set(turns.map(({ key }) => idOf(session, key))))
    const from = anchor?.memory.position ?? null
    if (fresh.length > 0 || forget.length > 0) await memories.remember(owner, fresh.map(({ memory, key }, i) => ({ ...memory, externalId: idOf(session, key), ...(from !== null && { position: from + 1 + i }) })), { forget })
    // The newest question is looked at in any case: a crash may have come between it and what it says.
    for (const { memory: { role }, key } of turns.slice(-Math.max(fresh.length, newest))) if (role === 'user') await learnt(owner, idOf(session, key))
  }

  /** Without those that their person had forgotten: sent again, they stay so. */
  async function unforgotten ({ tenant, user }: Owner, turns: readonly Turn[]): Promise<Turn[]> {
    const rows = await database.all(sql.selectFrom('forgotten_turns').innerJoin('owners', 'owners.id', 'owner').select('key')
      .where('tenant', '=', tenant).where('user', '=', user).where('key', 'in', among(turns.map(({ key }) => Buffer.from(key, 'hex')))).compile())
    const forgotten = new Set(rows.map(({ key }) => Buffer.from(key).toString('hex')))
    return turns.filter(({ key }) => !forgotten.has(key))
  }

  async function learnt (owner: Owner, externalId: string): Promise<void> {
    const { memories: [turn] } = await memories.list(owner, { externalId }, { limit: 1 })
    if (turn !== undefined) await profile.learn(owner, turn)
  }

  /** The latest turn of the conversation that is a memory already. */
  async function anchorOf (owner: Owner, session: string, { keys, messages }: Interaction): Promise<Anchor | null> {
    for (const [i, key] of [...keys.entries()].toReversed()) {
      if (key === null || !spoken(messages[i]?.role)) continue
      const { memories: [memory] } = await memories.list(owner, { externalId: idOf(session, key) }, { limit: 1 })
      if (memory !== undefined) return { memory, key }
    }
    return null
  }

  /**
   * Turns that were said after the anchor and are no part of the conversation
   * any more: an answer that was asked for again, or what followed a turn that
   * was edited. A session may hold several conversations (where a client names
   * it and sends no history), so only turns that grew from the anchor count.
   */
  async function replaced (owner: Owner, session: string, { memory, key }: Anchor, kept: ReadonlySet<string>): Promise<string[]> {
    const later = await after(owner, session, memory)
    const gone: string[] = []
    for (const turn of later) {
      if (turn.interaction === null || (turn.externalId !== null && kept.has(turn.externalId))) continue
      const said = await interactions.find({ tenant: owner.tenant, user: owner.user }, turn.interaction).catch(unknown)
      if (said?.keys.includes(key) === true) gone.push(turn.id)
    }
    return gone
  }

  async function after (owner: Owner, session: string, { position, id }: Memory): Promise<Memory[]> {
    const later: Memory[] = []
    for (let cursor: string | null = null; ;) {
      const { memories: page, next } = await memories.list(owner, { session, kinds: ['turn'] }, { after: cursor, limit: pageSize })
      // Nothing newer than the anchor: the conversation just goes on.
      if (cursor === null && page[0]?.id === id) return []
      later.push(...page.filter(turn => (turn.position ?? 0) > (position ?? 0)))
      if (next === null) return later
      cursor = next
    }
  }

  return {
    wake,
    settled: async () => {
      wake()
      while (state.running !== null) await state.running
    },
    close: async () => {
      state.closed = true
      if (state.retry !== null) clearTimeout(state.retry)
      await state.running
    }
  }
}

interface Anchor { readonly memory: Memory, readonly key: string }
interface Turn { readonly key: string, readonly memory: NewMemory }

/** A question and its answer. */
const newest = 2

/** Most memories a page of `list` has. */
const pageSize = 1000

/** An interaction that its owner has deleted says nothing of what grew from it. */
function unknown (): null { return null }

function idOf (session: string, key: string): string { return `${session}/${key}` }

function spoken (role: string | undefined): role is 'user' | 'assistant' { return role === 'user' || role === 'assistant' }

/**
 * What was said, the newest answer last: no system prompts, no tools' output,
 * and nothing that was recalled, since the record keeps messages as callers
 * sent them. An answer that was cut off is not remembered: its caller has
 * either asked again or sends back what it got of it.
 */
function turnsOf ({ id, keys, messages, session, created, choices, answerKey, error }: Interaction): Turn[] {
  const turns = messages.flatMap((message, i): Turn[] => {
    const key = keys[i]
    return typeof key === 'string' && spoken(message.role) ? [{ key, memory: turn(message.role, message.content, message.name ?? null) }] : []
  })
  const [answer] = choices
  if (answer !== undefined && answerKey !== null && error === null) turns.push({ key: answerKey, memory: turn('assistant', answer.content, null) })
  return turns.filter(({ memory }) => memory.text.trim() !== '')

  function turn (role: 'user' | 'assistant', text: string, speaker: string | null): NewMemory {
    return { kind: 'turn', text: text.slice(0, longestTurn).toWellFormed(), session, role, speaker, at: created, interaction: id }
  }
}

/** `longestMemory` of the port: what is said beyond it is a document, not a turn. */
const longestTurn = 131_072
