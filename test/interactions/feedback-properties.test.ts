import fc from 'fast-check'
import { test } from 'tap'
import type { NewFeedback } from '../../src/interactions/feedback.ts'
import type { Owner, Reach } from '../../src/interactions/interactions.ts'
import { everything, feedbackStore } from './feedback.ts'

/** An answer as the model of the test knows it. */
interface Answer { readonly id: string, readonly owner: Owner, readonly session: string | null }
interface Said { readonly id: string, readonly owner: Owner, readonly on: readonly Answer[], readonly session: string | null }

const runs = 60
const who = fc.record({ tenant: fc.constantFrom(0, 0, 0, 1), user: fc.nat(2) })
const step = fc.oneof(
  fc.record({ do: fc.constant('answer' as const), who, session: fc.constantFrom(0, 0, 0, 1), kept: fc.boolean() }),
  fc.record({ do: fc.constant('give' as const), who, own: fc.boolean(), kind: fc.constantFrom('thumb' as const, 'correction' as const, 'preference' as const, 'session' as const), on: fc.nat(), other: fc.nat() }),
  fc.record({ do: fc.constant('remove' as const), on: fc.nat() })
)

/*
 * A model that knows whose each answer is says which feedback must be taken,
 * and what each of all reaches (two users and everybody, of two tenants) must see.
 */
test('whoever says what of which answer, it is taken and seen within one\'s reach only', async t => {
  const s = await feedbackStore(t)
  let run = 0
  let taken = 0
  let refused = 0
  await fc.assert(fc.asyncProperty(fc.array(step, { minLength: 30, maxLength: 50 }), async steps => {
    run++
    const reachOf = ({ tenant, user }: { tenant: number, user: number }): Reach => ({ tenant: `${run}-${tenant}`, user: [null, 'ada', 'bob'][user]! })
    const covers = (reach: Reach, owner: Owner): boolean => owner.tenant === reach.tenant && (reach.user === null || reach.user === owner.user)
    let answers: Answer[] = []
    let said: Said[] = []
    for (const one of steps) {
      if (one.do === 'answer') {
        const { tenant, user } = reachOf(one.who)
        const owner = { tenant, user: user ?? '' }
        const session = `s${one.session}`
        answers.push(one.kept ? { id: await s.answered(owner, session), owner, session } : { id: s.ids.make('chatcmpl', owner, 1, false), owner, session: null })
      } else if (answers.length === 0) {
        continue
      } else if (one.do === 'remove') {
        const answer = answers[one.on % answers.length]!
        if (answer.session === null) continue
        await s.interactions.remove({ ...answer.owner }, answer.id)
        answers = answers.filter(other => other !== answer)
        const ended = !answers.some(({ owner, session }) => same(owner, answer.owner) && session === answer.session)
        said = said.filter(({ owner, on, session }) => !on.includes(answer) && !(ended && same(owner, answer.owner) && session === answer.session))
      } else {
        const [answer, other] = [answers[one.on % answers.length]!, answers[one.other % answers.length]!]
        const reach = one.own ? { tenant: answer.owner.tenant, user: [answer.owner.user, null][one.other % 2]! } : reachOf(one.who)
        // Nobody knows whose an answer is of which nothing is kept, unless its user is named.
        const seen = ({ owner, session }: Answer): boolean => covers(reach, owner) && (session !== null || owner.user === (reach.user ?? ''))
        const sessions = answers.filter(({ owner, session }) => session !== null && session === answer.session && covers(reach, owner))
        const given: Record<typeof one.kind, [Partial<NewFeedback> & Pick<NewFeedback, 'kind' | 'value'>, boolean]> = {
          thumb: [{ kind: 'thumb', value: true, completion: answer.id }, seen(answer)],
          correction: [{ kind: 'correction', value: 'better', completion: answer.id }, seen(answer) && answer.session !== null],
          preference: [{ kind: 'preference', value: { chosen: answer.id, rejected: other.id } }, [answer, other].every(a => seen(a) && a.session !== null) && same(answer.owner, other.owner) && answer.session === other.session],
          session: [{ kind: 'thumb', value: true, session: answer.session ?? 'none' }, sessions.length > 0 && sessions.every(({ owner }) => same(owner, sessions[0]!.owner))]
        }
        const [feedback, allowed] = given[one.kind]
        const id = await s.say(reach, feedback).catch(() => null)
        if ((id !== null) !== allowed) throw new Error(`${JSON.stringify([reach, feedback, answer, other])} was ${id === null ? 'refused' : 'taken'}`)
        if (id === null) refused++
        else {
          taken++
          const whole = one.kind === 'session'
          said.push({ id, owner: (whole ? sessions[0]! : answer).owner, on: whole ? [] : one.kind === 'preference' ? [answer, other] : [answer], session: answer.session })
        }
      }
    }
    for (const tenant of [0, 1]) {
      for (const user of [0, 1, 2]) {
        const reach = reachOf({ tenant, user })
        const { data } = await s.feedback.list(reach, everything)
        const expected = said.filter(({ owner }) => covers(reach, owner)).map(({ id }) => id)
        if (JSON.stringify(data.map(({ id }) => id)) !== JSON.stringify(expected)) throw new Error(`${JSON.stringify(reach)} sees ${JSON.stringify(data)} and not ${expected}`)
      }
    }
  }), { numRuns: runs })
  t.ok(taken > runs && refused > runs, `${taken} taken, ${refused} refused`)
})

function same (a: Owner, b: Owner): boolean { return a.tenant === b.tenant && a.user === b.user }
