import { keyedPolicy, keylessPolicy } from '../access/caller.ts'
import type { Config } from '../config.ts'
import type { ModelFile } from '../models/models.ts'

export interface Started {
  readonly url: string
  readonly version: string
  readonly models: readonly ModelFile[]
  readonly keyless: boolean
  readonly gpu: string
  /** Bytes below the data folder. */
  readonly dataBytes: number
}

/** What an operator sees when the server is up: where it is, what it keeps, and a first request to paste. */
export function greeting ({ url, version, models, keyless, gpu, dataBytes }: Started, config: Config): string {
  const [first] = models
  const key = keyless ? '' : ' \\\n    -H "authorization: Bearer $ENGRAFT_KEY"'
  return [
    `Engraft ${version} is ready: ${url}  (docs: ${url}/docs)`,
    '',
    ...models.map((model, i) => `  ${i === 0 ? 'model ' : '      '}  ${model.name} (${megabytes(model.size)} MB, context ${Math.min(model.contextLength, config.context)}, ${i === 0 ? `${gpu === 'off' ? `CPU, ${config.threads} thread${config.threads === 1 ? '' : 's'}` : gpu}, ${config.slots} slots` : 'loaded when first used'})`),
    `  data    ${config.data} (${megabytes(dataBytes)} MB on disk)`,
    `  access  ${keyless ? 'no key needed, from programs on this machine only' : 'an API key is needed (engraft keys create)'}`,
    ...kept(keyless, config),
    `  memory  found by ${config.embedder === 'none' ? 'their words only' : `words and meaning (${config.embedder})`}`,
    '',
    'Try it:',
    `  curl ${url}/v1/chat/completions -H 'content-type: application/json'${key} \\`,
    `    -d '{"model":"${first?.name ?? ''}","messages":[{"role":"user","content":"Say hello in five words."}]}'`,
    ''
  ].join('\n')
}

/** The policies that hold where nobody asks for less, as `chat/keeping.ts` applies them. */
function kept (keyless: boolean, { retentionDays: days, tenantRetentionDays: tenants }: Config): string[] {
  const { read, write, store, training, byBody } = keyless ? keylessPolicy : keyedPolicy
  const memory = read === write ? word(read) : read ? 'read only' : 'written only'
  return [
    `  kept    memory ${memory}, store ${word(store)}, training ${word(training)}, for users named by x-engraft-user${byBody ? " or 'user'" : ' or by their key'}`,
    `          of requests that name no user: ${keyless ? "nothing, unless they say 'store': true" : 'the answers, no memory'}`,
    "          to keep less: header x-engraft-memory: off, read or write; 'store': false; PATCH /v1/users/USER",
    `          ${days === 0 ? 'until it is erased' : `${days} day${days === 1 ? '' : 's'}, and not longer`}${tenants.length === 0 ? '' : ` (${tenants.join(', ')})`}${keyless ? '' : '; a key made with other flags keeps what they say'}`
  ]
}

function word (on: boolean): string { return on ? 'on' : 'off' }

export function megabytes (bytes: number): string { return (bytes / 1e6).toFixed(bytes < 10e6 ? 1 : 0) }
