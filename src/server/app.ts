import Fastify, { type FastifyInstance, type FastifyServerOptions, LogController } from 'fastify'
import type { Answer } from '../chat/answer.ts'
import type { Count } from '../chat/count.ts'
import type { Embed } from '../chat/embed.ts'
import { retentionOf, type Config } from '../config.ts'
import { Answers } from './answers.ts'
import { limits } from './limits.ts'
import { Meters } from './meters.ts'
import { auth, identifier } from './plugins/auth.ts'
import { drain } from './plugins/drain.ts'
import { clientErrors, failures, frameworkErrors } from './plugins/failures.ts'
import { health } from './plugins/health.ts'
import { log, requestId } from './plugins/log.ts'
import { metrics } from './plugins/metrics.ts'
import { openapi } from './plugins/openapi.ts'
import { origins } from './plugins/origins.ts'
import type { Adapters, Admit, Audit, Bases, Canaries, Datasets, Erasures, Exports, Feedback, Keys, Lineages, Loops, Memories, Policies, Portability, Profile, Reviews, Schedules, Stored, Tokens, Training, Verify, Watcher } from './ports.ts'
import { adminAdapters } from './routes/admin-adapters.ts'
import { adminCanaries } from './routes/admin-canaries.ts'
import { adminAudit } from './routes/admin-audit.ts'
import { adminDatasets } from './routes/admin-datasets.ts'
import { adminKeys } from './routes/admin-keys.ts'
import { adminLoop } from './routes/admin-loop.ts'
import { adminModels } from './routes/admin-models.ts'
import { adminTraining } from './routes/admin-training.ts'
import { chat } from './routes/chat.ts'
import { completions } from './routes/completions.ts'
import { completionsStored } from './routes/completions-stored.ts'
import { embeddings } from './routes/embeddings.ts'
import { exports } from './routes/exports.ts'
import { feedback } from './routes/feedback.ts'
import { lora } from './routes/lora.ts'
import { memories } from './routes/memories.ts'
import { models } from './routes/models.ts'
import { portability } from './routes/portability.ts'
import { profile } from './routes/profile.ts'
import { reviews } from './routes/reviews.ts'
import { tokenize } from './routes/tokenize.ts'
import { tokens } from './routes/tokens.ts'
import { users } from './routes/users.ts'
import { OpenSockets } from './sockets/open-sockets.ts'
import { upgrades, websocket } from './sockets/websocket.ts'
import type { EmbedderInfo } from './served.ts'
import { Uploads } from './upload.ts'

/** All that the server is made of; it opens nothing itself. */
export interface Parts {
  readonly config: Config
  readonly version: string
  readonly answer: Answer
  readonly count: Count
  readonly embed: Embed
  readonly bases: Bases
  readonly stored: Stored
  readonly feedback: Feedback
  readonly memories: Memories
  readonly profile: Profile
  /** The embedding model, once it is here. */
  readonly embedder: () => EmbedderInfo | null
  readonly policies: Policies
  readonly erasures: Erasures
  readonly portability: Portability
  /** Called once, with what measures. */
  readonly watch: (watcher: Watcher) => void
  readonly admit: Admit
  readonly adapters: Adapters
  readonly canaries: Canaries
  readonly lineages: Lineages
  readonly datasets: Datasets
  readonly exports: Exports
  readonly schedules: Schedules
  readonly reviews: Reviews
  readonly training: Training
  readonly loops: Loops
  readonly verify: Verify
  readonly keys: Keys
  readonly tokens: Tokens
  readonly audit: Audit
  /** Pino's options, a stream included; left out: no log. */
  readonly logger?: FastifyServerOptions['logger']
  /** Milliseconds of silence in a stream after which a comment is sent; left out: 15 s. */
  readonly keepAliveMs?: number
}

// Half of the 30 s after which impatient proxies give up.
const keepAliveMs = 15_000

/** The whole HTTP and WebSocket server, ready to listen. */
export async function buildApp (parts: Parts): Promise<FastifyInstance> {
  const { config, version, bases, adapters, datasets, training } = parts
  const uploads = new Uploads()
  const app = Fastify({
    ...limits(config),
    logger: parts.logger ?? false,
    logController: new LogController({ disableRequestLogging: true }),
    genReqId: requestId,
    frameworkErrors: frameworkErrors(config),
    clientErrorHandler: clientErrors(config, uploads),
    // Whoever is still connected after `drain` has been told.
    forceCloseConnections: true,
    return503OnClosing: false,
    // A value is what it is and unknown fields stay visible: null is not 0, and "12" is not 12 (trap T14).
    ajv: { customOptions: { coerceTypes: false, removeAdditional: false, useDefaults: false, allErrors: false, allowUnionTypes: true } }
  })
  // Reply schemas document; a compiled serializer would silently drop what they lack.
  app.setSerializerCompiler(() => value => JSON.stringify(value))

  const sockets = new OpenSockets()
  const meters = new Meters({ bases, adapters, memories: parts.memories, training, loops: parts.loops }, { answers: () => answers.running, sockets: () => sockets.count })
  parts.watch(meters)
  const answers = new Answers(parts.answer, outcome => meters.answered(outcome))
  const identify = identifier(parts.verify, config)

  await app.register(upgrades, { maxPayload: config.bodyLimit, sockets })
  await app.register(drain, { answers, sockets })
  await app.register(log)
  await app.register(failures, { limits: config })
  await app.register(origins, { allowed: config.allowOrigin })
  await app.register(auth, { identify })
  await app.register(openapi, { version })
  await app.register(metrics, { meters })
  await app.register(websocket, { answers, sockets, identify, config })
  await app.register(health, { answers, bases, version })
  const answering = { answers, config, keepAliveMs: parts.keepAliveMs ?? keepAliveMs }
  await app.register(chat, answering)
  await app.register(completionsStored, { stored: parts.stored })
  await app.register(feedback, { feedback: parts.feedback, admit: parts.admit })
  await app.register(completions, answering)
  await app.register(embeddings, { embed: parts.embed })
  await app.register(models, { bases, adapters, embedder: parts.embedder })
  await app.register(tokenize, { count: parts.count })
  await app.register(memories, { memories: parts.memories, policies: parts.policies, admit: parts.admit })
  await app.register(profile, { memories: parts.memories, profile: parts.profile, policies: parts.policies, admit: parts.admit })
  await app.register(users, { policies: parts.policies, erasures: parts.erasures, retentionOf: tenant => retentionOf(config, tenant), admit: parts.admit })
  await app.register(portability, { portability: parts.portability, policies: parts.policies, uploads, admit: parts.admit, config })
  await app.register(tokens, { tokens: parts.tokens, admit: parts.admit })
  await app.register(adminModels, { bases })
  await app.register(adminAdapters, { adapters, bases, lineages: parts.lineages, uploads, config })
  await app.register(adminCanaries, { canaries: parts.canaries })
  await app.register(lora, { adapters })
  await app.register(adminDatasets, { datasets, lineages: parts.lineages })
  await app.register(exports, { exports: parts.exports, schedules: parts.schedules })
  await app.register(reviews, { reviews: parts.reviews })
  await app.register(adminTraining, { training, datasets })
  await app.register(adminLoop, { loops: parts.loops })
  await app.register(adminKeys, { keys: parts.keys })
  await app.register(adminAudit, { audit: parts.audit })
  await app.ready()
  return app
}
