import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { Candidate, Decision, NewReview, Review } from '../../datasets/review.ts'
import { problem } from '../../errors.ts'
import { feedbackOf } from '../feedback.ts'
import type { Reviews } from '../ports.ts'
import { CandidateList, type CandidateWire, InteractionId, ReviewBody, type ReviewBodyWire, Review as ReviewShape, type ReviewWire, ReviewsQuery } from '../schemas/reviews.ts'
import { failures } from '../schemas/shapes.ts'
import { storedMessageOf } from '../stored.ts'

// As the stored completions.
const pageSize = 20
const maxPageSize = 100

/** The queue between what was answered and what is taught. */
export const reviews: FastifyPluginAsyncTypebox<{ readonly reviews: Reviews }> = async (app, { reviews }) => {
  const config = { access: 'admin' } as const
  const tags = ['administration']

  app.get('/admin/reviews', {
    config, schema: { tags, summary: 'Answers that wait for a review, or have one', querystring: ReviewsQuery, response: { 200: CandidateList, ...failures } }
  }, async request => {
    const { tenant = null, evidence = null, state = 'waiting', after = null, limit } = request.query
    const size = limit === undefined ? pageSize : Number(limit)
    if (size < 1 || size > maxPageSize) throw problem('invalid_request', { detail: `'limit' must be from 1 to ${maxPageSize}.` }, { param: 'limit' })
    const { data, more } = await reviews.list({ tenant, evidence, reviewed: state === 'reviewed', after, limit: size })
    return {
      object: 'list' as const,
      data: data.map(candidateOf),
      first_id: data[0]?.interaction.id ?? null,
      last_id: data.at(-1)?.interaction.id ?? null,
      has_more: more
    }
  })

  app.post('/admin/reviews/:interaction', {
    config, schema: { tags, summary: 'Approves an answer, edits it, or rejects it; the last word counts', params: InteractionId, body: ReviewBody, response: { 201: ReviewShape, ...failures } }
  }, async (request, reply) => reply.code(201).send(reviewOf(await reviews.give(request.params.interaction, reviewFrom(request.body)))))
}

function reviewFrom ({ verdict, answer, reviewer, reason }: ReviewBodyWire): NewReview {
  const given = answer ?? null
  if (verdict === 'edited' ? given === null : given !== null) throw problem('invalid_request', { detail: "'answer' goes with the verdict 'edited', and only with that." }, { param: 'answer' })
  return { ...{ verdict, answer: given } as Decision, reviewer, reason: reason ?? null }
}

function candidateOf ({ interaction, feedback, review }: Candidate): CandidateWire {
  const { id, owner, model, created, messages, choices } = interaction
  const content = choices[0]?.content ?? ''
  return {
    id,
    object: 'review.candidate',
    tenant: owner.tenant,
    user: owner.user,
    model,
    created_at: new Date(created).toISOString(),
    messages: messages.map((message, place) => storedMessageOf(id, message, place)),
    answer: content === '' ? null : content,
    feedback: feedback.map(feedbackOf),
    review: review === null ? null : reviewOf(review)
  }
}

function reviewOf ({ id, interaction, verdict, answer, reviewer, reason, created }: Review): ReviewWire {
  return { id, object: 'review', completion_id: interaction, verdict, answer, reviewer, reason, created_at: new Date(created).toISOString() }
}
